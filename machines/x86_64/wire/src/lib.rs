//! What crosses the borders of the bare-metal machine that the abi does not name:
//! frames on the serial line, and the traps by which a probe takes and answers them.
//!
//! ```text
//!   test (host) ══ serial line ══ kernel ── trap ── probe (ring 3)
//!               ══   postbox   ══           TRAP_*
//! ```
//!
//! What probes are told and answer goes through the postbox: a part of the machine's memory,
//! which QEMU keeps in a file. One byte on the line says that it is there: each costs the
//! host a system call or two, and the machine a few traps.

#![no_std]
#![forbid(unsafe_code)]

pub mod duel;
pub mod meter;
pub mod output;

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

/// Size of a place of the postbox, in bytes: how long its payload is (u32), and the payload.
pub const PLACE_BYTES: usize = size_of::<u32>() + PAYLOAD_BYTES;

/// Size of the postbox, in bytes: a command and a reply for each seat.
pub const POSTBOX_BYTES: usize = 2 * SEATS * PLACE_BYTES;

/// The byte that says that something has been posted for a seat, or by it.
#[must_use]
pub const fn posted(seat: u8) -> u8 {
    POSTED | seat
}

/// The seat that such a byte is about; `None` if the byte begins a [`Header`].
#[must_use]
pub const fn seat_of_posted(byte: u8) -> Option<u8> {
    let seat = byte & !POSTED;
    if byte & POSTED != 0 && (seat as usize) < SEATS {
        Some(seat)
    } else {
        None
    }
}

/// No [`Kind`] has this bit.
const POSTED: u8 = 0x80;

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
    /// To the kernel: start a probe. What it may have ([`Allowance`]), its name.
    Start = 1;
    /// To the kernel: a command for the probe, which has answered all earlier ones. Posted.
    Command = 2;
    /// To the kernel: end the probe's task.
    Kill = 3;
    /// To the kernel: end the machine.
    PowerOff = 4;

    /// From the kernel: all processors are up. The postbox's physical address (u64).
    Ready = 16;
    /// From the kernel: the probe lives. The hardware's number of its processor (u8), and what its
    /// start took by the kernel's clock (u64).
    Started = 17;
    /// From the kernel: the probe could not be started. Why, in words.
    Refused = 18;
    /// From the kernel: what the probe answers. Posted.
    Reply = 19;
    /// From the kernel: the probe's task has ended, and all of it is gone. Status (i32),
    /// reason (i32, `ENDED_*` of the abi), and what happened, in words; none if it exited.
    Ended = 20;
}

impl Kind {
    /// The place in the postbox of a frame of this kind, in bytes from the begin; `None` if it
    /// goes over the line, a [`Header`] first.
    #[must_use]
    pub const fn posted_at(self, seat: usize) -> Option<usize> {
        match self {
            Self::Command => Some(2 * seat * PLACE_BYTES),
            Self::Reply => Some((2 * seat + 1) * PLACE_BYTES),
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

/// What every frame begins with that is not posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it says.
    pub kind: Kind,
    /// Which seat it is about; 0 for a frame about all.
    pub seat: u8,
    /// How many bytes follow it.
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

/// What a probe may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Objects that it may own.
    pub smos: u32,
    /// Pages that it may own, and how many of them it is sure of; `None`: it is not attached
    /// to the pool.
    pub pages: Option<[u32; 2]>,
}

impl Allowance {
    /// Its own size, in bytes.
    pub const BYTES: usize = 16;

    /// As it goes over the line.
    #[must_use]
    pub const fn encode(self) -> [u8; Self::BYTES] {
        let [s0, s1, s2, s3] = self.smos.to_le_bytes();
        let (is_attached, [most, sure]) = match self.pages {
            Some(pages) => (1, pages),
            None => (0, [0, 0]),
        };
        let [m0, m1, m2, m3] = most.to_le_bytes();
        let [r0, r1, r2, r3] = sure.to_le_bytes();
        [
            s0,
            s1,
            s2,
            s3,
            is_attached,
            0,
            0,
            0,
            m0,
            m1,
            m2,
            m3,
            r0,
            r1,
            r2,
            r3,
        ]
    }

    /// What the bytes say.
    #[must_use]
    pub const fn decode(bytes: [u8; Self::BYTES]) -> Self {
        let [
            s0,
            s1,
            s2,
            s3,
            is_attached,
            _,
            _,
            _,
            m0,
            m1,
            m2,
            m3,
            r0,
            r1,
            r2,
            r3,
        ] = bytes;
        let most = u32::from_le_bytes([m0, m1, m2, m3]);
        let sure = u32::from_le_bytes([r0, r1, r2, r3]);
        Self {
            smos: u32::from_le_bytes([s0, s1, s2, s3]),
            pages: if is_attached == 0 {
                None
            } else {
                Some([most, sure])
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, Header, Kind, PAYLOAD_BYTES, PLACE_BYTES, POSTBOX_BYTES, SEATS};
    use super::{posted, seat_of_posted};

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
    fn an_allowance_survives_the_line() {
        for pages in [None, Some([0, 0]), Some([u32::MAX, 0x0102_0304])] {
            let smos = 0x1234_5678;
            let allowance = Allowance { smos, pages };
            assert_eq!(Allowance::decode(allowance.encode()), allowance);
        }
    }

    #[test]
    fn every_seat_has_its_own_places_in_the_postbox() {
        let kinds = [Kind::Command, Kind::Reply];
        let places = (0..SEATS).flat_map(|seat| kinds.map(|kind| kind.posted_at(seat).unwrap()));
        assert!(places.eq((0..POSTBOX_BYTES).step_by(PLACE_BYTES)));
    }

    #[test]
    fn what_is_posted_is_no_header() {
        for seat in 0..16 {
            assert_eq!(seat_of_posted(posted(seat)), Some(seat));
            assert_eq!(Header::decode([posted(seat), 0, 0, 0]), None);
        }
        assert_eq!(seat_of_posted(Kind::Start as u8), None);
    }

    #[test]
    fn nonsense_is_no_header() {
        let [low, high] = u16::try_from(PAYLOAD_BYTES + 1).unwrap().to_le_bytes();
        for bytes in [[0; 4], [99, 0, 0, 0], [1, 16, 0, 0], [1, 0, low, high]] {
            assert_eq!(Header::decode(bytes), None, "{bytes:?}");
        }
    }
}
