//! The serial line, on which frames come and go; and the log, which is a port of its own
//! so that it never mixes with them.

use crate::machine::Bare;
use crate::postbox;
use core::fmt::{self, Write};
use spin::Mutex;
use usufruct_x86_64_wire::{Header, Kind, PAYLOAD_BYTES, posted, seat_of_posted};
use x86_64::instructions::port::Port;

/// Registers of COM1.
const DATA: u16 = 0x3f8;
const INTERRUPTS: u16 = DATA + 1;
const FIFO: u16 = DATA + 2;
const FORMAT: u16 = DATA + 3;
const CONTROL: u16 = DATA + 4;
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
    const EIGHT_BITS: u8 = 3;
    const ON_AND_EMPTY: u8 = 7;
    const MAY_INTERRUPT: u8 = 1 << 3;
    output(FORMAT, EIGHT_BITS);
    output(FIFO, ON_AND_EMPTY);
    output(CONTROL, MAY_INTERRUPT);
    output(INTERRUPTS, RECEIVED);
}

/// Takes what has come, and hands on the frames that are complete; whether there was any.
/// An interrupt says when to look again.
pub(crate) fn receive(machine: &Bare) -> bool {
    let mut incoming = INCOMING.lock();
    let mut has_come = false;
    while input(STATUS) & RECEIVED != 0 {
        let count = incoming.count;
        incoming.bytes[count] = input(DATA);
        incoming.count += 1;
        if let Some((header, payload)) = incoming.frame() {
            machine.seats.deliver(header, payload);
            incoming.count = 0;
            has_come = true;
        }
    }
    has_come
}

impl Incoming {
    /// The frame, if all of it has come.
    ///
    /// # Panics
    ///
    /// If the other side speaks something else: nothing that follows would make sense.
    fn frame(&mut self) -> Option<(Header, &[u8])> {
        if let Some(seat) = seat_of_posted(self.bytes[0]) {
            let kind = Kind::Command;
            let place = kind.posted_at(seat.into())?;
            let length = postbox::take(place, &mut self.bytes[Header::BYTES..]);
            let header = Header {
                kind,
                seat,
                payload_bytes: length as u16,
            };
            return Some((header, &self.bytes[Header::BYTES..][..length]));
        }
        let (header, rest) = self.bytes.split_first_chunk()?;
        let on_the_line = self.count.checked_sub(header.len())?;
        let header = Header::decode(*header).expect("the serial line brings frames of wire");
        let payload = &rest[..header.payload_bytes.into()];
        (on_the_line >= payload.len()).then_some((header, payload))
    }
}

/// Posts a probe's reply.
pub(crate) fn post(seat: usize, reply: &[u8]) {
    if let Some(place) = Kind::Reply.posted_at(seat) {
        postbox::put(place, reply);
    }
    let _whole_frame = OUTGOING.lock();
    transmit(&[posted(seat as u8)]);
}

/// Sends a frame that is not posted. Its payload comes in parts, and has at most
/// [`PAYLOAD_BYTES`].
pub(crate) fn send(kind: Kind, seat: usize, payload: &[&[u8]]) {
    let header = Header {
        kind,
        seat: seat as u8,
        payload_bytes: payload.iter().map(|part| part.len()).sum::<usize>() as u16,
    };
    let _whole_frame = OUTGOING.lock();
    transmit(&header.encode());
    payload.iter().for_each(|part| transmit(part));
}

fn transmit(bytes: &[u8]) {
    for burst in bytes.chunks(FIFO_BYTES) {
        while input(STATUS) & SENT == 0 {
            core::hint::spin_loop();
        }
        burst.iter().for_each(|byte| output(DATA, *byte));
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
