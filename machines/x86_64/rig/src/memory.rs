//! The machine's memory, which QEMU keeps in a file: the postbox is in it.

use std::fs::{File, remove_file};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use usufruct_x86_64_wire::{PAYLOAD_BYTES, PLACE_BYTES};

/// A machine's memory, before and after its kernel has said where the postbox is.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    /// The memory, and the postbox's physical address.
    postbox: Option<(File, u64)>,
}

impl Memory {
    /// A place for one machine's memory.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let shared_memory = Path::new("/dev/shm");
        let temporary = std::env::temp_dir();
        let folder = if shared_memory.is_dir() {
            shared_memory
        } else {
            &temporary
        };
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("usufruct-x86_64.{}.{number}", process::id());
        Self {
            path: folder.join(name),
            postbox: None,
        }
    }

    /// Has QEMU keep the machine's memory there.
    pub(crate) fn options(&self, megabytes: u32) -> String {
        let path = self.path.display();
        format!(
            "-machine memory-backend=memory \
             -object memory-backend-file,id=memory,size={megabytes}M,share=on,mem-path={path}"
        )
    }

    /// The kernel is up, and its postbox at this physical address.
    ///
    /// # Panics
    ///
    /// If QEMU has not made the file.
    pub(crate) fn open(&mut self, postbox: u64) {
        let file = File::options().read(true).write(true).open(&self.path);
        let file =
            file.unwrap_or_else(|cause| panic!("no memory at {}: {cause}", self.path.display()));
        // Both sides have it open; nobody needs the name.
        self.forget_name();
        self.postbox = Some((file, postbox));
    }

    /// Posts a payload at this place of the postbox.
    pub(crate) fn put(&self, place: usize, payload: &[u8]) {
        let (file, at) = self.at(place);
        let length = u32::try_from(payload.len()).expect("it fits a place");
        let posted = [&length.to_le_bytes(), payload].concat();
        file.write_all_at(&posted, at)
            .expect("the machine's memory takes bytes");
    }

    /// Takes the payload that was posted at this place.
    ///
    /// # Panics
    ///
    /// If it says that it is longer than the place.
    pub(crate) fn take(&self, place: usize) -> Vec<u8> {
        let (file, at) = self.at(place);
        let mut posted = vec![0; PLACE_BYTES];
        file.read_exact_at(&mut posted, at)
            .expect("the machine's memory gives bytes");
        let payload = posted.split_off(PLACE_BYTES - PAYLOAD_BYTES);
        let length = posted.first_chunk().expect("a length comes first");
        let length = usize::try_from(u32::from_le_bytes(*length)).expect("64 bits");
        payload[..length].to_vec()
    }

    fn at(&self, place: usize) -> (&File, u64) {
        let (file, postbox) = self.postbox.as_ref().expect("the kernel is up");
        (file, postbox + u64::try_from(place).expect("64 bits fit"))
    }

    fn forget_name(&self) {
        // It may never have been made, or have been forgotten before.
        let _ = remove_file(&self.path);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.forget_name();
    }
}
