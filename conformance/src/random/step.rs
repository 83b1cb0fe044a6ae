//! What a random sequence is made of. Nothing here knows the world that it will be played in.

use super::pages::{PageStore, PageWish, any_page_store, any_page_wish};
use proptest::prelude::*;

/// A number out of a range that the world will have.
pub(super) type Draw = u16;

/// One step of a sequence.
#[derive(Clone, Debug)]
#[allow(
    missing_docs,
    reason = "each field is drawn, and gets its meaning in the world"
)]
pub(super) enum Step {
    /// A task starts.
    Start { name: Draw, quota: Draw },
    /// A task ends, in one of the ways.
    End {
        who: Draw,
        how: Draw,
        trouble: Option<Draw>,
    },
    /// A task makes a call, perhaps several times.
    Call {
        who: Draw,
        call: Wish,
        times: Draw,
        trouble: Option<Draw>,
    },
    /// A task stores to its own memory.
    Store { who: Draw, at: Draw, byte: u8 },
    /// A task stores to the pool.
    StorePage {
        who: Draw,
        store: PageStore,
        trouble: Option<Draw>,
    },
    /// Time passes.
    Advance { milliseconds: u8 },
    /// Steps that wait go on.
    GoOn,
}

/// A call, before it is known what there is to name.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the words of docs/calls.md, drawn")]
pub(super) enum Wish {
    Share {
        target: TaskWish,
        at: PlaceWish,
        size: SizeWish,
        perms: Draw,
    },
    Claim {
        smo: SmoWish,
    },
    Pass {
        smo: SmoWish,
        target: TaskWish,
    },
    Copy {
        is_write: bool,
        smo: SmoWish,
        range: RangeWish,
        at: PlaceWish,
    },
    Size {
        smo: SmoWish,
    },
    LastError,
    CurrentTask,
    Watch {
        task: TaskWish,
        port: PortWish,
    },
    Find {
        name: Draw,
        length: Option<i32>,
        is_memory: bool,
    },
    Open {
        port: PortWish,
    },
    Close {
        port: PortWish,
    },
    Send {
        task: TaskWish,
        port: PortWish,
        at: PlaceWish,
    },
    Get {
        port: PortWish,
        at: PlaceWish,
        sender_at: PlaceWish,
    },
    Count {
        port: PortWish,
    },
    Wait {
        port: PortWish,
        timeout_ms: i32,
    },
    Page(PageWish),
}

/// Which task.
#[derive(Clone, Debug)]
pub(super) enum TaskWish {
    /// One that lives.
    Living(Draw),
    /// One whose end is not through, or one that has ended.
    Dead(Draw),
    /// Hardly one.
    Number(i32),
}

/// Which object.
#[derive(Clone, Debug)]
pub(super) enum SmoWish {
    /// One that the caller may do this with, if there is one.
    Fitting(Draw),
    /// One that lives.
    Living(Draw),
    /// One that is gone.
    Gone(Draw),
    /// Hardly one.
    Number(i32),
}

/// Which port.
#[derive(Clone, Debug)]
pub(super) enum PortWish {
    /// One that this can be done with, if there is one.
    Fitting(Draw),
    /// One of the few that are in use.
    Few(Draw),
    /// Hardly one.
    Number(i32),
}

/// Which address.
#[derive(Clone, Copy, Debug)]
pub(super) enum PlaceWish {
    /// In the window, with all the bytes asked for.
    Inside(Draw),
    /// Not with all the bytes asked for, in one of the ways.
    Outside(Draw),
    /// In the pool, in pages that the caller may write, if there are such.
    Writable(Draw),
    /// Anywhere in the pool, with all the bytes asked for.
    Pool(Draw),
    /// Over an end of the pool, or behind it.
    PoolEdge(Draw),
}

/// How large an object.
#[derive(Clone, Debug)]
pub(super) enum SizeWish {
    /// So that it fits into the window.
    Fitting(Draw),
    /// Hardly a size.
    Number(i32),
}

/// Which part of an object.
#[derive(Clone, Debug)]
pub(super) enum RangeWish {
    /// Inside.
    Inside(Draw, Draw),
    /// Out of it by a little, in one of the ways.
    Outside(Draw),
    /// Hardly a range.
    Numbers(i32, i32),
}

/// The ends of an int, and what is near them and near 0.
pub(super) fn edge() -> impl Strategy<Value = i32> {
    prop::sample::select(vec![
        0,
        -1,
        -2,
        1,
        2,
        31,
        32,
        33,
        64,
        -64,
        i32::MAX,
        i32::MAX - 1,
        i32::MIN,
        i32::MIN + 1,
    ])
}

/// A size or an offset that no window holds.
pub(super) fn huge() -> impl Strategy<Value = i32> {
    prop::sample::select(vec![
        -1,
        -2,
        -256,
        i32::MIN,
        i32::MIN + 1,
        i32::MAX,
        i32::MAX - 1,
        0x7fff_0000,
    ])
}

fn task() -> impl Strategy<Value = TaskWish> {
    prop_oneof![
        16 => any::<Draw>().prop_map(TaskWish::Living),
        1 => any::<Draw>().prop_map(TaskWish::Dead),
        1 => edge().prop_map(TaskWish::Number),
    ]
}

fn smo() -> impl Strategy<Value = SmoWish> {
    prop_oneof![
        30 => any::<Draw>().prop_map(SmoWish::Fitting),
        5 => any::<Draw>().prop_map(SmoWish::Living),
        2 => any::<Draw>().prop_map(SmoWish::Gone),
        3 => edge().prop_map(SmoWish::Number),
    ]
}

fn port() -> impl Strategy<Value = PortWish> {
    prop_oneof![
        24 => any::<Draw>().prop_map(PortWish::Fitting),
        4 => any::<Draw>().prop_map(PortWish::Few),
        2 => edge().prop_map(PortWish::Number),
    ]
}

pub(super) fn place() -> impl Strategy<Value = PlaceWish> {
    prop_oneof![
        3 => any::<Draw>().prop_map(PlaceWish::Writable),
        1 => any::<Draw>().prop_map(PlaceWish::Pool),
        1 => any::<Draw>().prop_map(PlaceWish::PoolEdge),
        20 => any::<Draw>().prop_map(PlaceWish::Inside),
        1 => any::<Draw>().prop_map(PlaceWish::Outside),
    ]
}

fn range() -> impl Strategy<Value = RangeWish> {
    prop_oneof![
        14 => (any::<Draw>(), any::<Draw>()).prop_map(|(offset, size)| RangeWish::Inside(offset, size)),
        1 => any::<Draw>().prop_map(RangeWish::Outside),
        1 => (huge(), huge()).prop_map(|(offset, size)| RangeWish::Numbers(offset, size)),
    ]
}

fn size() -> impl Strategy<Value = SizeWish> {
    prop_oneof![
        14 => any::<Draw>().prop_map(SizeWish::Fitting),
        1 => prop_oneof![Just(0), huge()].prop_map(SizeWish::Number),
    ]
}

/// A name's length, when it is not the name's own.
fn length() -> impl Strategy<Value = Option<i32>> {
    prop_oneof![8 => Just(None), 1 => prop::sample::select(vec![0, -1, 32, i32::MAX, i32::MIN]).prop_map(Some)]
}

fn timeout() -> impl Strategy<Value = i32> {
    prop_oneof![3 => Just(0), 2 => 1..30_i32, 1 => prop::sample::select(vec![-1, -7, i32::MIN, i32::MAX])]
}

fn objects() -> impl Strategy<Value = Wish> {
    prop_oneof![
        9 => (task(), place(), size(), any::<Draw>())
            .prop_map(|(target, at, size, perms)| Wish::Share { target, at, size, perms }),
        4 => smo().prop_map(|smo| Wish::Claim { smo }),
        3 => (smo(), task()).prop_map(|(smo, target)| Wish::Pass { smo, target }),
        12 => (any::<bool>(), smo(), range(), place())
            .prop_map(|(is_write, smo, range, at)| Wish::Copy { is_write, smo, range, at }),
        2 => smo().prop_map(|smo| Wish::Size { smo }),
    ]
}

fn messages() -> impl Strategy<Value = Wish> {
    prop_oneof![
        2 => (task(), port()).prop_map(|(task, port)| Wish::Watch { task, port }),
        2 => (any::<Draw>(), length(), prop::bool::weighted(0.9))
            .prop_map(|(name, length, is_memory)| Wish::Find { name, length, is_memory }),
        7 => port().prop_map(|port| Wish::Open { port }),
        2 => port().prop_map(|port| Wish::Close { port }),
        7 => (task(), port(), place()).prop_map(|(task, port, at)| Wish::Send { task, port, at }),
        6 => (port(), place(), place()).prop_map(|(port, at, sender_at)| Wish::Get { port, at, sender_at }),
        2 => port().prop_map(|port| Wish::Count { port }),
        2 => (port(), timeout()).prop_map(|(port, timeout_ms)| Wish::Wait { port, timeout_ms }),
        1 => Just(Wish::LastError),
        1 => Just(Wish::CurrentTask),
    ]
}

/// Which of the troubles that a call can have, if any.
fn trouble() -> impl Strategy<Value = Option<Draw>> {
    prop_oneof![9 => Just(None), 1 => any::<Draw>().prop_map(Some)]
}

impl Wish {
    /// Whether making this call again and again fills something up.
    pub(super) fn fills_up(&self) -> bool {
        matches!(
            self,
            Self::Share { .. } | Self::Send { .. } | Self::Watch { .. }
        )
    }
}

/// How often a call is made that fills something up: mostly once, at times so often that it is
/// full.
fn times() -> impl Strategy<Value = Draw> {
    prop_oneof![40 => Just(1), 1 => 2..120_u16]
}

/// Any step.
pub(super) fn any_step() -> impl Strategy<Value = Step> {
    // Boxed: as one type, the tree of all of them does not fit on a test's stack.
    let call = prop_oneof![
        4 => objects().boxed(),
        4 => messages().boxed(),
        5 => any_page_wish().prop_map(Wish::Page).boxed(),
    ];
    prop_oneof![
        3 => (any::<Draw>(), any::<Draw>()).prop_map(|(name, quota)| Step::Start { name, quota }),
        1 => (any::<Draw>(), any::<Draw>(), trouble()).prop_map(|(who, how, trouble)| Step::End { who, how, trouble }),
        130 => (any::<Draw>(), call, times(), trouble())
            .prop_map(|(who, call, times, trouble)| Step::Call { who, call, times, trouble }),
        6 => (any::<Draw>(), any::<Draw>(), any::<u8>()).prop_map(|(who, at, byte)| Step::Store { who, at, byte }),
        6 => (any::<Draw>(), any_page_store(), trouble())
            .prop_map(|(who, store, trouble)| Step::StorePage { who, store, trouble }),
        2 => any::<u8>().prop_map(|milliseconds| Step::Advance { milliseconds }),
        4 => Just(Step::GoOn),
    ]
}
