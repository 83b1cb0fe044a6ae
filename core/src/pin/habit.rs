//! The bias: what a processor copies through again and again, it pins without a fence.
//!
//! Announcing a pin takes a fence, which costs more than all the checks together. So after a
//! streak of copies through one object the copier leaves it to whoever revokes that object:
//!
//! ```text
//!   copier                                  revoker
//!   1 set the bias, announce  -- fence      1 close the record, or end the life
//!   2 copy, clear the pin                   2 fence; is any processor biased here?
//!   3 announce, copy, clear: no fence       3 then a fence on every processor
//!   ...                                     4 the pins, as always
//! ```
//!
//! Either the fence of 1 comes before the revoker's, which then sees the bias; or it comes after,
//! and this copy and all later ones find the record closed. With the bias seen, the fence on every
//! processor stands for the one that each light pin lacks.
//!
//! - **Only copies that end at private memory pin lightly.** Whoever takes rights to pages away
//!   asks nobody's bias: copies look at those rights under a fenced pin ([`Scope::Pages`]).
//! - A bias is of one tenure: of an object passed on and back, another streak is needed.
//! - Only copies that are allowed count. Nobody makes another's object costly to claim but its target.
//! - A processor that turns to another task [rests](super::Copier::rest): its bias is gone, so
//!   nobody pays for a task that does not run. The habit stays, and is taken up by the next copy.
//!
//! [`Scope::Pages`]: super::Scope::Pages

use core::num::NonZeroU32;

use crate::sync::{AtomicU32, Ordering};

/// How many objects a processor may be biased to: one for each remainder of a slot's number.
pub(super) const WAYS: usize = 4;

/// The slots that a processor is biased to, `slot + 1` each, or 0.
pub(super) struct Biases([AtomicU32; WAYS]);

impl Biases {
    pub(super) fn none() -> Self {
        Self([(); WAYS].map(|()| AtomicU32::new(0)))
    }

    #[inline(always)]
    fn of(&self, slot: usize) -> Option<&AtomicU32> {
        self.0.get(slot % WAYS)
    }

    /// Whether this is one of them: `slot + 1`. After a fence that follows the refusal.
    pub(super) fn has(&self, slot: u32, pinned: u32) -> bool {
        let bias = self.of(slot as usize);
        bias.is_some_and(|bias| bias.load(Ordering::Acquire) == pinned)
    }

    /// Whether any of them is such a one. After a fence that follows the refusal.
    pub(super) fn any(&self, is_such: impl Fn(u32) -> bool) -> bool {
        self.0
            .iter()
            .any(|bias| is_such(bias.load(Ordering::Acquire)))
    }
}

/// What a processor copied through last, of the slots with one remainder.
#[derive(Clone, Copy)]
struct Habit {
    /// Of the object's record; of no habit 0, which no open record has.
    tenure: u64,
    id: u32,
    /// Fenced copies until the light ones. At 1 the bias is set before the pin, at 0 it stands.
    left: u32,
}

impl Habit {
    const NONE: Self = Self {
        tenure: 0,
        id: 0,
        left: u32::MAX,
    };
}

/// The habits of one processor. Nobody else looks at them.
pub(super) struct Habits([Habit; WAYS]);

impl Habits {
    pub(super) const NONE: Self = Self([Habit::NONE; WAYS]);

    /// Which tenure of this id's the processor is biased to: then its pin needs no fence.
    #[inline(always)]
    pub(super) fn light(&self, slot: usize, id: u32) -> Option<u64> {
        let habit = self.0.get(slot % WAYS)?;
        (habit.id == id && habit.left == 0).then_some(habit.tenure)
    }

    /// Before a fenced pin: sets the bias, if this is the last of a streak.
    #[inline(always)]
    pub(super) fn prepare(&self, (slot, id): (usize, u32), pinned: u32, biases: &Biases) {
        let (habit, bias) = (self.0.get(slot % WAYS), biases.of(slot));
        if habit.is_some_and(|habit| habit.id == id && habit.left == 1)
            && let Some(bias) = bias
        {
            // SeqCst: the pin that follows may be one SeqCst swap without a fence.
            bias.store(pinned, Ordering::SeqCst);
        }
    }

    /// Under a fenced pin that holds: one copy more of a streak, or the first of another.
    #[inline(always)]
    pub(super) fn count(
        &mut self,
        (slot, id): (usize, u32),
        tenure: u64,
        streak: Option<NonZeroU32>,
        biases: &Biases,
    ) {
        let (Some(habit), Some(streak)) = (self.0.get_mut(slot % WAYS), streak) else {
            return;
        };
        if (habit.id, habit.tenure) == (id, tenure) {
            habit.left = habit.left.saturating_sub(1);
        } else {
            let left = streak.get();
            *habit = Habit { tenure, id, left };
            end(biases.of(slot));
        }
    }

    /// Ends the habit at this slot.
    pub(super) fn end(&mut self, slot: usize, biases: &Biases) {
        if let Some(habit) = self.0.get_mut(slot % WAYS) {
            *habit = Habit::NONE;
        }
        end(biases.of(slot));
    }

    /// Ends every bias; the next copy of a habit sets it again.
    #[inline]
    pub(super) fn rest(&mut self, biases: &Biases) {
        for (habit, bias) in self.0.iter_mut().zip(&biases.0) {
            if habit.left <= 1 {
                habit.left = 1;
                end(Some(bias));
            }
        }
    }
}

/// From here on the processor's pins there are fenced ones. Whoever sees this sees that the light
/// ones are over.
fn end(bias: Option<&AtomicU32>) {
    if let Some(bias) = bias {
        bias.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
