//! Physical memory: frames, which of them are free, and how the kernel reaches them.

use super::{DIRECT_MAP, Regions};
use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a frame, and of a page.
pub(crate) const FRAME_BYTES: u64 = 4096;

/// Entries of a page table, which fills a frame.
pub(crate) const ENTRIES: usize = 512;
/// A page table.
pub(crate) type Table = [AtomicU64; ENTRIES];

/// A frame of memory that is in nobody's hands but the holder's and the processors' that
/// walk the page tables it is part of.
///
/// Invariant: a multiple of `FRAME_BYTES` that the direct map shows, so outside the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame(u64);

impl Frame {
    /// Its physical address.
    pub(crate) fn address(self) -> u64 {
        self.0
    }

    /// The frame that an entry of a page table names, or a root. Only for addresses of frames
    /// and entries made from them: that is what keeps the invariant.
    pub(crate) fn of_entry(entry: u64) -> Self {
        const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
        Self(entry & ADDRESS)
    }

    /// The same of an entry that names a table: all of its bits that are no address are low.
    #[inline(always)]
    pub(crate) fn of_table(entry: u64) -> Self {
        debug_assert!(Self::of_entry(entry).0 == entry & !(FRAME_BYTES - 1));
        Self(entry & !(FRAME_BYTES - 1))
    }

    /// Where the kernel sees its byte `offset`.
    pub(crate) fn byte(self, offset: u64) -> *mut u8 {
        debug_assert!(offset < FRAME_BYTES);
        (DIRECT_MAP + self.0 + offset) as *mut u8
    }

    /// The frame as a page table. The processors read it, and set bits in it, meanwhile.
    pub(crate) fn table(self) -> &'static Table {
        // SAFETY:
        // 1. The invariant: mapped, writable, aligned, of the right size, and for ever.
        // 2. All access is atomic, also the processors', and any bits are a valid number.
        //    A frame used as data is not looked at as a table: the callers come by way of
        //    a root or of an entry above the last level.
        unsafe { &*self.byte(0).cast() }
    }

    /// Names the one behind it in a list of free frames, in its first bytes.
    fn name_next(self, next: Option<Self>) {
        // No frame has address 0: that is the image's.
        let address = next.map_or(0, Self::address);
        self.table()[0].store(address, Ordering::Relaxed);
    }

    /// Makes all of it 0. It is free, so that nobody looks at it.
    pub(crate) fn clear(self) {
        // SAFETY: the invariant: all of it is mapped and writable.
        unsafe { fill_bytes(self.byte(0), 0, FRAME_BYTES as usize) };
    }
}

/// Moves `bytes` bytes by instructions of its own: from the first one up, eight at a time
/// and then the rest, or, if `downwards`, from the last one down.
///
/// # Safety
///
/// Both sides are `bytes` bytes of one frame of a live task each, or of the postbox, or of a
/// slice that the caller has borrowed.
#[inline(always)]
pub(crate) unsafe fn move_bytes(from: *const u8, to: *mut u8, bytes: usize, downwards: bool) {
    let last = bytes.wrapping_sub(1);
    if downwards {
        core::hint::cold_path();
        // SAFETY:
        // 1. Both sides are mapped: the invariant of `Frame`, or Rust's for a slice and the postbox.
        // 2. A task may be storing to either meanwhile, on another processor, and the host
        //    to the postbox. That is no
        //    race of this program: the bytes are moved by instructions, not by Rust, and
        //    no Rust reference to a task's memory exists. Each byte is old or new.
        // 3. The direction flag is clear again at the end, as the ABI wants it.
        unsafe {
            asm!("std", "rep movsb", "cld",
                inout("rsi") from.wrapping_add(last) => _,
                inout("rdi") to.wrapping_add(last) => _,
                inout("rcx") bytes => _, options(nostack));
        }
    } else {
        // SAFETY: 1 and 2 as above; the direction flag is clear, by the ABI.
        unsafe {
            asm!("shr rcx, 3", "rep movsq", "and {bytes:e}, 7", "jz 2f",
                "mov ecx, {bytes:e}", "rep movsb", "2:",
                bytes = inout(reg) bytes => _,
                inout("rsi") from => _, inout("rdi") to => _, inout("rcx") bytes => _,
                options(nostack));
        }
    }
}

/// Fills `bytes` bytes by instructions of its own: eight at a time, and then the rest.
///
/// # Safety
///
/// They lie in one frame, which is mapped and writable.
pub(crate) unsafe fn fill_bytes(to: *mut u8, byte: u8, bytes: usize) {
    let word = u64::from_ne_bytes([byte; 8]);
    // SAFETY: the caller's word; tasks may look and store meanwhile (`move_bytes`, 2), and
    // the direction flag is clear, by the ABI.
    unsafe {
        asm!("shr rcx, 3", "rep stosq", "mov ecx, {rest:e}", "rep stosb",
            rest = in(reg) bytes % 8,
            inout("rdi") to => _, inout("rcx") bytes => _, in("rax") word,
            options(nostack));
    }
}

/// The frames that nobody uses: those that never were, and those that came back, of which
/// each names the next one in its first bytes. So the list takes no memory.
#[derive(Debug)]
pub(crate) struct FreeFrames {
    never_used: Regions,
    came_back: Option<Frame>,
    count: u64,
}

impl FreeFrames {
    /// All frames of these regions, which belong to nobody.
    pub(crate) fn of(regions: Regions) -> Self {
        Self {
            count: regions.bytes() / FRAME_BYTES,
            never_used: regions,
            came_back: None,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// A frame of zeros; `None` when all are used.
    pub(crate) fn take(&mut self) -> Option<Frame> {
        let frame = match self.came_back {
            Some(frame) => {
                let next = frame.table()[0].load(Ordering::Relaxed);
                self.came_back = (next != 0).then_some(Frame(next));
                frame
            }
            None => Frame(self.never_used.take_last_frame()?),
        };
        self.count -= 1;
        frame.clear();
        Some(frame)
    }

    /// Takes frames back, which costs the same however many they are.
    pub(crate) fn give_back(&mut self, frames: Returned) {
        if let Some((first, last)) = frames.ends {
            last.name_next(self.came_back);
            self.came_back = Some(first);
            self.count += frames.count;
        }
    }
}

/// Frames on their way back: nobody reaches them any more, and each names the next one. They
/// are gathered without a lock, so that nobody waits for the end of a large task.
#[derive(Debug, Default)]
pub(crate) struct Returned {
    /// The first and the last.
    ends: Option<(Frame, Frame)>,
    count: u64,
}

impl Returned {
    /// One more, which nobody reaches any more.
    pub(crate) fn add(&mut self, frame: Frame) {
        let last = match self.ends {
            Some((first, last)) => {
                frame.name_next(Some(first));
                last
            }
            None => frame,
        };
        self.ends = Some((frame, last));
        self.count += 1;
    }
}
