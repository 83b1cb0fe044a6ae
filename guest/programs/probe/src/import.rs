//! What the module imports: the kernel's calls, and the test's two.

use usufruct_abi::Number;

#[link(wasm_import_module = "probe")]
unsafe extern "C" {
    /// Waits for a command, stores it at `into` and returns its length in bytes; -1: no more.
    pub(crate) fn next_command(into: *mut u8, capacity: usize) -> i32;
    /// Takes a reply.
    pub(crate) fn reply(frame: *const u8, bytes: usize);
}

/// Declares the kernel's calls, all words as i32, and which number means which.
macro_rules! kernel_calls {
    ($($(#[$named:meta])* $name:ident = $number:ident($($word:ident),*);)*) => {
        mod kernel {
            #[link(wasm_import_module = "usufruct")]
            unsafe extern "C" {
                $($(#[$named])* pub(super) fn $name($($word: u32),*) -> i32;)*
                // The one call without an answer.
                #[link_name = "AvailMem"]
                pub(super) fn avail_mem(info: u32, flags: u32);
            }
        }

        /// Makes a call.
        #[allow(clippy::cast_possible_truncation, reason = "words of a 32-bit machine")]
        pub(crate) fn call(number: Number, words: [u64; 4]) -> Option<i32> {
            let words = words.map(|word| word as u32);
            Some(match number {
                $(Number::$number => {
                    let [$($word,)* ..] = words;
                    // SAFETY: the kernel stores only where a word says, and a test says
                    // addresses of the arena, which no reference points into.
                    unsafe { kernel::$name($($word),*) }
                })*
                Number::AvailMem => {
                    let [info, flags, ..] = words;
                    // SAFETY: as above.
                    unsafe { kernel::avail_mem(info, flags) }
                    0
                }
            })
        }
    };
}

kernel_calls! {
    share_mem = ShareMem(first, second, third, fourth);
    claim_mem = ClaimMem(first);
    pass_mem = PassMem(first, second);
    read_mem = ReadMem(first, second, third, fourth);
    write_mem = WriteMem(first, second, third, fourth);
    mem_size = MemSize(first);
    last_error = LastError();
    watch_task = WatchTask(first, second);
    find_task = FindTask(first, second);
    get_current_task = GetCurrentTask();
    get_current_thread = GetCurrentThread();
    open_port = OpenPort(first);
    close_port = ClosePort(first);
    send_msg = SendMsg(first, second, third);
    get_msg = GetMsg(first, second, third);
    get_msg_count = GetMsgCount(first);
    wait_msg = WaitMsg(first, second);
    #[link_name = "ControlMem"]
    control_mem = ControlMem(first, second, third, fourth);
    #[link_name = "AllocMemBlocks"]
    alloc_mem_blocks = AllocMemBlocks(first, second);
    #[link_name = "GetPageSize"]
    get_page_size = GetPageSize(first);
    #[link_name = "IsMemReadable"]
    is_mem_readable = IsMemReadable(first, second);
    #[link_name = "IsMemWritable"]
    is_mem_writable = IsMemWritable(first, second);
    #[link_name = "IsMemOwned"]
    is_mem_owned = IsMemOwned(first, second);
}
