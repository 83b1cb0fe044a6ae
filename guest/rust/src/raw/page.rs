//! The calls about pages, under the kernel's own names for them.
//!
//! They leave [`super::last_error`] as it is; each says in its answer what it has to say.
#![allow(
    non_snake_case,
    reason = "the names of Portfolio, as the kernel has them"
)]

#[cfg(not(target_arch = "wasm32"))]
use super::native;

/// What `AvailMem` fills in, all in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
#[expect(non_snake_case, reason = "the names of Portfolio")]
pub struct MemInfo {
    /// Pages that nobody owns.
    pub SysFree: u32,
    /// The longest run of them.
    pub SysLargest: u32,
    /// What this task could still get.
    pub TaskFree: u32,
    /// The longest run that it could get.
    pub TaskLargest: u32,
}

/// Declares each call as an import of WebAssembly, and elsewhere as a trap. Without a kernel it
/// answers what a task without a pool is answered.
macro_rules! calls {
    ($($(#[$doc:meta])* $safety:ident fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = $refused:expr;)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "usufruct")]
        unsafe extern "C" {
            $($(#[$doc])* pub $safety fn $name($($argument: $type),*) -> $result;)*
        }
        $(trap! { $(#[$doc])* $safety fn $name($($argument: $type),*) -> $result = $refused })*
    };
}

macro_rules! trap {
    ($(#[$doc:meta])* safe fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = $refused:expr) => {
        $(#[$doc])*
        #[cfg(not(target_arch = "wasm32"))]
        pub fn $name($($argument: $type),*) -> $result {
            const NUMBER: usufruct_abi::Number = native::number(stringify!($name));
            // SAFETY: this call stores nowhere, whatever its words, but to pages that are free.
            unsafe { native::trap(NUMBER, [$(native::Word::word($argument)),*]) }
                .map_or($refused, native::Answer::of)
        }
    };
    ($(#[$doc:meta])* unsafe fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = $refused:expr) => {
        $(#[$doc])*
        #[cfg(not(target_arch = "wasm32"))]
        pub unsafe fn $name($($argument: $type),*) -> $result {
            const NUMBER: usufruct_abi::Number = native::number(stringify!($name));
            // SAFETY: the caller's word.
            unsafe { native::trap(NUMBER, [$(native::Word::word($argument)),*]) }
                .map_or($refused, native::Answer::of)
        }
    };
}

calls! {
    /// Changes who owns the pages that `size` bytes at `p` touch, or who may write
    /// them. 0, or an error word of [`usufruct_abi::PortfolioError`].
    ///
    /// # Safety
    ///
    /// The pages may be given away, written by others or unwritable afterwards:
    /// nothing in this program relies on their content or on storing to them, as far
    /// as the change takes that away. Least of all a value of [`crate::page`], which
    /// keeps its own account of them.
    unsafe fn ControlMem(p: *mut u8, size: i32, cmd: i32, task: i32) -> i32
        = usufruct_abi::PortfolioError::BadPtr.code();

    /// Takes whole pages from the pool. Their address, or null.
    ///
    /// [`crate::page::Received`] does not know of them: if another task names them in a
    /// letter, it takes them for a delivery. Programs that accept deliveries take
    /// their pages by [`crate::page::Pages::alloc`].
    safe fn AllocMemBlocks(size: i32, flags: u32) -> *mut u8 = core::ptr::null_mut();

    /// The size of a page, in bytes, if `flags` is 0.
    safe fn GetPageSize(flags: u32) -> i32 = 0;

    /// 1 if the task may read all of these bytes.
    safe fn IsMemReadable(p: *const u8, size: i32) -> i32 = 0;

    /// 1 if the task may write all of these bytes.
    safe fn IsMemWritable(p: *const u8, size: i32) -> i32 = 0;

    /// 1 if the task owns all of these bytes, private memory included.
    safe fn IsMemOwned(p: *const u8, size: i32) -> i32 = 0;

    /// Stores how much memory there is, if `flags` is 0.
    ///
    /// # Safety
    ///
    /// `info` is valid for writes, or lies where this program may not write.
    unsafe fn AvailMem(info: *mut MemInfo, flags: u32) -> () = ();
}
