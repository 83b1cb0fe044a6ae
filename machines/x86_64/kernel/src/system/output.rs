//! The output port: frames to the host, one after another.

use core::fmt;
use spin::Mutex;
use usufruct_x86_64_wire::output::{Header, Kind};
use x86_64::instructions::port::Port;

/// A debug console of QEMU's beside the one of the log.
const OUTPUT: u16 = 0xea;

/// Held for a whole frame, so that two processors' frames do not mix.
static OUTGOING: Mutex<()> = Mutex::new(());

/// Sends a frame, whose payload comes in parts.
pub(super) fn send(kind: Kind, number: usize, payload: &[&[u8]]) {
    let header = Header {
        kind,
        number: number as u32,
        bytes: payload.iter().map(|part| part.len()).sum::<usize>() as u32,
    };
    let _whole_frame = OUTGOING.lock();
    header.encode().iter().for_each(|byte| output(*byte));
    payload
        .iter()
        .copied()
        .flatten()
        .for_each(|byte| output(*byte));
}

/// Says a line to the person who runs the system.
pub(super) fn say(line: impl fmt::Display) {
    /// Sends a piece of the line as it comes: the host puts them together.
    struct Pieces;
    impl fmt::Write for Pieces {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            send(Kind::Said, 0, &[text.as_bytes()]);
            Ok(())
        }
    }
    /// Held for a whole line, before the frames of its pieces.
    static SAYING: Mutex<()> = Mutex::new(());
    let _whole_line = SAYING.lock();
    // `Pieces` does not fail.
    let _ = fmt::write(&mut Pieces, format_args!("{line}\n"));
}

fn output(byte: u8) {
    // SAFETY: the port takes bytes, and reaches no memory.
    unsafe { Port::new(OUTPUT).write(byte) }
}
