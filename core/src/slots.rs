//! Slots with generations: how ids come back late.
//!
//! An id is a slot (its low bits) and a generation. Free slots queue and are
//! used again oldest first; there are at least twice as many slots as things
//! that may live at once, so at least half of them rest at any time, whatever
//! pattern of calls a guest finds. With `2^s` slots an id therefore names
//! nobody new until at least `2^(s-1) * (2^(31-s) - 1)` more things have been
//! made, a little under 2^30; with most slots free it is a little under 2^31.
//! No slot is ever retired: the generation wraps after all its values.

use crate::table::{NONE, Table};

/// Ids are positive as an `i32`.
const ID_BITS: u32 = 31;
/// Even a tiny kernel lets this many slots rest.
const LEAST_SLOTS: u32 = 64;

/// One slot's present.
#[derive(Debug)]
struct Slot {
    /// The id's bits of the life in it; 0 while it is free.
    id: u32,
    /// Of that life, or of the next one.
    generation: u32,
    /// Every generation has been used at least once.
    wrapped: bool,
    /// The next free slot, while this one is free.
    next: u32,
}

/// The slots of one kind of thing.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Table<Slot>,
    oldest: u32,
    newest: u32,
    slot_bits: u32,
    /// Those bits of an id that are the slot.
    mask: u32,
    generations: u32,
}

impl Slots {
    /// How many slots `capacity` things need: a power of two, at least twice as many.
    pub(crate) fn count_for(capacity: u32) -> u32 {
        capacity
            .saturating_mul(2)
            .max(LEAST_SLOTS)
            .next_power_of_two()
    }

    pub(crate) fn new(capacity: u32) -> Self {
        Self::with_id_bits(Self::count_for(capacity), ID_BITS)
    }

    /// Tests use short ids, to see them wrap. `count` is a power of two.
    fn with_id_bits(count: u32, id_bits: u32) -> Self {
        let slot_bits = count.trailing_zeros();
        let last = count.saturating_sub(1);
        Self {
            slots: Table::new(count, |number| Slot {
                id: 0,
                generation: 1,
                wrapped: false,
                next: if number < last {
                    number.saturating_add(1)
                } else {
                    NONE
                },
            }),
            oldest: 0,
            newest: last,
            slot_bits,
            mask: last,
            generations: 1_u32
                .wrapping_shl(id_bits.saturating_sub(slot_bits))
                .saturating_sub(1),
        }
    }

    /// Begins a life in the slot that has been free for longest: the slot and
    /// the id's bits, which are never 0 and never have the top bit.
    pub(crate) fn take(&mut self) -> Option<(u32, u32)> {
        let number = self.oldest;
        if number == NONE {
            return None;
        }
        let slot = self.slots.at_mut(number);
        slot.id = slot.generation.wrapping_shl(self.slot_bits) | number;
        self.oldest = slot.next;
        if self.oldest == NONE {
            self.newest = NONE;
        }
        Some((number, slot.id))
    }

    /// Ends the life in a slot: from here on its id names nobody, and the slot
    /// waits behind all others that are free.
    pub(crate) fn release(&mut self, number: u32) {
        let slot = self.slots.at_mut(number);
        slot.id = 0;
        slot.next = NONE;
        if slot.generation >= self.generations {
            slot.generation = 1;
            slot.wrapped = true;
        } else {
            slot.generation = slot.generation.saturating_add(1);
        }
        if self.newest == NONE {
            self.oldest = number;
        } else {
            self.slots.at_mut(self.newest).next = number;
        }
        self.newest = number;
    }

    /// The slot of the life that these bits name, if it goes on.
    #[inline]
    pub(crate) fn find(&self, bits: u32) -> Option<u32> {
        let (number, slot) = self.slot_of(bits)?;
        (slot.id == bits && bits != 0).then_some(number)
    }

    /// The slot of the ended life that these bits name, and whether it was the
    /// last one there. `None` if the id was never given out, or lives.
    pub(crate) fn find_ended(&self, bits: u32) -> Option<(u32, bool)> {
        let (number, slot) = self.slot_of(bits)?;
        let generation = bits.wrapping_shr(self.slot_bits);
        if generation == 0 || slot.id == bits {
            return None;
        }
        let last = if slot.generation == 1 {
            self.generations
        } else {
            slot.generation.saturating_sub(1)
        };
        let was_given_out = slot.wrapped || generation < slot.generation;
        was_given_out.then_some((number, generation == last && slot.id == 0))
    }

    #[inline]
    fn slot_of(&self, bits: u32) -> Option<(u32, &Slot)> {
        let number = bits & self.mask;
        self.slots.get(number).map(|slot| (number, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST_SLOTS, Slots};
    use alloc::collections::BTreeSet;

    /// All ids of 10 bits in 64 slots, half of which are always taken: none
    /// comes back before the promised number of lives.
    #[test]
    fn an_id_comes_back_late_though_half_of_the_slots_are_taken() {
        let mut slots = Slots::with_id_bits(LEAST_SLOTS, 10);
        for _ in 0..LEAST_SLOTS / 2 {
            slots.take().unwrap();
        }
        let horizon = (LEAST_SLOTS / 2) * ((1 << (10 - 6)) - 1);
        let mut seen = BTreeSet::new();
        for lives in 0..horizon {
            let (number, bits) = slots.take().unwrap();
            assert!(bits != 0 && bits < 1 << 10);
            assert!(seen.insert(bits), "{bits} came back after {lives} lives");
            slots.release(number);
        }
        let (_, bits) = slots.take().unwrap();
        assert!(
            seen.contains(&bits),
            "no slot is retired: the ids begin again"
        );
    }

    #[test]
    fn a_stale_id_does_not_name_the_slots_next_life() {
        let mut slots = Slots::new(1);
        let (number, stale) = slots.take().unwrap();
        slots.release(number);
        let next = loop {
            let (taken, bits) = slots.take().unwrap();
            if taken == number {
                break bits;
            }
            slots.release(taken);
        };
        assert_eq!(slots.find(next), Some(number));
        assert_eq!(slots.find(stale), None);
    }

    #[test]
    fn a_stale_id_names_nobody() {
        let mut slots = Slots::new(1);
        let (number, bits) = slots.take().unwrap();
        assert_eq!(slots.find(bits), Some(number));
        assert_eq!(slots.find_ended(bits), None);
        slots.release(number);
        assert_eq!(slots.find(bits), None);
        assert_eq!(slots.find_ended(bits), Some((number, true)));
        assert_eq!(
            slots.find_ended(bits + LEAST_SLOTS),
            None,
            "never given out"
        );
        assert_eq!(slots.find_ended(number), None, "generation 0 is nobody's");
    }
}
