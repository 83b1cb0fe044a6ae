//! Call numbers: which call a trap asks for. In WebAssembly the import's name
//! says it instead.

/// States each call once: its variant, its number, its name in C and on the
/// import list, and how many argument words it has.
macro_rules! calls {
    ($(#[$kind:meta])* $type:ident: $($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal, $arguments:literal;)*) => {
        $(#[$kind])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum $type {
            $($(#[$doc])* $variant = $number,)*
        }

        impl $type {
            /// Every call, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The call's name, as C programs and WebAssembly imports spell it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How many 32-bit (natively: pointer-wide) words it takes.
            #[must_use]
            pub const fn arguments(self) -> usize {
                match self { $(Self::$variant => $arguments,)* }
            }

            /// The call that a raw number asks for.
            #[must_use]
            pub const fn from_raw(raw: u32) -> Option<Self> {
                match raw { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

pub(crate) use calls;

calls! {
    /// A call that the kernel serves.
    Number:
    /// `int share_mem(int target_task, void *addr, int size, int perms)`
    ShareMem = 1, "share_mem", 4;
    /// `int claim_mem(int smo_id)`
    ClaimMem = 2, "claim_mem", 1;
    /// `int pass_mem(int smo_id, int target_task)`
    PassMem = 3, "pass_mem", 2;
    /// `int read_mem(int smo_id, int off, int size, void *dest)`
    ReadMem = 4, "read_mem", 4;
    /// `int write_mem(int smo_id, int off, int size, void *src)`
    WriteMem = 5, "write_mem", 4;
    /// `int mem_size(int smo_id)`
    MemSize = 6, "mem_size", 1;
    /// `int last_error(void)`
    LastError = 7, "last_error", 0;

    /// `int watch_task(int task, int port)`
    WatchTask = 16, "watch_task", 2;
    /// `int find_task(const char *name, int len)`
    FindTask = 17, "find_task", 2;
    /// `int get_current_task(void)`
    GetCurrentTask = 18, "get_current_task", 0;
    /// `int get_current_thread(void)`
    GetCurrentThread = 19, "get_current_thread", 0;

    /// `int open_port(int port)`
    OpenPort = 32, "open_port", 1;
    /// `int close_port(int port)`
    ClosePort = 33, "close_port", 1;
    /// `int send_msg(int task, int port, const void *msg16)`
    SendMsg = 34, "send_msg", 3;
    /// `int get_msg(int port, void *msg16, int *sender)`
    GetMsg = 35, "get_msg", 3;
    /// `int get_msg_count(int port)`
    GetMsgCount = 36, "get_msg_count", 1;
    /// `int wait_msg(int port, int timeout_ms)`
    WaitMsg = 37, "wait_msg", 2;

    /// `Err ControlMem(void *p, int32 size, int32 cmd, Item task)`
    ControlMem = 64, "ControlMem", 4;
    /// `void *AllocMemBlocks(int32 size, uint32 flags)`
    AllocMemBlocks = 65, "AllocMemBlocks", 2;
    /// `int32 GetPageSize(uint32 flags)`
    GetPageSize = 66, "GetPageSize", 1;
    /// `int32 IsMemReadable(const void *p, int32 size)`
    IsMemReadable = 67, "IsMemReadable", 2;
    /// `int32 IsMemWritable(const void *p, int32 size)`
    IsMemWritable = 68, "IsMemWritable", 2;
    /// `int32 IsMemOwned(const void *p, int32 size)`
    IsMemOwned = 69, "IsMemOwned", 2;
    /// `void AvailMem(MemInfo *info, uint32 flags)`
    AvailMem = 70, "AvailMem", 2;
}
