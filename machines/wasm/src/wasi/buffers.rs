//! The buffers of streams: a task's private memory, and pages of the pool that it
//! owns. No other pointer of a call may name the pool.

use usufruct_core::{Access, Run, Span};
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
    /// whose those pages are is asked of what moves ([`Self::note`]).
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
    /// it; `None` if no page is named. Then core is to be asked.
    pub(super) fn note(&self, access: Access, buffers: &[Place]) -> Option<Noted> {
        let pool = self.guest.shared.plane.pool();
        let pages = buffers
            .iter()
            .filter_map(|buffer| pool.run_of(buffer.span()?));
        let pages = merged(pages.collect());
        let task = self.guest.thread.key();
        (!pages.is_empty()).then(|| Noted::new(&self.guest.shared, task, access, pages))
    }
}

/// The same pages, each once: a task may name one a thousand times, and core looks
/// at each.
fn merged(mut pages: Vec<Run>) -> Vec<Run> {
    pages.sort_unstable_by_key(|run| run.first());
    pages.dedup_by(|next, run| {
        let end = next.end().max(run.end());
        let joined = Run::between(run.first(), end).filter(|_| next.first() <= run.end());
        *run = joined.unwrap_or(*run);
        joined.is_some()
    });
    pages
}

#[cfg(test)]
mod tests {
    use usufruct_core::Run;

    use super::merged;

    #[test]
    fn pages_are_asked_for_once_each() {
        let runs = |all: &[(u32, u32)]| -> Vec<Run> {
            let run = |(first, end): &(u32, u32)| Run::between(*first, *end).unwrap();
            all.iter().map(run).collect()
        };
        let named = runs(&[
            (7, 9),
            (1, 2),
            (1, 4),
            (2, 3),
            (4, 5),
            (1, 2),
            (8, 10),
            (12, 13),
        ]);
        assert_eq!(merged(named), runs(&[(1, 5), (7, 10), (12, 13)]));
        assert_eq!(merged(Vec::new()), []);
    }
}
