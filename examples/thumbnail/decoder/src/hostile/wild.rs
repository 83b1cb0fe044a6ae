//! Addresses that no honest program makes: with those of the pool (wild_page.rs) the only
//! unsafe code of the decoder.

use core::ptr::{without_provenance, without_provenance_mut};

use usufruct_guest::raw;

/// The end of this program's memory, behind a page that nothing else uses. Good until
/// the next allocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge(usize);

impl Edge {
    #[cfg(target_arch = "wasm32")]
    pub(super) fn new() -> Self {
        use core::arch::wasm32::{memory_grow, memory_size};
        // The allocator does not know of this page. Refused: then the last page is the
        // allocator's, and the kernel's refusals keep it whole.
        let _ = memory_grow::<0>(1);
        Self(memory_size::<0>() << 16)
    }

    #[cfg(target_os = "none")]
    pub(super) fn new() -> Self {
        use usufruct_abi::NativeCall::GrowMemory;
        // SAFETY: it only adds memory, of which the allocator does not know. Refused: as above.
        let _ = unsafe { raw::native_call(GrowMemory, [1]) };
        // SAFETY: it only tells where the memory ends.
        let end = unsafe { raw::native_call(GrowMemory, [0]) };
        Self(usize::try_from(end).unwrap_or(0))
    }

    /// Other targets have no such edge: the last page of all addresses.
    #[cfg(not(any(target_arch = "wasm32", target_os = "none")))]
    pub(super) fn new() -> Self {
        Self(usize::MAX << 16)
    }

    /// The address that leaves `inside` bytes before the end.
    fn minus(self, inside: usize) -> usize {
        self.0.saturating_sub(inside)
    }

    /// `share_mem` of a range that begins `inside` bytes before the end.
    pub(super) fn share(self, inside: usize, target: i32, size: i32, perms: i32) -> i32 {
        // SAFETY: the range is refused whole or, with its first bytes in the unused page,
        // holds nothing that this program relies on.
        unsafe { raw::share_mem(target, without_provenance(self.minus(inside)), size, perms) }
    }

    /// `read_mem` of `size` bytes to `inside` bytes before the end.
    pub(super) fn read(self, inside: usize, smo: i32, size: i32) -> i32 {
        let dest = without_provenance_mut(self.minus(inside));
        // SAFETY: as for `share`.
        unsafe { raw::read_mem(smo, 0, size, dest) }
    }

    /// `get_msg` with the message going to `inside` bytes before the end.
    pub(super) fn get(self, inside: usize, port: i32) -> i32 {
        let mut sender = 0;
        let message = without_provenance_mut(self.minus(inside));
        // SAFETY: as for `share`; `sender` is a live variable.
        unsafe { raw::get_msg(port, message, &raw mut sender) }
    }

    /// `get_msg` with the sender going there.
    pub(super) fn get_sender(self, inside: usize, port: i32) -> i32 {
        let mut message = [0; 4];
        let sender = without_provenance_mut(self.minus(inside));
        // SAFETY: as for `share`; `message` is a live array of 16 bytes.
        unsafe { raw::get_msg(port, message.as_mut_ptr(), sender) }
    }

    /// `send_msg` of 16 bytes from there.
    pub(super) fn send(self, inside: usize, task: i32, port: i32) -> i32 {
        let message = without_provenance(self.minus(inside));
        // SAFETY: the kernel reads, and reading the unused page harms nobody.
        unsafe { raw::send_msg(task, port, message) }
    }

    /// `find_task` of a name of `len` bytes there.
    pub(super) fn find(self, inside: usize, len: i32) -> i32 {
        // SAFETY: as for `send`.
        unsafe { raw::find_task(without_provenance(self.minus(inside)), len) }
    }

    /// Stores a byte right behind the end.
    pub(super) fn store(self) {
        let behind: *mut u8 = without_provenance_mut(self.0);
        // SAFETY: there is no memory there. The machine sees the store and ends the task.
        unsafe { behind.write_volatile(1) };
    }
}

/// `read_mem` with any offset and size, and a buffer of 64 bytes. Only calls that are
/// refused, or read no more than that, are sound.
pub(super) fn read_range(smo: i32, offset: i32, size: i32) -> i32 {
    let mut buffer = [0_u8; 64];
    let in_buffer = usize::try_from(size).is_ok_and(|size| size <= buffer.len());
    let dest = if in_buffer {
        buffer.as_mut_ptr()
    } else {
        // Nothing that this program uses may lie behind, should the kernel give in.
        without_provenance_mut(Edge::new().minus(64))
    };
    // SAFETY: `dest` is either a live array of at least `size` bytes, or the edge: see
    // `Edge::share`.
    unsafe { raw::read_mem(smo, offset, size, dest) }
}

/// `share_mem` with any words, of bytes that are nobody's.
pub(super) fn share_scratch(target: i32, size: i32, perms: i32) -> i32 {
    Edge::new().share(64, target, size, perms)
}
