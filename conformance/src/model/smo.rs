//! Objects and copies.

use super::{Model, Place, SURE_SMOS, Smo, Stretch, small};
use crate::index;
use usufruct_abi::{Error, READ_PERM, WRITE_PERM};

/// Target, address, size and permissions of a share.
type Share = (i32, Place, i32, i32);
/// Offset, size and address of a copy.
type Copy = (i32, i32, Place);

impl Model {
    /// Perms, size, target, range, quota, table.
    pub(super) fn may_share(
        &self,
        caller: i32,
        share: Share,
        counts_ending: bool,
    ) -> Result<(), Error> {
        let (target, at, size, perms) = share;
        if perms != READ_PERM && perms != WRITE_PERM && perms != READ_PERM | WRITE_PERM {
            return Err(Error::InvalidPerms);
        }
        if size < 1 {
            return Err(Error::InvalidSize);
        }
        self.require_alive(target)?;
        self.span(caller, at, index(size))
            .ok_or(Error::InvalidPtr)?;
        let owned = self.owned_by(caller);
        if owned >= self.tasks[&caller].quota {
            return Err(Error::TooManySmos);
        }
        if owned >= SURE_SMOS && self.unpromised_smos(counts_ending) == 0 {
            return Err(Error::NoMem);
        }
        Ok(())
    }

    pub(super) fn share(&mut self, owner: i32, id: i32, (target, at, size, perms): Share) {
        let stretch = self.span(owner, at, index(size));
        let smo = Smo {
            owner,
            target: Some(target),
            stretch: stretch.expect("a share that was granted"),
            perms,
        };
        self.smos.insert(id, smo);
        self.smo_ids.insert(id);
    }

    fn owned_by(&self, task: i32) -> usize {
        self.smos.values().filter(|smo| smo.owner == task).count()
    }

    /// Objects that could be made beyond what every place in the task table is sure of.
    fn unpromised_smos(&self, counts_ending: bool) -> usize {
        let counts = |id: &i32| counts_ending || !self.tasks[id].is_ending;
        let holders: Vec<usize> = self
            .tasks
            .keys()
            .filter(|id| counts(id))
            .map(|id| self.owned_by(*id))
            .collect();
        let nobody = self.table_of_tasks() - holders.len();
        let taken: usize = holders.iter().map(|owned| (*owned).max(SURE_SMOS)).sum();
        index(self.tables.smos) - taken - nobody * SURE_SMOS
    }

    /// Id well formed, id alive. The objects of a task that ends are gone at once.
    fn live(&self, smo: i32) -> Result<Smo, Error> {
        if smo <= 0 {
            return Err(Error::InvalidId);
        }
        let live = self.smos.get(&smo).filter(|smo| self.is_alive(smo.owner));
        live.cloned().ok_or(Error::InvalidSmo)
    }

    /// The same, and the caller's role.
    pub(super) fn targeted(&self, caller: i32, smo: i32) -> Result<Smo, Error> {
        let smo = self.live(smo)?;
        if smo.target == Some(caller) {
            Ok(smo)
        } else {
            Err(Error::NotSmoTarget)
        }
    }

    pub(super) fn may_claim(&self, caller: i32, smo: i32) -> Result<(), Error> {
        if self.live(smo)?.owner == caller {
            Ok(())
        } else {
            Err(Error::SmoNotOwned)
        }
    }

    pub(super) fn may_pass(&self, caller: i32, smo: i32, target: i32) -> Result<(), Error> {
        self.targeted(caller, smo)?;
        self.require_alive(target)
    }

    pub(super) fn pass(&mut self, smo: i32, target: i32) {
        self.smos
            .get_mut(&smo)
            .expect("a pass that was granted")
            .target = Some(target);
    }

    /// Id, life, role, permission, bounds, the caller's memory, section 4: the two stretches, the
    /// owner's first.
    pub(super) fn may_copy(
        &self,
        caller: i32,
        is_write: bool,
        smo: i32,
        (offset, size, at): Copy,
    ) -> Result<(Stretch, Stretch), Error> {
        let smo = self.targeted(caller, smo)?;
        let right = if is_write { WRITE_PERM } else { READ_PERM };
        if smo.perms & right == 0 {
            return Err(Error::NoPermission);
        }
        let bytes = small(smo.stretch.range.len());
        if offset < 0 || size < 0 || offset > bytes || size > bytes - offset {
            return Err(Error::InvalidSize);
        }
        let buffer = self
            .span(caller, at, index(size))
            .ok_or(Error::InvalidPtr)?;
        let owners = smo.stretch.part(index(offset), index(size));
        let (storer, place) = if is_write {
            (smo.owner, &owners)
        } else {
            (caller, &buffer)
        };
        if !self.may_store(storer, place) {
            return Err(Error::NoPermission);
        }
        Ok((owners, buffer))
    }

    pub(super) fn copy(&mut self, caller: i32, is_write: bool, smo: i32, copy: Copy) {
        let owner = self.smos[&smo].owner;
        let ranges = self.may_copy(caller, is_write, smo, copy);
        let (owners, callers) = ranges.expect("a copy that was granted");
        let ((from, source), (to, place)) = if is_write {
            ((caller, callers), (owner, owners))
        } else {
            ((owner, owners), (caller, callers))
        };
        let bytes = self.bytes(from, &source);
        self.store(to, &place, &bytes);
    }
}
