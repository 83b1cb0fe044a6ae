//! What the loader says: Xen's PVH boot ABI.

use crate::memory::DIRECT_MAP;
use core::ops::Range;

/// The loader's tables lie below this, where the direct map is from the start.
const LOADER_END: u64 = 1 << 30;

impl StartInfo {
    /// What lies at this physical address.
    ///
    /// # Panics
    ///
    /// If the loader speaks something else than PVH.
    pub(super) fn at(address: u64) -> Self {
        let start_info: Self = read(address);
        assert_eq!(start_info.magic, START_MAGIC, "the loader speaks PVH");
        start_info
    }

    /// The module that the loader has put into memory.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(super) fn module(&self) -> Range<u64> {
        assert!(self.modules > 0, "no program: give QEMU one by -initrd");
        let module: Module = read(self.module_list);
        module.start..module.start.saturating_add(module.bytes)
    }

    /// The ranges of ordinary memory.
    pub(super) fn memory(&self) -> impl Iterator<Item = Range<u64>> {
        let entry = size_of::<MemoryRange>() as u64;
        (0..u64::from(self.memory_ranges))
            .map(move |number| read::<MemoryRange>(self.memory_map + number * entry))
            .filter(|range| range.kind == MEMORY)
            .map(|range| range.start..range.start.saturating_add(range.bytes))
    }

    /// The command line.
    pub(super) fn command_line(&self) -> &'static str {
        command_line(self.command_line)
    }
}

/// `hvm_start_info` of Xen's PVH boot ABI.
#[repr(C)]
pub(super) struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    root_pointer: u64,
    memory_map: u64,
    memory_ranges: u32,
    reserved: u32,
}

const START_MAGIC: u32 = 0x336e_c578;

/// `hvm_modlist_entry`.
#[repr(C)]
struct Module {
    start: u64,
    bytes: u64,
    command_line: u64,
    reserved: u64,
}

/// `hvm_memmap_table_entry`.
#[repr(C)]
struct MemoryRange {
    start: u64,
    bytes: u64,
    kind: u32,
    reserved: u32,
}

const MEMORY: u32 = 1;

/// A structure of the loader's, at a physical address that need not be aligned.
fn read<T>(address: u64) -> T {
    assert!(
        address < LOADER_END,
        "the loader's tables lie in the first GiB"
    );
    // SAFETY: the loader put one there and the PVH ABI says so; nobody has written to memory
    // since but the kernel to its own. Only used for structures of numbers.
    unsafe { ((DIRECT_MAP + address) as *const T).read_unaligned() }
}

/// Memory that the loader filled and that stays as it is.
pub(super) fn slice(at: Range<u64>) -> &'static [u8] {
    let bytes = (at.end - at.start) as usize;
    // SAFETY: memory of the loader's list, all of which is mapped for ever by now; and kept
    // out of the free frames by `prepare`.
    unsafe { core::slice::from_raw_parts((DIRECT_MAP + at.start) as *const u8, bytes) }
}

fn command_line(address: u64) -> &'static str {
    if address == 0 {
        return "";
    }
    assert!(
        address < LOADER_END,
        "the command line lies in the first GiB"
    );
    // SAFETY: the PVH ABI: 0, or a string that ends in 0; nobody writes to it.
    let text = unsafe { core::ffi::CStr::from_ptr((DIRECT_MAP + address) as *const _) };
    text.to_str().expect("a command line in UTF-8")
}
