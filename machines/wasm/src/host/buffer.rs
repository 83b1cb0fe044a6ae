//! Bytes of the host's that tasks may copy from, or to.

use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use usufruct_core::{Denied, Permissions, Request, SmoId, Span, TaskId};

use super::arena::Place;
use super::{Host, HostError, range_in};
use crate::bytes::{move_bytes, store_bytes};
use crate::layout::HEAP_LIMIT_BYTES;

/// Bytes that the kernel keeps for the host, and that it may share: they stay
/// where they are until the last object over them has been taken back. It takes
/// whole pages of the operating system's. (docs/calls.md, section 2)
///
/// While it is shared a task may store to it at any moment, so there is no slice
/// of it: bytes are copied in and out. While it is not, [`Self::get_mut`] gives one.
pub struct Buffer {
    block: Arc<Block>,
    len: usize,
}

/// The place of a buffer; given back when nothing reaches it any more.
struct Block {
    host: Host,
    place: Place,
}

impl Drop for Block {
    fn drop(&mut self) {
        self.host.shared().arena.put_back(&self.place);
    }
}

impl Buffer {
    pub(super) fn new(host: Host, len: usize) -> Result<Self, HostError> {
        if len == 0 || len as u64 > HEAP_LIMIT_BYTES {
            return Err(HostError::Length { len });
        }
        let place = host
            .shared()
            .arena
            .take(len)
            .map_err(|error| HostError::NoRoom { len, error })?;
        Ok(Self {
            block: Arc::new(Block { host, place }),
            len,
        })
    }

    /// How many bytes it has; never 0.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Copies bytes out, from `offset` on, in bytes. Each is an old or a new one,
    /// where a task is just writing through an object.
    ///
    /// # Errors
    ///
    /// [`HostError::OutOfRange`].
    pub fn read_into(&self, offset: usize, into: &mut [u8]) -> Result<(), HostError> {
        let from = self.at(offset, into.len())?;
        // SAFETY:
        // 1. `at` has looked: the source lies in the block, which stays mapped as
        //    long as `self`. The destination is a live slice.
        // 2. The destination is ours alone. Of the block there is no Rust reference:
        //    `get_mut` borrows the buffer for good.
        unsafe { move_bytes(into.as_mut_ptr(), from, into.len()) }
        Ok(())
    }

    /// Copies bytes in, at `offset`, in bytes.
    ///
    /// # Errors
    ///
    /// [`HostError::OutOfRange`].
    pub fn write_from(&self, offset: usize, bytes: &[u8]) -> Result<(), HostError> {
        let to = self.at(offset, bytes.len())?;
        // SAFETY: as in `read_into`, the other way round.
        unsafe { store_bytes(to, bytes) }
        Ok(())
    }

    /// All of it, as it is now.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        // The whole of it is in range.
        let _ = self.read_into(0, &mut bytes);
        bytes
    }

    /// The bytes themselves, if nothing is shared of them. A [`Share`] that was
    /// forgotten instead of dropped counts for ever.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut [u8]> {
        let block = Arc::get_mut(&mut self.block)?;
        let start = block.host.shared().arena.start_of(&block.place);
        // SAFETY:
        // 1. The block has at least `len` bytes, mapped as long as `self`, and all
        //    of them are initialised: they came as zeroes.
        // 2. Nobody else touches them: each object over them holds the block, so
        //    there is none, and the last one's barrier has passed; other calls of
        //    the host need the buffer, which is borrowed for good.
        Some(unsafe { std::slice::from_raw_parts_mut(start, self.len) })
    }

    /// Lets a task read, write or both, exactly these bytes, until the share is
    /// dropped. (`share_mem`) Tell the task its id in a message.
    ///
    /// # Errors
    ///
    /// [`HostError::OutOfRange`]; [`HostError::Length`] for no bytes at all;
    /// [`HostError::Denied`]: no such task, or the object table is full.
    pub fn share(
        &self,
        (offset, len): (usize, usize),
        task: TaskId,
        permissions: Permissions,
    ) -> Result<Share, HostError> {
        range_in(self.len, offset, len)?;
        let size = i32::try_from(len)
            .ok()
            .filter(|size| *size > 0)
            .ok_or(HostError::Length { len })?;
        let host = &self.block.host;
        let start = host.shared().arena.address_of(&self.block.place) + offset as u64;
        let raw = host.control(&Request::ShareMem {
            target: task.raw(),
            span: Span::new(start, len as u64),
            size,
            permissions: permissions.raw(),
        })?;
        let id = SmoId::from_raw(raw).ok_or(Denied::NotAnId(raw))?;
        Ok(Share {
            id,
            len,
            block: ManuallyDrop::new(self.block.clone()),
        })
    }

    /// All of it: see [`Self::share`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn share_all(&self, task: TaskId, permissions: Permissions) -> Result<Share, HostError> {
        self.share((0, self.len), task, permissions)
    }

    fn at(&self, offset: usize, len: usize) -> Result<*mut u8, HostError> {
        let offset = range_in(self.len, offset, len)?;
        let arena = &self.block.host.shared().arena;
        Ok(arena.start_of(&self.block.place).wrapping_add(offset))
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len)
    }
}

/// Bytes of a [`Buffer`] that a task may use. Dropped, they are taken back: when
/// that returns, no byte moves any more. Forgotten, the task keeps them, and the
/// buffer's place is never used again. (docs/calls.md, section 2)
#[must_use = "dropped, it is taken back at once"]
pub struct Share {
    id: SmoId,
    len: usize,
    block: ManuallyDrop<Arc<Block>>,
}

impl Share {
    /// What the task must be told to use it.
    #[must_use]
    pub fn id(&self) -> SmoId {
        self.id
    }

    /// How many bytes it has.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Takes the bytes back, as dropping it does. (`claim_mem`)
    pub fn claim(self) {}
}

impl Drop for Share {
    fn drop(&mut self) {
        let smo = self.id.raw();
        let claimed = self.block.host.control(&Request::ClaimMem { smo });
        // An object that would not go keeps its bytes: that is forgetting it.
        if claimed.is_ok() {
            // SAFETY: it is dropped here alone, once, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.block) }
        }
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({:?}, {} bytes)", self.id, self.len)
    }
}
