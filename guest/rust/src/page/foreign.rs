//! Pages of other tasks, and copies in and out of pages that others may write.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use super::held::{End, Held};
use super::{PageError, page_bytes, raw};

/// Whole pages that another task owns: those that this task has given away, or those
/// that a letter names ([`super::Received::visit`]).
///
/// Everybody may read pages. Whether this task may write them is their owner's to say, and
/// the owner can take that back at any moment: a store that comes too late **ends this
/// task**. Without trust in the owner, do not write.
///
/// Dropped, pages that this task gave away are let go of; of a visit nothing changes.
///
/// ```compile_fail
/// # use usufruct_guest::page::Foreign;
/// fn look(pages: &Foreign) -> u8 {
///     pages[0]
/// }
/// ```
#[derive(Debug)]
pub struct Foreign {
    held: Held,
}

impl Foreign {
    /// Pages that this task has just given away.
    pub(super) fn given(held: Held) -> Self {
        let held = held.with(End::LetGo);
        Self { held }
    }

    /// Pages that a letter names. What else this program has in its memory must not be read
    /// or written by another task's word, so each must be a page that this task owns not.
    pub(super) fn named(held: Held) -> Result<Self, PageError> {
        let page = page_bytes()?;
        let size = i32::try_from(page).map_err(|_| PageError::NoPool)?;
        for offset in (0..held.bytes()).step_by(page) {
            let at = held.at().as_ptr().wrapping_add(offset).cast_const();
            // Private memory counts as owned, so what can be read and is not is the pool's.
            if raw::IsMemReadable(at, size) != 1 || raw::IsMemOwned(at, size) != 0 {
                return Err(PageError::NotForeign);
            }
        }
        Ok(Self { held })
    }

    /// Gives up the right to write them, if this task has it.
    pub fn let_go(self) {
        drop(self.held.with(End::LetGo));
    }

    /// Fills `buffer` with the bytes that begin `offset` bytes into the pages.
    ///
    /// # Errors
    ///
    /// [`PageError::BadSize`]: the range reaches out of the pages.
    pub fn read_at(&self, offset: usize, buffer: &mut [u8]) -> Result<(), PageError> {
        read_at(&self.held, offset, buffer)
    }

    /// Stores `bytes`, `offset` bytes from the beginning of the pages.
    ///
    /// If their owner takes the right away meanwhile, the kernel ends this task.
    ///
    /// # Errors
    ///
    /// As for [`Foreign::read_at`]; also [`PageError::NotWritable`]: this task may not write
    /// there.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> Result<(), PageError> {
        write_at(&mut self.held, offset, bytes)
    }

    /// The number of eight bytes at `offset`, in one piece, and after it all that a task
    /// stored before it stored the number by [`Foreign::store_u64`].
    ///
    /// Compiled for WebAssembly, that takes `-Ctarget-feature=+atomics`; without it the
    /// compiler makes plain loads and stores, and order is not promised.
    ///
    /// # Errors
    ///
    /// As for [`Foreign::read_at`]; [`PageError::Misaligned`]: `offset` is no multiple of 8.
    pub fn load_u64(&self, offset: usize) -> Result<u64, PageError> {
        load_u64(&self.held, offset)
    }

    /// Stores a number of eight bytes in one piece, after all that this task stored before.
    ///
    /// If their owner takes the right away meanwhile, the kernel ends this task.
    ///
    /// # Errors
    ///
    /// As for [`Foreign::load_u64`]; also [`PageError::NotWritable`].
    pub fn store_u64(&mut self, offset: usize, number: u64) -> Result<(), PageError> {
        store_u64(&mut self.held, offset, number)
    }

    /// Address and size, as words of a message for [`super::Received::from_words`].
    #[must_use]
    pub fn words(&self) -> [i32; 2] {
        self.held.words()
    }

    /// How many bytes the pages have.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is at least one page")]
    pub fn len(&self) -> usize {
        self.held.bytes()
    }
}

pub(super) fn read_at(held: &Held, offset: usize, buffer: &mut [u8]) -> Result<(), PageError> {
    let from = place(held, offset, buffer.len())?;
    // SAFETY: `place` has checked that all of it lies in the pages, which are the pool's, and
    // readable for as long as the task lives.
    unsafe { load(from.as_ptr(), buffer) };
    Ok(())
}

pub(super) fn write_at(held: &mut Held, offset: usize, bytes: &[u8]) -> Result<(), PageError> {
    let to = place(held, offset, bytes.len())?;
    if bytes.is_empty() {
        return Ok(());
    }
    look_whether_writable(to, bytes.len())?;
    // SAFETY:
    // 1. `place` has checked that all of it lies in the pages, which are the pool's.
    // 2. No reference points into them: their value gives none, and is the only one
    //    (`registry.rs`). `held` is borrowed exclusively, so no other thread copies.
    // 3. Should their owner take the right away in between, the machine ends the task at
    //    the store.
    unsafe { store(to.as_ptr(), bytes) };
    Ok(())
}

pub(super) fn load_u64(held: &Held, offset: usize) -> Result<u64, PageError> {
    let at = number_at(held, offset)?;
    // SAFETY:
    // 1. `number_at` has checked that it lies in the pages, which are the pool's, and is
    //    aligned.
    // 2. This program stores there through `&mut` of `held` only; others by machine
    //    instructions.
    let number = unsafe { AtomicU64::from_ptr(at.as_ptr()) };
    Ok(number.load(Ordering::SeqCst))
}

pub(super) fn store_u64(held: &mut Held, offset: usize, number: u64) -> Result<(), PageError> {
    let at = number_at(held, offset)?;
    look_whether_writable(at.cast(), WORD_BYTES)?;
    // SAFETY: as for `load_u64`, and `held` is borrowed exclusively. Should their owner take
    // the right away in between, the machine ends the task at the store.
    let place = unsafe { AtomicU64::from_ptr(at.as_ptr()) };
    place.store(number, Ordering::SeqCst);
    Ok(())
}

fn look_whether_writable(at: NonNull<u8>, bytes: usize) -> Result<(), PageError> {
    let size = i32::try_from(bytes).map_err(|_| PageError::BadSize)?;
    if raw::IsMemWritable(at.as_ptr(), size) == 1 {
        Ok(())
    } else {
        Err(PageError::NotWritable)
    }
}

fn number_at(held: &Held, offset: usize) -> Result<NonNull<u64>, PageError> {
    let at = place(held, offset, WORD_BYTES)?;
    // Pages begin at multiples of more than eight.
    if !offset.is_multiple_of(WORD_BYTES) {
        return Err(PageError::Misaligned);
    }
    Ok(at.cast())
}

fn place(held: &Held, offset: usize, bytes: usize) -> Result<NonNull<u8>, PageError> {
    let end = offset.checked_add(bytes).ok_or(PageError::BadSize)?;
    if end > held.bytes() {
        return Err(PageError::BadSize);
    }
    // SAFETY: it stays in the pages, or points to their end, which does not wrap.
    Ok(unsafe { held.at().add(offset) })
}

type Word = u64;
const WORD_BYTES: usize = size_of::<Word>();

/// Copies bytes that others may be storing to: each is old or new.
///
/// # Safety
///
/// `from` is readable for as many bytes as `into` has, and nothing in this program writes
/// there meanwhile.
unsafe fn load(from: *const u8, into: &mut [u8]) {
    let (head, rest) = into.split_at_mut(from.align_offset(WORD_BYTES).min(into.len()));
    let (words, tail) = rest.as_chunks_mut::<WORD_BYTES>();
    let middle = from.wrapping_add(head.len());
    let end = middle.wrapping_add(words.as_flattened().len());
    for (offset, byte) in head.iter_mut().enumerate() {
        // SAFETY: within the bytes that the caller names. Volatile, for others may store here.
        *byte = unsafe { from.wrapping_add(offset).read_volatile() };
    }
    for (offset, word) in words.iter_mut().enumerate() {
        // SAFETY: the same; and `middle` is aligned, or there is no word.
        let bits = unsafe { middle.cast::<Word>().wrapping_add(offset).read_volatile() };
        *word = bits.to_ne_bytes();
    }
    for (offset, byte) in tail.iter_mut().enumerate() {
        // SAFETY: as above.
        *byte = unsafe { end.wrapping_add(offset).read_volatile() };
    }
}

/// Copies bytes to where others may be storing too.
///
/// # Safety
///
/// `to` is writable for as many bytes as `bytes` has, and nothing else in this program
/// reads or writes there meanwhile.
unsafe fn store(to: *mut u8, bytes: &[u8]) {
    let (head, rest) = bytes.split_at(to.align_offset(WORD_BYTES).min(bytes.len()));
    let (words, tail) = rest.as_chunks::<WORD_BYTES>();
    let middle = to.wrapping_add(head.len());
    let end = middle.wrapping_add(words.as_flattened().len());
    for (offset, byte) in head.iter().enumerate() {
        // SAFETY: within the bytes that the caller names. Volatile, for others look here.
        unsafe { to.wrapping_add(offset).write_volatile(*byte) };
    }
    for (offset, word) in words.iter().enumerate() {
        let bits = Word::from_ne_bytes(*word);
        // SAFETY: the same; and `middle` is aligned, or there is no word.
        unsafe {
            middle
                .cast::<Word>()
                .wrapping_add(offset)
                .write_volatile(bits)
        };
    }
    for (offset, byte) in tail.iter().enumerate() {
        // SAFETY: as above.
        unsafe { end.wrapping_add(offset).write_volatile(*byte) };
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn copies_of_every_alignment_and_size_are_exact() {
        let original: Vec<u8> = (0..64).collect();
        for begin in 0..16 {
            for size in 0..40 {
                let mut taken = std::vec![0xEE; size];
                // SAFETY: the range lies in the vector.
                unsafe { load(original[begin..].as_ptr(), &mut taken) };
                assert_eq!(taken, original[begin..begin + size]);

                let mut place = std::vec![0xEE; 64];
                // SAFETY: the range lies in the vector.
                unsafe { store(place[begin..].as_mut_ptr(), &taken) };
                assert_eq!(place[begin..begin + size], taken);
                assert!(place[..begin].iter().all(|byte| *byte == 0xEE));
                assert!(place[begin + size..].iter().all(|byte| *byte == 0xEE));
            }
        }
    }
}
