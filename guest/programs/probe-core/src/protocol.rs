//! Commands and replies as bytes: little-endian, a header of fixed size, then data.
//!
//! ```text
//!   command   operation u32, number u32, words 4 x u64, data
//!   reply     status u32, result i32, last_error i32, 0 u32, value u64, data
//! ```
//!
//! `probe-c/protocol.h` says the same in C; a test of the suite compares the two.

/// The most data bytes in one frame.
pub const DATA_BYTES: usize = 4096;
/// A command without its data, in bytes.
pub const COMMAND_HEADER_BYTES: usize = 40;
/// A reply without its data, in bytes.
pub const REPLY_HEADER_BYTES: usize = 24;
/// The longest command, in bytes.
pub const COMMAND_BYTES: usize = COMMAND_HEADER_BYTES + DATA_BYTES;
/// The longest reply, in bytes.
pub const REPLY_BYTES: usize = REPLY_HEADER_BYTES + DATA_BYTES;
/// The scratch memory that every probe has, in bytes: several chunks and bursts of a copy.
pub const ARENA_BYTES: usize = 1 << 20;
/// What the arena's address is a multiple of, in bytes.
pub const ARENA_ALIGN: usize = 4096;

/// States each operation once: variant, number, and the name in C.
macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// What a command asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Operation {
            $($(#[$doc])* $variant = $number,)*
        }

        impl Operation {
            /// Every operation, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in the C header.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The operation that a raw number asks for.
            #[must_use]
            pub const fn from_raw(raw: u32) -> Option<Self> {
                match raw { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

operations! {
    /// Make kernel call `number` with `words`, then `last_error`; reply with what both said.
    Call = 1, "PROBE_CALL";
    /// Load `words[1]` bytes from address `words[0]`; reply with them.
    Load = 2, "PROBE_LOAD";
    /// Store the data from address `words[0]` on.
    Store = 3, "PROBE_STORE";
    /// Store byte `words[2]` to `words[1]` bytes from address `words[0]` on.
    Fill = 4, "PROBE_FILL";
    /// Copy `words[2]` bytes to `words[0]` from `words[1]`, as if through a buffer.
    Copy = 5, "PROBE_COPY";
    /// Load `words[1]` bytes from `words[0]`; `value` is their 64-bit FNV-1a hash.
    Checksum = 6, "PROBE_CHECKSUM";
    /// Compute `words[0]` rounds without a call; for 0: for ever.
    Spin = 7, "PROBE_SPIN";
    /// Return from the entry with status `words[0]`. No reply.
    Exit = 8, "PROBE_EXIT";
    /// Execute an instruction that traps. No reply.
    Trap = 9, "PROBE_TRAP";
    /// Say where memory is: the data is a [`Region`](crate::Region).
    Arena = 10, "PROBE_ARENA";
    /// `value` is how many times this life has made call `number`, [`Self::Repeat`] and
    /// the `last_error` of [`Self::Call`] included.
    Count = 11, "PROBE_COUNT";
    /// Make call `number` with `words` until it does not answer 0, at most as often as the
    /// first 8 data bytes say (0: for ever), then `last_error`. `value` counts the zeros.
    Repeat = 12, "PROBE_REPEAT";
    /// Store the 8 bytes of `words[1]` to address `words[0]`, aligned or not, in one store.
    StoreWord = 13, "PROBE_STORE_WORD";
    /// Store byte `words[2]` to `words[1]` bytes from address `words[0]` on, for ever. No reply.
    KeepStoring = 14, "PROBE_KEEP_STORING";
}

/// How a command went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// It was carried out.
    Done = 0,
    /// The frame is no command, or names a call that this probe can not make.
    NotUnderstood = 1,
}

/// Where a probe's memory is, in its own addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First byte of the arena; a multiple of [`ARENA_ALIGN`].
    pub arena: u64,
    /// Size of the arena, in bytes; at least [`ARENA_BYTES`].
    pub arena_bytes: u64,
    /// First address after the memory that the arena lies in: everything from the arena to
    /// here is the task's memory, and here nothing is.
    pub end: u64,
}

impl Region {
    /// Its size in a reply, in bytes.
    pub const BYTES: usize = 24;

    /// The region as reply data.
    #[must_use]
    pub fn encode(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        put(&mut bytes, 0, &self.arena.to_le_bytes());
        put(&mut bytes, 8, &self.arena_bytes.to_le_bytes());
        put(&mut bytes, 16, &self.end.to_le_bytes());
        bytes
    }

    /// The region that reply data states; `None` if the data is too short.
    #[must_use]
    pub fn decode(data: &[u8]) -> Option<Self> {
        Some(Self {
            arena: u64_at(data, 0)?,
            arena_bytes: u64_at(data, 8)?,
            end: u64_at(data, 16)?,
        })
    }
}

/// One thing that a probe is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// What to do.
    pub operation: Operation,
    /// A kernel call's number, as [`usufruct_abi::Number`] has it; else 0.
    pub number: u32,
    /// The operation's words; a call takes the first ones, each cut to the machine's width.
    pub words: [u64; 4],
    /// The operation's bytes; at most [`DATA_BYTES`].
    pub data: &'a [u8],
}

impl<'a> Command<'a> {
    /// Writes the frame and returns its length in bytes; `None` if it does not fit.
    #[must_use]
    pub fn encode(&self, into: &mut [u8]) -> Option<usize> {
        let length = COMMAND_HEADER_BYTES.checked_add(self.data.len())?;
        let frame = into.get_mut(..length)?;
        put(frame, 0, &(self.operation as u32).to_le_bytes());
        put(frame, 4, &self.number.to_le_bytes());
        for (index, word) in self.words.iter().enumerate() {
            put(frame, 8 + 8 * index, &word.to_le_bytes());
        }
        put(frame, COMMAND_HEADER_BYTES, self.data);
        Some(length)
    }

    /// Reads a frame; `None` if it is none.
    #[must_use]
    pub fn decode(frame: &'a [u8]) -> Option<Self> {
        Some(Self {
            operation: Operation::from_raw(u32_at(frame, 0)?)?,
            number: u32_at(frame, 4)?,
            words: [
                u64_at(frame, 8)?,
                u64_at(frame, 16)?,
                u64_at(frame, 24)?,
                u64_at(frame, 32)?,
            ],
            data: frame.get(COMMAND_HEADER_BYTES..)?,
        })
    }
}

/// What a probe says when it has carried out a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// Whether it did.
    pub status: Status,
    /// What the kernel call answered; 0 if there was none.
    pub result: i32,
    /// What `last_error` said right after; 0 if there was no call.
    pub last_error: i32,
    /// A sum or a count; else 0.
    pub value: u64,
    /// The bytes asked for.
    pub data: &'a [u8],
}

impl<'a> Reply<'a> {
    /// A command carried out, with nothing to say.
    pub const DONE: Self = Self {
        status: Status::Done,
        result: 0,
        last_error: 0,
        value: 0,
        data: &[],
    };

    /// Writes the frame's header; the data follows it.
    #[must_use]
    pub fn header(&self) -> [u8; REPLY_HEADER_BYTES] {
        let mut header = [0; REPLY_HEADER_BYTES];
        put(&mut header, 0, &(self.status as u32).to_le_bytes());
        put(&mut header, 4, &self.result.to_le_bytes());
        put(&mut header, 8, &self.last_error.to_le_bytes());
        put(&mut header, 16, &self.value.to_le_bytes());
        header
    }

    /// Reads a frame; `None` if it is none.
    #[must_use]
    pub fn decode(frame: &'a [u8]) -> Option<Self> {
        let status = match u32_at(frame, 0)? {
            0 => Status::Done,
            1 => Status::NotUnderstood,
            _ => return None,
        };
        Some(Self {
            status,
            result: u32_at(frame, 4)?.cast_signed(),
            last_error: u32_at(frame, 8)?.cast_signed(),
            value: u64_at(frame, 16)?,
            data: frame.get(REPLY_HEADER_BYTES..)?,
        })
    }
}

/// Stores `bytes` from `at` on. A frame's builder has made the room.
fn put(frame: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = frame.get_mut(at..at.saturating_add(bytes.len())) {
        place.copy_from_slice(bytes);
    }
}

fn u32_at(frame: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*frame.get(at..)?.first_chunk()?))
}

/// The little-endian number at `at`, if the frame is that long.
pub(crate) fn u64_at(frame: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*frame.get(at..)?.first_chunk()?))
}
