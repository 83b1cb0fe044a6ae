//! Abuses what the editor lends it: `rogue spin` never comes back, `rogue trap`
//! crashes. Before that it tries for more than it was lent, spoils the selection, and
//! says what came of it.

use std::fmt::Debug;
use std::process::ExitCode;

use plugins::Order;
use usufruct_guest::{Error, Shared};

fn main() -> ExitCode {
    if let Err(error) = attempt() {
        eprintln!("it does not come to an attempt: {error}");
        return ExitCode::FAILURE;
    }
    match std::env::args().nth(1).as_deref() {
        Some("spin") => loop {
            std::hint::spin_loop();
        },
        Some("trap") => crash(),
        _ => ExitCode::FAILURE,
    }
}

fn crash() -> ! {
    panic!("as asked for");
}

fn attempt() -> Result<(), Error> {
    let order = Order::wait()?;
    let mut byte = [0];
    tell("write to the text", order.text.write_at(0, b"x"));
    tell("read the selection", order.selection.read_at(0, &mut byte));
    tell(
        "write behind the selection",
        order.selection.write_at(order.len, b"x"),
    );
    tell(
        "read behind the text",
        order.text.read_at(order.text.size()?, &mut byte),
    );
    if let Some(editor) = order.editor {
        let bytes = vec![0; 8];
        tell(
            "flood the editor with objects",
            (0..100_000).try_for_each(|_| Shared::readable(editor, &bytes).map(std::mem::forget)),
        );
    }
    tell(
        "write the selection",
        order.selection.write_at(0, &vec![b'!'; order.len]),
    );
    Ok(())
}

fn tell<T: Debug>(what: &str, outcome: Result<T, Error>) {
    match outcome {
        Ok(_) => eprintln!("{what}: done"),
        Err(error) => eprintln!("{what}: {error}"),
    }
}
