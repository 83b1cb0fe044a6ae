//! Pages: who owns each page of the pool, and who may store to it. (Portfolio)
//!
//! ```text
//!   pool.rs        which addresses are which pages
//!   published.rs   who may store where, as copies on all processors read it
//!   holding.rs     the same with its back: one record for each (page, task)
//!   free.rs        which pages nobody owns, and the longest run of them
//!   change.rs      one call on a run of pages, and its stages
//!   one.rs         the same in short, for the change that is made most
//!   mark.rs        its first stage: may these pages be changed, and is there room?
//!   turn.rs        the stage in which the books turn, by one rule (rule.rs)
//!   stage.rs       the others: open, shut, retract, bar, fill, unmark
//!   decode.rs      the words of ControlMem, AllocMemBlocks, IsMem*, AvailMem
//!   call.rs        what they ask for, and their first checks
//!   touch.rs       a store has faulted: forbidden, or not mapped yet?
//!   freeze.rs      pages that nobody may write before their owner thaws them
//!   lease.rs       pages held still while the kernel stores a result there
//!   stream.rs      which pages a task's input and output may use
//!   report.rs      the sentence about a store that ends its task
//! ```
//!
//! A task *holds* a page when it owns it, may write it, or is refused while
//! everybody else may. A holding is one record of one page and one task. Records
//! of whole runs would have to be split when a page in the middle is taken back;
//! splitting needs a record, and taking never fails. Who loses its right may leave an
//! empty record on a page that is sure of it: the next who gains takes it over.
//!
//! Whether a holder's mapping may let stores through is kept beside its rights,
//! so that nobody's mapping is shut that was never opened.
//!
//! Who owns and who may write are independent. A grant to everybody is a state
//! of the page that changes no mapping: each task takes it up at its first
//! store, and only those who did are visited when it ends (everybody, if the table
//! could not hold them all).

mod call;
mod change;
mod decode;
mod free;
mod freeze;
mod holding;
mod invariant;
mod lease;
mod mark;
mod one;
mod pool;
mod published;
mod report;
mod rule;
mod stage;
mod stream;
mod touch;
mod turn;

pub(crate) use change::{PAGE_BATCH, PageChange};
pub(crate) use holding::{Books, Chain};
pub(crate) use lease::Lease;
pub(crate) use one::{Aim, OnePage};
pub(crate) use published::Published;

pub use call::{PageRequest, Question};
pub use change::PageAct;
pub use pool::{Pool, Run};
pub use report::ForbiddenStore;
