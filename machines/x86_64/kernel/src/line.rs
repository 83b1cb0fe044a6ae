//! The serial line, on which frames come and go; and the log, which is a port of its own
//! so that it never mixes with them.

use crate::machine::Bare;
use crate::postbox;
use core::fmt::{self, Write};
use spin::Mutex;
use usufruct_x86_64_wire::{Header, Kind, PAYLOAD_BYTES};
use x86_64::instructions::port::Port;

/// Registers of COM1.
const DATA: u16 = 0x3f8;
const INTERRUPTS: u16 = DATA + 1;
const FIFO: u16 = DATA + 2;
const FORMAT: u16 = DATA + 3;
const STATUS: u16 = DATA + 5;
/// Bits of the status: a byte has come; all bytes have gone.
const RECEIVED: u8 = 1 << 0;
const SENT: u8 = 1 << 5;
/// Bytes that may be sent at once when all have gone.
const FIFO_BYTES: usize = 16;
/// QEMU's isa-debugcon.
const LOG: u16 = 0xe9;

/// A frame on its way in.
#[derive(Debug)]
struct Incoming {
    bytes: [u8; Header::BYTES + PAYLOAD_BYTES],
    count: usize,
}

static INCOMING: Mutex<Incoming> = Mutex::new(Incoming {
    bytes: [0; Header::BYTES + PAYLOAD_BYTES],
    count: 0,
});
/// Held for a whole frame, so that two processors' frames do not mix.
static OUTGOING: Mutex<()> = Mutex::new(());

/// Prepares the line. Once, before anything else here.
pub(crate) fn open() {
    const NO_INTERRUPTS: u8 = 0;
    const EIGHT_BITS: u8 = 3;
    const ON_AND_EMPTY: u8 = 7;
    output(INTERRUPTS, NO_INTERRUPTS);
    output(FORMAT, EIGHT_BITS);
    output(FIFO, ON_AND_EMPTY);
}

/// Takes what has come, and hands on the frames that are complete. Whether more is on its
/// way: the rest of a frame. Does nothing while the other processor does the same.
pub(crate) fn receive(machine: &Bare) -> bool {
    let Some(mut incoming) = INCOMING.try_lock() else {
        return false;
    };
    while input(STATUS) & RECEIVED != 0 {
        let count = incoming.count;
        incoming.bytes[count] = input(DATA);
        incoming.count += 1;
        if let Some((header, payload)) = incoming.frame() {
            machine.seats.deliver(header, payload);
            incoming.count = 0;
        }
    }
    incoming.count > 0
}

impl Incoming {
    /// The frame, if all of it has come.
    ///
    /// # Panics
    ///
    /// If the other side speaks something else: nothing that follows would make sense.
    fn frame(&mut self) -> Option<(Header, &[u8])> {
        let (header, rest) = self.bytes.split_first_chunk_mut()?;
        let on_the_line = self.count.checked_sub(header.len())?;
        let header = Header::decode(*header).expect("the serial line brings frames of wire");
        let payload = &mut rest[..header.payload_bytes.into()];
        match header.kind.posted_at(header.seat.into()) {
            Some(place) => postbox::take(place, payload),
            None if on_the_line < payload.len() => return None,
            None => {}
        }
        Some((header, payload))
    }
}

/// Sends a frame. The payload is at most [`PAYLOAD_BYTES`] long.
pub(crate) fn send(kind: Kind, seat: usize, payload: &[u8]) {
    let header = Header {
        kind,
        seat: seat as u8,
        payload_bytes: payload.len() as u16,
    };
    let follows = match kind.posted_at(seat) {
        Some(place) => {
            postbox::put(place, payload);
            &[]
        }
        None => payload,
    };
    let _whole_frame = OUTGOING.lock();
    for part in [&header.encode(), follows] {
        for burst in part.chunks(FIFO_BYTES) {
            while input(STATUS) & SENT == 0 {
                core::hint::spin_loop();
            }
            burst.iter().for_each(|byte| output(DATA, *byte));
        }
    }
}

/// Says something to whoever reads QEMU's debug console.
pub(crate) fn log(message: fmt::Arguments<'_>) {
    struct Log;
    impl Write for Log {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            text.bytes().for_each(|byte| output(LOG, byte));
            Ok(())
        }
    }
    // `Log` does not fail.
    let _ = Log.write_fmt(message);
}

fn input(port: u16) -> u8 {
    // SAFETY: only the ports above are read: registers of a serial line, which reach no memory.
    unsafe { Port::new(port).read() }
}

fn output(port: u16, byte: u8) {
    // SAFETY: as `input`; and the log's port only takes bytes.
    unsafe { Port::new(port).write(byte) }
}
