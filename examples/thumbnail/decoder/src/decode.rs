//! Which decoder a file goes to, and what is refused before any decoder works on it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::DerefMut;
use core::panic::Location;

use thumbnail_chain::{DECODER, Fault, MAX_PIXELS, Picture, Size, file_name};
use usufruct_guest::eprintln;
use usufruct_guest::program::exit;

use crate::{jpeg, png};

/// What can be done about a file that does not decode.
const ANOTHER: &str = "use another JPEG or PNG file";

/// A decoder panicked: for the person that is one more way of not reading the file.
pub(crate) fn give_up(place: Option<&Location<'_>>) {
    let cause = match place {
        Some(at) => format!(
            "its decoder gave up at {}:{}",
            // The rest of it tells where the program was built.
            file_name(at.file()).unwrap_or("?"),
            at.line()
        ),
        None => "its decoder gave up".to_owned(),
    };
    eprintln!("{DECODER}: {}", Fault::new("the picture", cause, ANOTHER));
    exit(1);
}

/// Decodes a whole file into `room`, which is asked for so many bytes at least.
pub(crate) fn picture<S: DerefMut<Target = [u8]>>(
    file: Vec<u8>,
    room: &impl Fn(usize) -> Result<S, Fault>,
) -> Result<Picture<S>, Fault> {
    let (stored, turn) = match &file[..] {
        [0x89, b'P', b'N', b'G', ..] => png::decode(file, room)?,
        [0xff, 0xd8, ..] => jpeg::decode(&file, room)?,
        _ => {
            let begin: Vec<String> = file
                .iter()
                .take(4)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let cause = format!(
                "it is neither JPEG nor PNG: it begins with {}",
                begin.join(" ")
            );
            return Err(Fault::new("the picture", cause, ANOTHER));
        }
    };
    turn.apply(stored, room)
}

/// The size that a file's header gives, if it can be worked on.
pub(crate) fn size(width: u32, height: u32) -> Result<Size, Fault> {
    Size::new(width, height).ok_or_else(|| {
        let cause = if width == 0 || height == 0 {
            format!("its header says {width} x {height} pixels, which is nothing")
        } else {
            format!(
                "its header says {width} x {height} pixels; the most is {} million, and 65535 a side",
                MAX_PIXELS / 1_000_000
            )
        };
        Fault::new("the picture", cause, "make it smaller first")
    })
}

/// A decoder gave up on the file.
pub(crate) fn broken(format: &str, why: &impl core::fmt::Display) -> Fault {
    // Decoders explain themselves over several lines; the person gets one.
    let why = why.to_string();
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let cause = format!("the {format} file is broken or cut short: {why}");
    Fault::new("the picture", cause, ANOTHER)
}
