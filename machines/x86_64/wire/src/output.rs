//! What a system says over the output port, which goes one way: the output of tasks, the
//! files that they write, and what the kernel has to tell of them. Frames: a [`Header`], and
//! so many bytes behind it.

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
    /// A line of the kernel's own, for standard error.
    Said = 1;
    /// A task's standard output; the number is the task's place in the system file.
    Standard = 2;
    /// A task's standard error; the same.
    Error = 3;
    /// A task begins a file, which gets this number: four bytes, little end first, which of
    /// the plan's paths its folder is, and its path in there.
    Open = 4;
    /// More bytes of the file of this number.
    Data = 5;
    /// The file of this number is whole.
    Close = 6;
}

/// What a frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it says.
    pub kind: Kind,
    /// Of whom, or of which file.
    pub number: u32,
    /// How many bytes follow.
    pub bytes: u32,
}

impl Header {
    /// Its length on the port, in bytes.
    pub const BYTES: usize = 9;

    /// As it goes over the port.
    #[must_use]
    pub fn encode(self) -> [u8; Self::BYTES] {
        let mut encoded = [self.kind as u8; Self::BYTES];
        encoded[1..5].copy_from_slice(&self.number.to_le_bytes());
        encoded[5..].copy_from_slice(&self.bytes.to_le_bytes());
        encoded
    }

    /// What came over the port; `None` if the kind is none.
    #[must_use]
    pub fn decode(encoded: [u8; Self::BYTES]) -> Option<Self> {
        let [kind, a, b, c, d, e, f, g, h] = encoded;
        Some(Self {
            kind: Kind::from_raw(kind)?,
            number: u32::from_le_bytes([a, b, c, d]),
            bytes: u32::from_le_bytes([e, f, g, h]),
        })
    }
}

/// How a system ended: QEMU's exit status is twice this, and one.
pub mod verdict {
    /// Every task exited with 0.
    pub const SUCCEEDED: u32 = 0x20;
    /// A task failed.
    pub const FAILED: u32 = 0x21;
    /// Nothing was started.
    pub const REFUSED: u32 = 0x22;
}

/// The names of the archive's entries that are no file of a task's.
pub mod archive {
    /// The system file, as it is.
    pub const SYSTEM_FILE: &str = "system.toml";
    /// Texts that end in NUL: the system file's path on the host, and what `$1`, `$2`, ...
    /// stand for.
    pub const ARGUMENTS: &str = "arguments";
    // All else: the number of a path of the plan's, in decimal, if that is a program; if it is
    // a folder, the number, `/`, and the path of a file in it.
}
