//! What a call may answer instead of success.

/// States each error once: variant, number, the C name, and what the caller can do.
macro_rules! errors {
    ($(#[$kind:meta])* $type:ident: $($(#[$doc:meta])* $variant:ident = $number:expr, $name:literal;)*) => {
        $(#[$kind])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i32)]
        pub enum $type {
            $($(#[$doc])* $variant = $number,)*
        }

        impl $type {
            /// Every one, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its number, as a call answers it.
            #[must_use]
            pub const fn code(self) -> i32 {
                self as i32
            }

            /// Its name in the C header.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The error that has this number.
            #[must_use]
            pub fn from_code(code: i32) -> Option<Self> {
                Self::ALL.iter().copied().find(|error| error.code() == code)
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl core::error::Error for $type {}
    };
}

pub(crate) use errors;

errors! {
    /// What `last_error` says after a call about tasks, shared memory objects or
    /// ports. The numbers are Sartoris's, but for the last.
    Error:
    /// The last call succeeded.
    Ok = 0, "SERR_OK";
    /// A range is not the caller's memory; or the owner's side of an object is no
    /// longer accessible.
    InvalidPtr = 1, "SERR_INVALID_PTR";
    /// 0 or negative: this can not be an object's id at all.
    InvalidId = 2, "SERR_INVALID_ID";
    /// No such live task.
    InvalidTsk = 3, "SERR_INVALID_TSK";
    /// The object lacks the right, or its owner may not write there.
    NoPermission = 5, "SERR_NO_PERMISSION";
    /// A kernel table is full. Release something and try again.
    NoMem = 6, "SERR_NO_MEM";
    /// A size or offset is negative or reaches out of the object.
    InvalidSize = 12, "SERR_INVALID_SIZE";
    /// Ports are 0 to 31.
    InvalidPort = 16, "SERR_INVALID_PORT";
    /// The port is closed (or, for `open_port`, open already).
    PortDisabled = 17, "SERR_PORT_DISABLED";
    /// The port takes no more messages now.
    PortFull = 18, "SERR_PORT_FULL";
    /// No message is there.
    NoMsg = 19, "SERR_NO_MSG";
    /// The caller owns as many objects as it may.
    TooManySmos = 23, "SERR_TOO_MANY_SMOS";
    /// No live object has this id.
    InvalidSmo = 24, "SERR_INVALID_SMO";
    /// The caller is not the object's target.
    NotSmoTarget = 25, "SERR_NOT_SMO_TARGET";
    /// The caller is not the object's owner.
    SmoNotOwned = 26, "SERR_SMO_NOT_OWNED";
    /// Permissions other than READ, WRITE or both. (Ours)
    InvalidPerms = 40, "SERR_INVALID_PERMS";
}

/// An error word as Portfolio composes it, as a signed number.
const fn word(bits: u32) -> i32 {
    bits.cast_signed()
}

errors! {
    /// What the page calls answer: Portfolio's error words, all negative.
    PortfolioError:
    /// The item names no live task.
    BadItem = word(0xD57B_9001), "BADITEM";
    /// Not enough memory, or a quota is used up.
    NoMem = word(0xD57B_9006), "NOMEM";
    /// The range is not pool memory that the caller owns.
    BadPtr = word(0xD57B_9009), "ER_BadPtr";
    /// The operation was aborted.
    Aborted = word(0xD57B_900A), "ABORTED";
    /// A parameter is out of its range.
    ParamError = word(0xD57B_9017), "PARAMERROR";
    /// `cmd` is none of the commands.
    BadMemCmd = word(0xD57B_9107), "ER_Kr_BadMemCmd";
}
