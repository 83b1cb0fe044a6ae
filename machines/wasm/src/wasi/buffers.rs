//! The buffers of streams: a task's private memory, and pages of the pool that it
//! owns. No other pointer of a call may name the pool.

use usufruct_core::{Access, Span};
use wasmtime_wasi::p1::types::Errno;

use super::call::{Call, Place, word_of};
use crate::flight::Noted;

/// Buffers of one `fd_read` or `fd_write`, at most: what Linux takes.
const VECTORS: u32 = 1024;

/// What one iovec takes in memory: address and length.
const VECTOR_BYTES: u32 = 8;

impl Place {
    fn span(&self) -> Option<Span> {
        Span::new(u64::from(self.address), u64::from(self.len))
    }
}

impl Call<'_> {
    /// Side by side in the call's own memory: what an array of iovecs names, as
    /// far as `most` bytes go. All of it must be the task's, or lie in the pool:
    /// whose those pages are is asked of what moves ([`Self::owns`]).
    pub(super) fn buffers(
        &mut self,
        access: Access,
        (address, count): (i32, i32),
        most: u32,
    ) -> Result<Vec<Place>, Errno> {
        let (address, count) = (address.cast_unsigned(), count.cast_unsigned());
        if count > VECTORS {
            return Err(Errno::Inval);
        }
        self.may(Access::Load, address, count * VECTOR_BYTES)?;
        let mut array = vec![0; (count * VECTOR_BYTES) as usize];
        self.copy_out(address, &mut array)?;
        let mut buffers = Vec::new();
        let at = self.own(0)?;
        let mut used = 0;
        for vector in array.chunks_exact(VECTOR_BYTES as usize) {
            let (address, len) = (word_of(vector, 0), word_of(vector, 4));
            self.may_be_buffer(access, address, len)?;
            let len = len.min(most - used);
            if len > 0 {
                let at = at + used;
                buffers.push(Place { address, at, len });
                used += len;
            }
        }
        self.len = at.checked_add(used).ok_or(Errno::Nomem)?;
        if access == Access::Load {
            self.arguments.extend_from_slice(&buffers);
        }
        Ok(buffers)
    }

    fn may_be_buffer(&mut self, access: Access, address: u32, len: u32) -> Result<(), Errno> {
        let pool = self.guest.shared.plane.pool();
        let span = Span::new(u64::from(address), u64::from(len)).ok_or(Errno::Fault)?;
        if len == 0 || !pool.touches(span) {
            return self.may(access, address, len);
        }
        let is_attached = self.guest.thread.key().is_attached();
        (is_attached && pool.contains(span))
            .then_some(())
            .ok_or(Errno::Fault)
    }

    /// Notes what is about to be done with pages, so that whoever takes them finds
    /// it; `None` if no page is named.
    pub(super) fn note(&self, access: Access, buffers: &[Place]) -> Option<Noted> {
        let pool = self.guest.shared.plane.pool();
        let pages: Vec<_> = buffers
            .iter()
            .filter_map(|buffer| pool.run_of(buffer.span()?))
            .collect();
        let task = self.guest.thread.key();
        (!pages.is_empty()).then(|| Noted::new(&self.guest.shared, task, access, pages))
    }

    /// Asks core whether the pages among the buffers are the task's to use so.
    pub(super) fn owns(&self, access: Access, buffers: &[Place]) -> Result<(), Errno> {
        let shared = &self.guest.shared;
        let (pool, task) = (shared.plane.pool(), self.guest.thread.key());
        let kernel = shared.kernel();
        let may = |span| !pool.touches(span) || kernel.may_stream(task, span, access);
        let all = buffers.iter().all(|buffer| buffer.span().is_some_and(may));
        all.then_some(()).ok_or(Errno::Fault)
    }
}
