//! The usufruct kernel core: who owns which memory, and who may use it.
//!
//! The core keeps the books and makes every decision. It never touches guest
//! memory, a page table, a clock or a thread; where the world must move, it
//! asks the [`Machine`]. Two kinds of call flow through the files:
//!
//! ```text
//!   control plane: one short lock                data plane: no lock
//!
//!   door.rs     words -> Request                 copy.rs    words -> CopyRequest
//!   kernel.rs   begin ----> Step --.             pin.rs     pin, look at the record
//!   smo.rs task.rs port.rs watch.rs |                       -> Transfer (the approval)
//!               done <-- Outcome <-'             machine    moves one chunk of bytes
//!   door.rs     Denied -> error word             copy.rs    unpins; next chunk, or answer
//! ```
//!
//! A [`Step`] is what the machine must carry out, without the lock, before the
//! call may go on; `border.rs` says which there are. A [`Transfer`] can only be
//! made by the check that approves it, and lives as long as its pin.
//!
//! # Invariants
//!
//! [`Kernel::invariants_hold`] checks them after every step of the random test:
//!
//! - **I1** Every live object has an owner that has not been cleared away, and
//!   stands once in that owner's list.
//! - **I2** A record is open to copies exactly when its object is live and no
//!   change of it is under way; it then says what the books say.
//! - **I3** A task's published life is its own while it is alive, and 0 from the
//!   first moment of its end.
//! - **I4** The objects that are still free cover what every task is sure of.
//! - **I5** Every message place is free, queued once, watching once, or on its
//!   way to a receiver; the free ones cover what every open port is sure of.
//! - **I6** Each living task is found by its name, and by no other.
//! - **I7** Every page is free or has an owner that holds it; each holding stands
//!   in its page's list and in its task's; only what everybody may write is taken
//!   up or refused.
//!   A frozen page has an owner, and nobody may write it.
//! - **I8** The free pages cover the reserves, the free holdings what each page
//!   is sure of.
//!
//! # What is deliberately absent
//!
//! No `unsafe`, no dependency but `abi`, no allocation after
//! [`Kernel::new`], no `cfg` on a platform (`sync.rs` alone knows the model
//! checker), no clock, no thread.

#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm
)]

extern crate alloc;

mod border;
mod copy;
mod door;
mod error;
mod id;
mod invariant;
mod kernel;
pub mod limits;
mod machine;
mod message;
mod name;
mod page;
mod pin;
mod port;
mod rights;
mod sink;
mod slots;
mod smo;
mod span;
pub mod sync;
mod table;
mod task;
mod thread;
mod watch;

pub use border::{Delivery, Outcome, Progress, Step, Wait, Work};
pub use copy::{BURST_BYTES, CopyRequest, Direction, Window, copy, copy_at_once, copy_by_habit};
pub use door::{
    Reply, carry_out, control_at_once, current_task, end_task, resume, serve, settle, touch,
};
pub use error::{BadLimits, CopyFault, Denied, NoMapping, Unmapped};
pub use id::{SmoId, TaskId, TaskKey, ThreadId};
pub use kernel::{Kernel, Request};
pub use limits::{Limits, PoolQuota, Quota};
pub use machine::{Access, Fences, Machine};
pub use page::{ForbiddenStore, PageAct, PageRequest, Pool, Question, Run};
pub use pin::{CHUNK_BYTES, Copier, Plane, Scope, Transfer};
pub use rights::Permissions;
pub use sink::{Event, Sink};
pub use span::Span;
pub use task::{Ending, Reason};
pub use thread::Thread;
