//! Begins every word of the selection with a capital letter. Whether its first
//! letter begins a word is seen in the text before it.

use std::process::ExitCode;

use plugins::Order;
use usufruct_guest::Error;

fn main() -> ExitCode {
    match edit() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the editor's order can not be carried out: {error}");
            ExitCode::FAILURE
        }
    }
}

fn edit() -> Result<(), Error> {
    let order = Order::wait()?;
    let mut before = [b' '];
    if let Some(at) = order.start.checked_sub(1) {
        order.text.read_at(at, &mut before)?;
    }
    let mut bytes = order.selected()?;
    let mut begins = !before[0].is_ascii_alphanumeric();
    for byte in &mut bytes {
        if begins {
            byte.make_ascii_uppercase();
        }
        begins = !byte.is_ascii_alphanumeric();
    }
    order.selection.write_at(0, &bytes)
}
