//! Calls about pages, and stores to them, that no honest program makes. No reference to a
//! page is made here or by those who use this.

use core::hint::black_box;
use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};

use usufruct_guest::raw;
use usufruct_guest::raw::page as calls;

/// An address in the pool. What stores is not inlined: reports name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot(pub(super) usize);

impl Spot {
    fn ptr(self) -> *mut u8 {
        with_exposed_provenance_mut(self.0)
    }

    pub(super) fn plus(self, bytes: usize) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// `ControlMem` of so many bytes here.
    pub(super) fn control(self, size: i32, command: i32, task: i32) -> i32 {
        // SAFETY: this program has no reference to a page, and relies on none.
        unsafe { calls::ControlMem(self.ptr(), size, command, task) }
    }

    pub(super) fn load(self) -> u8 {
        // SAFETY: every page can be read by everybody; volatile, for others store there.
        unsafe { self.ptr().read_volatile() }
    }

    #[inline(never)]
    pub(super) fn store(self, byte: u8) {
        // SAFETY: The machine sees this store. It lets it through, or ends the
        // task; this program relies on nothing there.
        unsafe { self.ptr().write_volatile(byte) };
    }

    /// Eight bytes with one store, aligned or not.
    #[inline(never)]
    pub(super) fn store_eight(self) {
        let to = self.ptr().cast::<u64>();
        // SAFETY: as for `store`.
        unsafe { to.write_unaligned(black_box(u64::MAX)) };
    }

    /// With `memory.copy`.
    #[inline(never)]
    pub(super) fn copy_here(self, bytes: &[u8]) {
        // SAFETY: as for `store`; the slice is no page's.
        unsafe { self.ptr().copy_from(bytes.as_ptr(), black_box(bytes.len())) };
        black_box(self.load());
    }

    /// With `memory.fill`.
    #[inline(never)]
    pub(super) fn fill(self, bytes: usize) {
        // SAFETY: as for `store`.
        unsafe { self.ptr().write_bytes(black_box(0xff), black_box(bytes)) };
        black_box(self.load());
    }

    /// `share_mem` of 64 bytes here, to be written.
    pub(super) fn share_to_write(self, target: i32) -> i32 {
        let at = with_exposed_provenance(self.0);
        // SAFETY: this program relies on nothing there.
        unsafe { raw::share_mem(target, at, 64, usufruct_abi::WRITE_PERM) }
    }

    /// `read_mem` of 64 bytes of an object to here.
    pub(super) fn read_object(self, smo: i32) -> i32 {
        // SAFETY: the same.
        unsafe { raw::read_mem(smo, 0, 64, self.ptr()) }
    }

    /// `get_msg` with the message stored here.
    pub(super) fn get_message(self, port: i32) -> i32 {
        let mut sender = 0;
        // SAFETY: the same; `sender` is a live variable.
        unsafe { raw::get_msg(port, self.ptr().cast(), &raw mut sender) }
    }

    /// `get_msg` with the sender stored here.
    pub(super) fn get_sender(self, port: i32) -> i32 {
        let mut message = [0; 4];
        // SAFETY: the same; `message` is a live array of 16 bytes.
        unsafe { raw::get_msg(port, message.as_mut_ptr(), self.ptr().cast()) }
    }

    /// `AvailMem` with its answer stored here.
    pub(super) fn avail(self) {
        // SAFETY: the same.
        unsafe { calls::AvailMem(self.ptr().cast(), 0) };
    }

    /// Calls of WASI with a result stored here, or with a buffer here, by name.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn streams(self) -> [(&'static str, i32); 6] {
        #[link(wasm_import_module = "wasi_snapshot_preview1")]
        unsafe extern "C" {
            fn clock_time_get(id: i32, precision: i64, time: *mut u8) -> i32;
            fn random_get(buffer: *mut u8, size: i32) -> i32;
            fn args_sizes_get(count: *mut u8, size: *mut u8) -> i32;
            fn fd_read(fd: i32, vectors: *const Vector, count: i32, read: *mut u8) -> i32;
            fn fd_write(fd: i32, vectors: *const Vector, count: i32, written: *mut u8) -> i32;
        }
        #[repr(C)]
        struct Vector(*mut u8, usize);
        let here = Vector(self.ptr(), 64);
        let mut moved = [0; 4];
        // SAFETY: as for `read_object`; so for the others.
        let clock = unsafe { clock_time_get(0, 0, self.ptr()) };
        // SAFETY: the same.
        let random = unsafe { random_get(self.ptr(), 64) };
        // SAFETY: the same.
        let sizes = unsafe { args_sizes_get(self.ptr(), self.plus(8).ptr()) };
        // SAFETY: the same; no vectors are read.
        let count = unsafe { fd_write(1, core::ptr::null(), 0, self.ptr()) };
        // SAFETY: the same; vector and count are live variables.
        let read = unsafe { fd_read(0, &raw const here, 1, moved.as_mut_ptr()) };
        // SAFETY: the same.
        let write = unsafe { fd_write(1, &raw const here, 1, moved.as_mut_ptr()) };
        [
            ("clock_time_get", clock),
            ("random_get", random),
            ("args_sizes_get", sizes),
            ("the count of fd_write", count),
            ("fd_read", read),
            ("fd_write", write),
        ]
    }

    /// The bare machine's own calls with a buffer or a path here.
    #[cfg(target_os = "none")]
    pub(super) fn streams(self) -> [(&'static str, i32); 4] {
        use usufruct_abi::NativeCall::{OpenStream, ReadStream, WriteStream};
        let at = self.0 as u64;
        [
            ("read_stream", ReadStream, [0, at, 64]),
            ("write_stream", WriteStream, [1, at, 64]),
            ("open_stream to read", OpenStream, [at, 8, 1]),
            ("open_stream to write", OpenStream, [at, 8, 2]),
        ]
        .map(|(name, call, words)| {
            // SAFETY: this program relies on nothing there.
            let answer = unsafe { raw::native_call(call, words) };
            (name, i32::try_from(-answer).unwrap_or(-1))
        })
    }

    /// Other targets have no such calls.
    #[cfg(not(any(target_arch = "wasm32", target_os = "none")))]
    pub(super) fn streams(self) -> [(&'static str, i32); 1] {
        [("", -1)]
    }
}

/// Pages for so many bytes, which no value stands for.
pub(super) fn allocate(bytes: i32) -> Option<Spot> {
    let at = calls::AllocMemBlocks(bytes, 0);
    (!at.is_null()).then(|| Spot(at.expose_provenance()))
}

/// Asks for heap up to the pool, and over it. Whether any of it was to be had.
#[cfg(target_arch = "wasm32")]
pub(super) fn grow_over_the_pool() -> bool {
    use core::arch::wasm32::{memory_grow, memory_size};
    let to_the_pool = (1 << 15) - memory_size::<0>();
    [
        to_the_pool,
        to_the_pool + 1,
        1 << 15,
        (1 << 16) - memory_size::<0>(),
        usize::MAX,
    ]
    .into_iter()
    .any(|pages| memory_grow::<0>(pages) != usize::MAX)
}

/// The same.
#[cfg(target_os = "none")]
pub(super) fn grow_over_the_pool() -> bool {
    use usufruct_abi::NativeCall::GrowMemory;
    // SAFETY: it only tells where the memory ends.
    let end = unsafe { raw::native_call(GrowMemory, [0]) }.cast_unsigned();
    let to_the_pool = (2 << 30) - end;
    [
        to_the_pool,
        to_the_pool + 1,
        4 << 30,
        u64::MAX - end,
        u64::MAX >> 1,
    ]
    .into_iter()
    // SAFETY: it only adds memory.
    .any(|bytes| unsafe { raw::native_call(GrowMemory, [bytes]) } >= 0)
}

/// Other targets have no such heap.
#[cfg(not(any(target_arch = "wasm32", target_os = "none")))]
pub(super) fn grow_over_the_pool() -> bool {
    false
}
