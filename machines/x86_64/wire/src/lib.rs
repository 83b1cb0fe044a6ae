//! What crosses the borders of the bare-metal machine that the abi does not name:
//! frames on the serial line, and the traps by which a probe takes and answers them.
//!
//! ```text
//!   test (host) ══ serial line ══ kernel ── trap ── probe (ring 3)
//!               ══   postbox   ══           TRAP_*
//! ```
//!
//! What probes are told and answer goes through the postbox: a part of the machine's memory,
//! which QEMU keeps in a file. The line says that it is there; it costs the host a system
//! call for each byte.

#![no_std]
#![forbid(unsafe_code)]

/// Where probes sit: a seat belongs to one processor for ever (its number modulo the
/// number of processors), and has one probe after another.
pub const SEATS: usize = 16;

/// `exit(status)`: ends the task; does not return.
pub const TRAP_EXIT: u64 = 0x1000;
/// `next_command(buffer, room)`: waits for a command; its length, or -1 if the buffer is not
/// the task's to store to or too small.
pub const TRAP_NEXT_COMMAND: u64 = 0x1001;
/// `reply(buffer, length)`: sends a reply; 0, or -1 if the buffer is not the task's or too long.
pub const TRAP_REPLY: u64 = 0x1002;

/// The longest payload of a frame, in bytes.
pub const PAYLOAD_BYTES: usize = 8 << 10;

/// Size of the postbox, in bytes: a command and a reply for each seat.
pub const POSTBOX_BYTES: usize = 2 * SEATS * PAYLOAD_BYTES;

/// States each kind of frame once.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $number:literal;)*) => {
        /// What a frame says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Kind {
            $($(#[$doc])* $variant = $number,)*
        }

        impl Kind {
            /// The kind that has this number.
            #[must_use]
            pub const fn from_raw(raw: u8) -> Option<Self> {
                match raw { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    /// To the kernel: start a probe. Objects that it may own (u32), its name.
    Start = 1;
    /// To the kernel: a command for the probe, which has answered all earlier ones. Its
    /// payload is in the postbox.
    Command = 2;
    /// To the kernel: end the probe's task.
    Kill = 3;
    /// To the kernel: end the machine.
    PowerOff = 4;

    /// From the kernel: all processors are up. The postbox's physical address (u64).
    Ready = 16;
    /// From the kernel: the probe lives. The hardware's number of its processor (u8).
    Started = 17;
    /// From the kernel: the probe could not be started. Why, in words.
    Refused = 18;
    /// From the kernel: what the probe answers. Its payload is in the postbox.
    Reply = 19;
    /// From the kernel: the probe's task has ended, and all of it is gone. Status (i32),
    /// reason (i32, `ENDED_*` of the abi).
    Ended = 20;
}

impl Kind {
    /// Where in the postbox a frame of this kind has its payload, in bytes from the begin;
    /// `None` if its payload follows it on the line.
    #[must_use]
    pub const fn posted_at(self, seat: usize) -> Option<usize> {
        match self {
            Self::Command => Some(2 * seat * PAYLOAD_BYTES),
            Self::Reply => Some((2 * seat + 1) * PAYLOAD_BYTES),
            Self::Start
            | Self::Kill
            | Self::PowerOff
            | Self::Ready
            | Self::Started
            | Self::Refused
            | Self::Ended => None,
        }
    }
}

/// What every frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it says.
    pub kind: Kind,
    /// Which seat it is about; 0 for a frame about all.
    pub seat: u8,
    /// How many bytes it carries, on the line or in the postbox.
    pub payload_bytes: u16,
}

impl Header {
    /// Its own size, in bytes.
    pub const BYTES: usize = 4;

    /// As it goes over the line.
    #[must_use]
    pub const fn encode(self) -> [u8; Self::BYTES] {
        let [low, high] = self.payload_bytes.to_le_bytes();
        [self.kind as u8, self.seat, low, high]
    }

    /// `None` if the bytes are no header: the other side speaks something else.
    #[must_use]
    pub fn decode(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let [kind, seat, low, high] = bytes;
        let payload_bytes = u16::from_le_bytes([low, high]);
        let kind = Kind::from_raw(kind)?;
        let is_sane = usize::from(seat) < SEATS && usize::from(payload_bytes) <= PAYLOAD_BYTES;
        is_sane.then_some(Self {
            kind,
            seat,
            payload_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, Kind, PAYLOAD_BYTES, POSTBOX_BYTES, SEATS};

    #[test]
    fn a_header_survives_the_line() {
        let header = Header {
            kind: Kind::Ended,
            seat: 15,
            payload_bytes: 0x1234,
        };
        assert_eq!(Header::decode(header.encode()), Some(header));
    }

    #[test]
    fn every_seat_has_its_own_places_in_the_postbox() {
        let kinds = [Kind::Command, Kind::Reply];
        let places = (0..SEATS).flat_map(|seat| kinds.map(|kind| kind.posted_at(seat).unwrap()));
        assert!(places.eq((0..POSTBOX_BYTES).step_by(PAYLOAD_BYTES)));
    }

    #[test]
    fn nonsense_is_no_header() {
        let [low, high] = u16::try_from(PAYLOAD_BYTES + 1).unwrap().to_le_bytes();
        for bytes in [[0; 4], [99, 0, 0, 0], [1, 16, 0, 0], [1, 0, low, high]] {
            assert_eq!(Header::decode(bytes), None, "{bytes:?}");
        }
    }
}
