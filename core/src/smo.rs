//! Rules: shared memory objects. Who may make, take back and pass them.
//!
//! A claim or a pass takes effect in the books at once, under the lock; its
//! answer comes after the barrier. Several changes of one object may be under
//! way (its target passes it while its owner claims it): each waits for the
//! copies itself, and the last to come back opens the record again, or frees
//! the slot. So nobody sees half a change, and no change waits for another.

use crate::border::{Change, Progress, Work};
use crate::error::Denied;
use crate::id::{SmoId, TaskKey};
use crate::kernel::Kernel;
use crate::limits::SURE_SMOS;
use crate::pin::{Grant, Scope};
use crate::rights::Permissions;
use crate::sink::{Event, Sink};
use crate::span::Span;
use crate::table::NONE;
use crate::thread::Thread;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmoState {
    Free,
    Live,
    /// Its id names nothing any more; the slot is free when the last change is over.
    Doomed,
}

/// One object's books.
#[derive(Debug)]
pub(crate) struct Smo {
    pub(crate) state: SmoState,
    /// Changes whose barrier has not passed. Copies find the record closed.
    pub(crate) changes: u32,
    pub(crate) grant: Option<Grant>,
    /// Neighbours in the owner's list.
    pub(crate) previous: u32,
    pub(crate) next: u32,
}

impl Smo {
    pub(crate) const FREE: Self = Self {
        state: SmoState::Free,
        changes: 0,
        grant: None,
        previous: NONE,
        next: NONE,
    };
}

/// The words of `share_mem`. `span` is `None` when the range is not the caller's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) target: i32,
    pub(crate) size: i32,
    pub(crate) permissions: i32,
    pub(crate) span: Option<Span>,
}

impl<S: Sink> Kernel<S> {
    /// `share_mem`: perms, size, target, range, quota, table.
    pub(crate) fn share(&mut self, caller: &Thread, share: &Share) -> Result<Progress, Denied> {
        let permissions = Permissions::from_raw(share.permissions)
            .ok_or(Denied::BadPermissions(share.permissions))?;
        if share.size < 1 {
            return Err(Denied::BadSize(share.size));
        }
        let target = self.live_task(share.target)?;
        let span = share.span.ok_or(Denied::CallerMemory)?;
        let owned = self.tasks.at(caller.key.index).smo_count;
        if owned >= self.tasks.at(caller.key.index).quota.smos {
            return Err(Denied::QuotaUsedUp);
        }
        let free = self.limits.smos.saturating_sub(self.smos_owned);
        if owned >= SURE_SMOS && free <= self.smos_unmet {
            return Err(Denied::SmoTableFull);
        }
        let (slot, bits) = self.smo_slots.take().ok_or(Denied::SmoTableFull)?;
        let id = SmoId::from_raw(bits.cast_signed()).ok_or(Denied::SmoTableFull)?;
        let grant = Grant {
            id,
            owner: caller.key,
            target,
            span,
            permissions,
        };
        *self.smos.at_mut(slot) = Smo {
            state: SmoState::Live,
            grant: Some(grant),
            ..Smo::FREE
        };
        self.link(slot, caller.key.index);
        self.publish(slot);
        let target = self.tasks.at(target.index).id;
        let owner = caller.task;
        self.sink.event(&Event::Shared {
            owner,
            target,
            smo: id,
            span,
            permissions,
        });
        Ok(Progress::answer(id.raw()))
    }

    /// `claim_mem`: the owner takes the object back.
    pub(crate) fn claim(&mut self, caller: &Thread, raw: i32) -> Result<Progress, Denied> {
        let (slot, grant) = self.live_smo(raw)?;
        if grant.owner != caller.key {
            return Err(Denied::NotOwner(grant.id));
        }
        self.doom(slot);
        self.sink.event(&Event::Claimed {
            owner: caller.task,
            smo: grant.id,
        });
        Ok(barrier(slot))
    }

    /// `pass_mem`: the target hands its place to another task.
    pub(crate) fn pass(&mut self, caller: &Thread, raw: i32, to: i32) -> Result<Progress, Denied> {
        let (slot, grant) = self.live_smo(raw)?;
        if grant.target != caller.key {
            return Err(Denied::NotTarget(grant.id));
        }
        let target = self.live_task(to)?;
        self.smos.at_mut(slot).grant = Some(Grant { target, ..grant });
        self.close_for_change(slot);
        let to = self.tasks.at(target.index).id;
        self.sink.event(&Event::Passed {
            by: caller.task,
            to,
            smo: grant.id,
        });
        Ok(barrier(slot))
    }

    /// The barrier of one change has passed.
    pub(crate) fn settle(&mut self, slot: u32) {
        let smo = self.smos.at_mut(slot);
        smo.changes = smo.changes.saturating_sub(1);
        if smo.changes > 0 {
            return;
        }
        match smo.state {
            SmoState::Live => self.publish(slot),
            SmoState::Doomed | SmoState::Free => {
                *smo = Smo::FREE;
                self.smo_slots.release(slot);
            }
        }
    }

    /// The same for a chain of dead objects.
    pub(crate) fn settle_chain(&mut self, first: u32) {
        let mut slot = first;
        while slot != NONE {
            let next = self.smos.at(slot).next;
            self.settle(slot);
            slot = next;
        }
    }

    /// Ends an object in the books: its id names nothing, its owner has one fewer.
    pub(crate) fn doom(&mut self, slot: u32) {
        self.unlink(slot);
        self.smos.at_mut(slot).state = SmoState::Doomed;
        self.close_for_change(slot);
    }

    /// Why a copy found the record closed. `Ok` if the caller is the object's
    /// target and a change that leaves it so is under way: try again.
    pub(crate) fn explain_closed(&self, caller: TaskKey, id: SmoId) -> Result<(), Denied> {
        if !self.plane.lives(caller) {
            return Err(Denied::CallerEnding);
        }
        let (slot, grant) = self.live_smo(id.raw())?;
        if grant.target != caller {
            return Err(Denied::NotTarget(grant.id));
        }
        if !self.plane.lives(grant.owner) {
            return Err(Denied::NoSuchSmo(id));
        }
        debug_assert!(self.smos.at(slot).changes > 0 || self.plane.published(slot).is_some());
        Ok(())
    }

    /// The live object that a guest's number means: well formed, then alive. The
    /// objects of a task that is ending are dead already.
    fn live_smo(&self, raw: i32) -> Result<(u32, Grant), Denied> {
        let id = SmoId::from_raw(raw).ok_or(Denied::NotAnId(raw))?;
        let slot = self
            .smo_slots
            .find(id.bits())
            .ok_or(Denied::NoSuchSmo(id))?;
        let smo = self.smos.at(slot);
        match smo.grant {
            Some(grant) if smo.state == SmoState::Live && self.plane.lives(grant.owner) => {
                Ok((slot, grant))
            }
            Some(_) | None => Err(Denied::NoSuchSmo(id)),
        }
    }

    fn close_for_change(&mut self, slot: u32) {
        let smo = self.smos.at_mut(slot);
        smo.changes = smo.changes.saturating_add(1);
        self.plane.close(slot);
    }

    fn publish(&mut self, slot: u32) {
        if let Some(grant) = &self.smos.at(slot).grant {
            self.tenures = self.tenures.saturating_add(1);
            self.plane.open(slot, grant, self.tenures);
        }
    }

    fn link(&mut self, slot: u32, owner: u32) {
        let first = self.tasks.at(owner).first_smo;
        self.smos.at_mut(slot).next = first;
        if first != NONE {
            self.smos.at_mut(first).previous = slot;
        }
        let task = self.tasks.at_mut(owner);
        task.first_smo = slot;
        if task.smo_count < SURE_SMOS {
            self.smos_unmet = self.smos_unmet.saturating_sub(1);
        }
        task.smo_count = task.smo_count.saturating_add(1);
        self.smos_owned = self.smos_owned.saturating_add(1);
    }

    fn unlink(&mut self, slot: u32) {
        let Smo {
            previous,
            next,
            grant,
            ..
        } = *self.smos.at(slot);
        let Some(Grant { owner, .. }) = grant else {
            return;
        };
        if next != NONE {
            self.smos.at_mut(next).previous = previous;
        }
        if previous != NONE {
            self.smos.at_mut(previous).next = next;
        }
        self.smos.at_mut(slot).previous = NONE;
        self.smos.at_mut(slot).next = NONE;
        let task = self.tasks.at_mut(owner.index);
        if task.first_smo == slot {
            task.first_smo = next;
        }
        task.smo_count = task.smo_count.saturating_sub(1);
        if task.smo_count < SURE_SMOS {
            self.smos_unmet = self.smos_unmet.saturating_add(1);
        }
        self.smos_owned = self.smos_owned.saturating_sub(1);
    }
}

fn barrier(slot: u32) -> Progress {
    Progress::step(Work::Drain(Scope::Slot(slot)), Change::Smo { slot })
}
