//! One call on a run of pages, from the first look to the answer.
//!
//! ```text
//!   Mark ---> Open ----> Turn ----> Barrier -> Reads ---> Fill --> Unmark -> answer
//!   checks,   giving:    the books  fence,     input in   zeros    others'
//!   others    map for    turn;      pins       flight               turn
//!   wait      the        losers'               aborted
//!     |       gainer     mappings go
//!     |         | failed
//!     +-------> Shut --> Retract -> Barrier -----------------------> Unmark -> refusal
//! ```
//!
//! One page that is let to one task, or taken from it, goes a way of its own if it can
//! (`one.rs`).
//!
//! Who owns pages by a gift, or restores itself, gains without a mapping: its
//! first store takes that up (`touch.rs`), for whoever only reads what it was
//! given never needs it. So a gift can not fail once it is marked.
//!
//! Each stage goes over the run in batches, without the lock in between. Pages
//! are marked in ascending order and a marked page is waited for, so changes
//! that overlap come one after the other and never wait for each other in a
//! circle. Marks go only when all is done: nobody sees half a change.
//!
//! A task whose holdings stand on marked pages can not be cleared away, so a
//! gainer keeps its place in the tables. Who has lost its last holding by the
//! change may be gone before the end of it, and its place another's: from there
//! on its life is compared before its books are touched.

use crate::border::{Change, Outcome, Progress, Work};
use crate::error::Denied;
use crate::id::{TaskId, TaskKey};
use crate::kernel::Kernel;
use crate::page::holding::Chain;
use crate::page::pool::Run;
use crate::sink::{Event, Sink};

/// Pages that one step goes over at most, before it lets other calls in.
pub(crate) const PAGE_BATCH: u32 = 4096;

/// What a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// OKWRITE: the target may write.
    Allow,
    /// OKWRITE 0: everybody may.
    AllowAll,
    /// NOWRITE: the target may not.
    Forbid,
    /// NOWRITE 0: nobody may.
    ForbidAll,
    /// GIVE: the target owns the pages.
    Give,
    /// GIVE 0, and what a dead task owned: nobody owns them.
    Free,
    /// AllocMemBlocks: free pages become the target's. A fill, or else the size
    /// goes into the first word.
    Allocate(Option<u8>),
    /// IsMemWritable: nothing changes.
    AskWritable,
    /// IsMemOwned: nothing changes.
    AskOwned,
    /// The target takes up what it may already do.
    TakeUp,
}

/// What has become of pages, for whoever listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageAct {
    /// The task owns them, and may write them.
    Given(Option<TaskId>),
    /// Nobody owns them.
    Freed,
    /// The task may write them; `None`: everybody.
    Allowed(Option<TaskId>),
    /// The task may not write them; `None`: nobody.
    Forbidden(Option<TaskId>),
}

/// Where a change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Mark,
    Open,
    Shut,
    Retract,
    Turn,
    Barrier,
    Reads,
    Fill,
    Unmark,
    Over,
}

/// Who hears of the end of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The caller.
    Answer,
    /// The clearing up of the owner, who is dead.
    Ending,
}

/// The progress of one change.
#[derive(Debug)]
pub(crate) struct PageChange {
    pub(crate) kind: Kind,
    pub(crate) stage: Stage,
    pub(crate) first: u32,
    pub(crate) end: u32,
    /// The first page that this stage has not done.
    pub(crate) next: u32,
    /// Where the run begins that the machine maps now.
    pub(crate) opening: u32,
    /// Who asked, and owns the pages but for what it may do to its own rights.
    pub(crate) caller: TaskKey,
    /// Who gains or loses, if it is one task.
    pub(crate) target: TaskKey,
    /// Tasks that have been visited for want of records.
    pub(crate) swept: u32,
    pub(crate) chain: Chain,
    /// Somebody may have lost a right: a barrier is due.
    pub(crate) lost: bool,
    pub(crate) refusal: Option<Denied>,
    /// A grant to everybody has ended for want of a record of a refusal.
    pub(crate) ended_everybody: bool,
    /// Where the call's range ends; a part of it may be a change of its own.
    last: u32,
    /// The caller and the target, for whoever listens: they may be gone when it is told.
    by: Option<TaskId>,
    to: Option<TaskId>,
    pub(crate) then: Then,
}

impl PageChange {
    pub(crate) fn new(kind: Kind, run: Run, caller: TaskKey, target: TaskKey) -> Self {
        Self {
            kind,
            stage: Stage::Mark,
            first: run.first(),
            end: run.end(),
            next: run.first(),
            opening: run.first(),
            caller,
            target,
            swept: 0,
            chain: Chain::default(),
            lost: false,
            refusal: None,
            ended_everybody: false,
            last: run.end(),
            by: None,
            to: None,
            then: Then::Answer,
        }
    }

    pub(crate) fn enter(&mut self, stage: Stage) -> Option<Work> {
        self.stage = stage;
        self.next = self.first;
        None
    }

    /// Undoes what has been done, and answers this.
    pub(crate) fn refuse(&mut self, denied: Denied, from: Stage) -> Option<Work> {
        self.refusal = Some(denied);
        self.enter(from)
    }

    /// Where this step ends, if it goes over so many pages at most.
    pub(crate) fn batch_end(&self, most: u32) -> u32 {
        self.next.saturating_add(most).min(self.end)
    }

    /// Goes to the next stage, or lets others in if there is more of this one.
    pub(crate) fn after_batch(&mut self, stage: Stage) -> Option<Work> {
        if self.next < self.end {
            Some(Work::Yield)
        } else {
            self.enter(stage)
        }
    }

    /// Whether a task gives up its own right, on pages that need not be its own.
    #[inline]
    pub(crate) fn relinquishes(&self) -> bool {
        self.kind == Kind::Forbid && self.target == self.caller
    }

    /// Whether these are the pages of this dead task.
    pub(crate) fn buries(&self, task: u32) -> bool {
        self.then == Then::Ending && task == self.caller.index
    }

    /// Whether somebody may write afterwards, or somebody else says who may.
    #[inline]
    pub(crate) fn makes_writable(&self) -> bool {
        matches!(
            self.kind,
            Kind::Allow | Kind::AllowAll | Kind::Give | Kind::Free
        )
    }

    /// Whether it is the owner's alone to make, and refuses nothing to anybody.
    #[inline]
    pub(crate) fn needs_owner(&self) -> bool {
        matches!(
            self.kind,
            Kind::Allow | Kind::AllowAll | Kind::ForbidAll | Kind::Give | Kind::Free
        )
    }

    /// Whether the target needs a record for what it gains.
    #[inline]
    pub(crate) fn gains(&self) -> bool {
        self.maps() || matches!(self.kind, Kind::Allow | Kind::Give)
    }

    /// Whether what the target gains is mapped at once. A new owner, or one that
    /// has its own right back, looks first and may never store: its first store
    /// takes that up.
    #[inline]
    pub(crate) fn maps(&self) -> bool {
        match self.kind {
            Kind::Allow => self.target != self.caller,
            Kind::Allocate(_) | Kind::TakeUp => true,
            Kind::AllowAll
            | Kind::Forbid
            | Kind::ForbidAll
            | Kind::Give
            | Kind::Free
            | Kind::AskWritable
            | Kind::AskOwned => false,
        }
    }
}

impl<S: Sink> Kernel<S> {
    /// Frees the pages around one that a dead task owned, and that nobody is changing.
    pub(crate) fn bury(&mut self, page: u32, owner: u32) -> Progress {
        let is_its = |page| self.pages.states.at(page).owner == owner;
        let run = self.run_around(page, PAGE_BATCH, is_its);
        for page in run.first()..run.end() {
            self.pages.set_changing(page, true);
            *self.pages.frozen.at_mut(page) = false;
        }
        let change = PageChange {
            stage: Stage::Turn,
            then: Then::Ending,
            ..PageChange::new(Kind::Free, run, self.key_of(owner), TaskKey::NOBODY)
        };
        self.change_pages(change)
    }

    /// Goes on with a change until the machine has something to do, or it is over.
    pub(crate) fn go_on_with_pages(
        &mut self,
        mut change: PageChange,
        outcome: Outcome,
    ) -> Progress {
        // Nothing else may fail.
        if outcome == Outcome::Failed && change.stage == Stage::Open {
            Self::opening_failed(&mut change);
        }
        loop {
            let work = match change.stage {
                Stage::Mark => self.mark_some(&mut change),
                Stage::Open => self.open_some(&mut change),
                Stage::Shut => self.shut_some(&mut change),
                Stage::Retract => self.retract_some(&mut change),
                Stage::Turn => self.turn_some(&mut change),
                Stage::Barrier => Self::bar(&mut change),
                Stage::Reads => self.cancel_reads(&mut change),
                Stage::Fill => self.fill_some(&mut change),
                Stage::Unmark => self.unmark_some(&mut change),
                Stage::Over => return self.page_change_over(change),
            };
            if let Some(work) = work {
                return Progress::step(work, Change::Pages(change));
            }
        }
    }

    /// Tells what has become of the pages, before anybody else can change them.
    pub(crate) fn tell_of_pages(&self, change: &PageChange) {
        let act = match change.kind {
            Kind::Give | Kind::Allocate(_) => PageAct::Given(change.to),
            Kind::Free => PageAct::Freed,
            Kind::Allow | Kind::AllowAll => PageAct::Allowed(change.to),
            Kind::Forbid | Kind::ForbidAll => PageAct::Forbidden(change.to),
            Kind::TakeUp | Kind::AskWritable | Kind::AskOwned => return,
        };
        let run = Run::between(change.first, change.end);
        if let (None, Some(by), Some(run)) = (change.refusal, change.by, run) {
            self.sink.event(&Event::PagesChanged { by, act, run });
        }
    }

    /// Begins a change, with the names of those whom it is about.
    pub(crate) fn change_pages(&mut self, mut change: PageChange) -> Progress {
        let name = |key: TaskKey| self.tasks.get(key.index).map(|task| task.id);
        (change.by, change.to) = (name(change.caller), name(change.target));
        self.go_on_with_pages(change, Outcome::Done)
    }

    fn page_change_over(&mut self, mut change: PageChange) -> Progress {
        self.pages.put_back(core::mem::take(&mut change.chain));
        if let Some(rest) = Run::between(change.end, change.last)
            && change.relinquishes()
            && change.refusal.is_none()
        {
            let PageChange { by, to, .. } = change;
            let rest = PageChange::new(change.kind, rest, change.caller, change.target);
            // Others first: there may be as many parts as pages.
            let rest = PageChange { by, to, ..rest };
            return Progress::step(Work::Yield, Change::Pages(rest));
        }
        if change.then == Then::Ending {
            return self.end_some_pages(change.caller.index);
        }
        match (change.kind, change.refusal) {
            (Kind::AskWritable | Kind::AskOwned, refusal) => {
                return Progress::answer(i32::from(refusal.is_none()));
            }
            (_, Some(denied)) => return Progress::Answer(Err(denied)),
            (_, None) => {}
        }
        if !matches!(change.kind, Kind::Allocate(_)) {
            return Progress::answer(0);
        }
        let address = self.limits.pool.address_of(change.first);
        Progress::answer(u32::try_from(address).unwrap_or(0).cast_signed())
    }
}
