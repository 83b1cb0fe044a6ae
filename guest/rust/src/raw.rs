//! The calls as the kernel has them: words in, a word out.
//!
//! The safe layer is made of these and adds no right: the kernel trusts neither.
//! They are public for programs that need what the safe layer leaves out, such
//! as tests that hand the kernel wrong words.
//!
//! Each answers -1 when refused, and [`last_error`] then says why. `docs/calls.md`
//! of the project says what each one does.
//!
//! On WebAssembly each is an import, on bare x86-64 a trap with its number. Where there is no
//! kernel to call, every call is refused with `SERR_INVALID_TSK`: the caller is no task.

#[cfg(not(target_arch = "wasm32"))]
mod native;
pub mod page;

#[cfg(all(target_arch = "x86_64", target_os = "none"))]
pub use native::native_call;

/// Declares each call as an import of WebAssembly, and elsewhere as a trap.
macro_rules! calls {
    ($($(#[$doc:meta])* $safety:ident fn $name:ident($($argument:ident: $type:ty),*);)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "usufruct")]
        unsafe extern "C" {
            $($(#[$doc])* pub $safety fn $name($($argument: $type),*) -> i32;)*
        }
        $(trap! { $(#[$doc])* $safety fn $name($($argument: $type),*) })*
    };
}

macro_rules! trap {
    ($(#[$doc:meta])* safe fn $name:ident($($argument:ident: $type:ty),*)) => {
        $(#[$doc])*
        #[cfg(not(target_arch = "wasm32"))]
        pub fn $name($($argument: $type),*) -> i32 {
            const NUMBER: usufruct_abi::Number = native::number(stringify!($name));
            // SAFETY: this call stores nowhere, whatever its words.
            unsafe { native::trap(NUMBER, [$(native::Word::word($argument)),*]) }
                .map_or(-1, native::Answer::of)
        }
    };
    ($(#[$doc:meta])* unsafe fn $name:ident($($argument:ident: $type:ty),*)) => {
        $(#[$doc])*
        #[cfg(not(target_arch = "wasm32"))]
        pub unsafe fn $name($($argument: $type),*) -> i32 {
            const NUMBER: usufruct_abi::Number = native::number(stringify!($name));
            // SAFETY: the caller's word.
            unsafe { native::trap(NUMBER, [$(native::Word::word($argument)),*]) }
                .map_or(-1, native::Answer::of)
        }
    };
}

calls! {
    /// Lends `size` bytes at `addr` to `target_task`. The object's id, or -1.
    ///
    /// # Safety
    ///
    /// With `WRITE_PERM`, other tasks may store to these bytes at any moment until
    /// the object is claimed: nothing in this program may rely on them till then,
    /// except through atomics.
    unsafe fn share_mem(target_task: i32, addr: *const u8, size: i32, perms: i32);

    /// Takes an object back. When it returns 0, no byte moves through it any more.
    safe fn claim_mem(smo_id: i32);

    /// Makes another task the target of an object that the caller is the target of.
    safe fn pass_mem(smo_id: i32, target_task: i32);

    /// Copies bytes of an object to `dest`.
    ///
    /// # Safety
    ///
    /// `dest` is valid for writes of `size` bytes, or lies where this program has
    /// no memory at all (the kernel then refuses).
    unsafe fn read_mem(smo_id: i32, off: i32, size: i32, dest: *mut u8);

    /// Copies bytes at `src` into an object.
    ///
    /// # Safety
    ///
    /// `src` is valid for reads of `size` bytes, or lies where this program has no
    /// memory at all. An object that this program shares with itself is written to
    /// as by any other task: see [`share_mem`].
    unsafe fn write_mem(smo_id: i32, off: i32, size: i32, src: *const u8);

    /// The size of an object in bytes, for its target.
    safe fn mem_size(smo_id: i32);

    /// Asks for one message on `port` when `task` has ended.
    safe fn watch_task(task: i32, port: i32);

    /// The live task whose name is the `len` bytes at `name`.
    ///
    /// # Safety
    ///
    /// `name` is valid for reads of `len` bytes, or lies where this program has no
    /// memory at all.
    unsafe fn find_task(name: *const u8, len: i32);

    /// The calling task's id.
    safe fn get_current_task();

    /// The calling thread's id.
    safe fn get_current_thread();

    /// Opens a port of the calling task.
    safe fn open_port(port: i32);

    /// Closes it; messages that wait there are dropped.
    safe fn close_port(port: i32);

    /// Sends the 16 bytes at `msg16`. Never blocks.
    ///
    /// # Safety
    ///
    /// `msg16` is valid for reads of 16 bytes, or lies where this program has no
    /// memory at all.
    unsafe fn send_msg(task: i32, port: i32, msg16: *const i32);

    /// Takes the oldest message of `port`. Never blocks.
    ///
    /// # Safety
    ///
    /// `msg16` is valid for writes of 16 bytes and `sender` of 4, or either lies
    /// where this program has no memory at all.
    unsafe fn get_msg(port: i32, msg16: *mut i32, sender: *mut i32);

    /// How many messages wait at `port`.
    safe fn get_msg_count(port: i32);

    /// Sleeps until a message waits at `port`, or `timeout_ms` have passed
    /// (negative: for as long as it takes).
    safe fn wait_msg(port: i32, timeout_ms: i32);
}

/// Why the calling thread's last call was refused; 0 if it was not.
#[cfg(target_arch = "wasm32")]
pub fn last_error() -> i32 {
    #[link(wasm_import_module = "usufruct")]
    unsafe extern "C" {
        safe fn last_error() -> i32;
    }
    last_error()
}

/// Why the calling thread's last call was refused; 0 if it was not.
#[cfg(not(target_arch = "wasm32"))]
pub fn last_error() -> i32 {
    // SAFETY: this call stores nowhere.
    let word = unsafe { native::trap(usufruct_abi::Number::LastError, []) };
    word.map_or(usufruct_abi::Error::InvalidTsk.code(), u32::cast_signed)
}
