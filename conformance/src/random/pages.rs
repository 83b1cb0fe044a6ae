//! Page calls and stores to the pool: what is drawn, and what it means in a world.

use super::resolve::{Ready, View, pick, up_to};
use super::step::{Draw, PlaceWish, edge, huge, place};
use crate::index;
use crate::model::{Call, PageCall, Place, Question};
use proptest::prelude::*;
use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, MEMTYPE_FILL, Number};

/// A page call, before it is known what there is to name.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the words of docs/calls.md, drawn")]
pub(super) enum PageWish {
    Control {
        range: RunWish,
        cmd: Draw,
        task: HolderWish,
    },
    Alloc {
        size: AllocWish,
        flags: Draw,
    },
    PageSize {
        flags: Draw,
    },
    Ask {
        question: Draw,
        range: RunWish,
    },
    Avail {
        at: PlaceWish,
        flags: Draw,
    },
}

/// Which pages.
#[derive(Clone, Copy, Debug)]
pub(super) enum RunWish {
    /// A few neighbours that the caller owns, not from edge to edge.
    Owned(Draw, Draw),
    /// Some bytes anywhere in the pool.
    Pool(Draw, Draw),
    /// At this place, with a size that fits.
    At(PlaceWish, Draw),
    /// The same, with hardly a size.
    NoSize(PlaceWish, i32),
}

/// Whom a page call names.
#[derive(Clone, Copy, Debug)]
pub(super) enum HolderWish {
    /// The system, or everybody.
    Zero,
    /// The caller.
    Oneself,
    /// One that lives.
    Living(Draw),
    /// One whose end is not through, or one that has ended.
    Dead(Draw),
    /// Hardly one.
    Number(i32),
}

/// How much to allocate.
#[derive(Clone, Copy, Debug)]
pub(super) enum AllocWish {
    /// A few pages.
    Few(Draw),
    /// So many bytes.
    Number(i32),
}

/// A store to the pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageStore {
    pub(super) at: PlaceWish,
    /// One word, or so many bytes.
    pub(super) is_word: bool,
    pub(super) bytes: u8,
    pub(super) byte: u8,
}

fn run() -> impl Strategy<Value = RunWish> {
    prop_oneof![
        20 => (any::<Draw>(), any::<Draw>()).prop_map(|(run, cut)| RunWish::Owned(run, cut)),
        3 => (any::<Draw>(), any::<Draw>()).prop_map(|(from, size)| RunWish::Pool(from, size)),
        1 => (place(), any::<Draw>()).prop_map(|(at, size)| RunWish::At(at, size)),
        1 => (place(), prop_oneof![Just(0), huge()]).prop_map(|(at, size)| RunWish::NoSize(at, size)),
    ]
}

fn holder() -> impl Strategy<Value = HolderWish> {
    prop_oneof![
        6 => Just(HolderWish::Zero),
        5 => Just(HolderWish::Oneself),
        14 => any::<Draw>().prop_map(HolderWish::Living),
        1 => any::<Draw>().prop_map(HolderWish::Dead),
        1 => edge().prop_map(HolderWish::Number),
    ]
}

pub(super) fn any_page_wish() -> impl Strategy<Value = PageWish> {
    let size = prop_oneof![
        12 => any::<Draw>().prop_map(AllocWish::Few),
        1 => prop_oneof![Just(0), huge()].prop_map(AllocWish::Number),
    ];
    prop_oneof![
        20 => (run(), any::<Draw>(), holder())
            .prop_map(|(range, cmd, task)| PageWish::Control { range, cmd, task }),
        9 => (size, any::<Draw>()).prop_map(|(size, flags)| PageWish::Alloc { size, flags }),
        1 => any::<Draw>().prop_map(|flags| PageWish::PageSize { flags }),
        6 => (any::<Draw>(), run()).prop_map(|(question, range)| PageWish::Ask { question, range }),
        3 => (place(), any::<Draw>()).prop_map(|(at, flags)| PageWish::Avail { at, flags }),
    ]
}

pub(super) fn any_page_store() -> impl Strategy<Value = PageStore> {
    let at = prop_oneof![
        30 => any::<Draw>().prop_map(PlaceWish::Writable),
        1 => any::<Draw>().prop_map(PlaceWish::Pool),
    ];
    (at, any::<bool>(), 1..100_u8, any::<u8>()).prop_map(|(at, is_word, bytes, byte)| PageStore {
        at,
        is_word,
        bytes,
        byte,
    })
}

/// 0 mostly; now and then a number that means nothing.
fn flags_of(draw: Draw) -> i32 {
    match draw % 12 {
        0 => [1, -1, 0x200, i32::MIN][usize::from(draw / 12) % 4],
        _ => 0,
    }
}

impl View<'_> {
    pub(super) fn page(&self, wish: &PageWish) -> Ready {
        match *wish {
            PageWish::Control { range, cmd, task } => self.control(range, cmd, task),
            PageWish::Alloc { size, flags } => self.alloc(size, flags),
            PageWish::PageSize { flags } => {
                let flags = flags_of(flags);
                let words = [flags.into(), 0, 0, 0];
                ready(Number::GetPageSize, words, PageCall::PageSize { flags })
            }
            PageWish::Ask { question, range } => {
                let (number, question) = [
                    (Number::IsMemReadable, Question::Readable),
                    (Number::IsMemWritable, Question::Writable),
                    (Number::IsMemOwned, Question::Owned),
                ][usize::from(question) % 3];
                let (at, address, size) = self.run(range);
                let (number, question) = if self.model.is_pool_settled() {
                    (number, question)
                } else {
                    (Number::IsMemReadable, Question::Readable)
                };
                let call = PageCall::Ask { question, at, size };
                ready(number, [address, size.into(), 0, 0], call)
            }
            PageWish::Avail { .. } if !self.model.is_pool_certain() => {
                ready(Number::GetPageSize, [0; 4], PageCall::PageSize { flags: 0 })
            }
            PageWish::Avail { at, flags } => {
                let (at, address) = self.place(at, 16);
                let flags = flags_of(flags);
                let words = [address, flags.into(), 0, 0];
                ready(Number::AvailMem, words, PageCall::Avail { at, flags })
            }
        }
    }

    fn control(&self, range: RunWish, cmd: Draw, task: HolderWish) -> Ready {
        let (at, address, size) = self.run(range);
        let cmd = match cmd % 32 {
            0..8 => MEMC_NOWRITE,
            8..19 => MEMC_OKWRITE,
            19..31 => MEMC_GIVE,
            _ => [0, 4, 99, -1, i32::MIN][usize::from(cmd / 32) % 5],
        };
        let task = self.holder(task);
        // Whether a refusal finds a record is not certain while records are being let go.
        let cmd = if cmd == MEMC_NOWRITE && task != 0 && !self.model.is_pool_certain() {
            MEMC_OKWRITE
        } else {
            cmd
        };
        let words = [address, size.into(), cmd.into(), task.into()];
        let call = PageCall::Control {
            at,
            size,
            cmd,
            task,
        };
        ready(Number::ControlMem, words, call)
    }

    fn alloc(&self, size: AllocWish, flags: Draw) -> Ready {
        let size = match size {
            AllocWish::Few(draw) => {
                let bytes = self.model.pool.page_bytes * if draw % 16 == 0 { 6 } else { 2 };
                1 + i32::try_from(up_to(bytes, draw / 16)).expect("small")
            }
            AllocWish::Number(size) => size,
        };
        let flags = match flags % 16 {
            0 => [1, 0xff, 0x200, 0x1100, -1, i32::MIN][usize::from(flags / 16) % 6],
            1..5 => (MEMTYPE_FILL | u32::from(flags / 16) & 0xff).cast_signed(),
            _ => 0,
        };
        let words = [size.into(), flags.into(), 0, 0];
        ready(
            Number::AllocMemBlocks,
            words,
            PageCall::Alloc { size, flags },
        )
    }

    fn holder(&self, wish: HolderWish) -> i32 {
        use super::step::TaskWish;
        match wish {
            HolderWish::Zero => 0,
            HolderWish::Oneself => self.caller,
            HolderWish::Living(draw) => {
                let attached = self.model.tasks.iter();
                let attached = attached.filter(|(_, task)| !task.is_ending && task.pages.is_some());
                let attached: Vec<i32> = attached.map(|(id, _)| *id).collect();
                pick(&attached, draw).unwrap_or_else(|| self.task(&TaskWish::Living(draw)))
            }
            HolderWish::Dead(draw) => self.task(&TaskWish::Dead(draw)),
            HolderWish::Number(number) => number,
        }
    }

    /// Place, address and size of a range.
    fn run(&self, wish: RunWish) -> (Place, i64, i32) {
        let pool = &self.model.pool;
        match wish {
            RunWish::Owned(run, cut) => {
                let owned = self.owned_runs();
                let Some((first, pages)) = pick(&owned, run) else {
                    return self.run(RunWish::Pool(run, cut));
                };
                let (cut_left, cut_right) = (index(cut % 251), index(cut / 251));
                let start = first * pool.page_bytes + cut_left % pool.page_bytes;
                let end = (first + pages) * pool.page_bytes - cut_right % pool.page_bytes;
                let end = end.max(start + 1);
                self.in_pool(start, end - start)
            }
            RunWish::Pool(from, size) => {
                let from = up_to(pool.bytes.len() - 1, from);
                let size = 1 + up_to((pool.bytes.len() - from - 1).min(3 * pool.page_bytes), size);
                self.in_pool(from, size)
            }
            RunWish::At(at, size) => {
                let size = 1 + up_to(crate::model::WINDOW_BYTES - 1, size);
                let (at, address) = self.place(at, size);
                (at, address, i32::try_from(size).expect("small"))
            }
            RunWish::NoSize(at, size) => {
                let (at, address) = self.place(at, usize::try_from(size).unwrap_or(0));
                (at, address, size)
            }
        }
    }

    fn in_pool(&self, offset: usize, size: usize) -> (Place, i64, i32) {
        let address = self.pool_address(offset);
        let size = i32::try_from(size).expect("a small pool");
        (Place::Pool(offset), address, size)
    }

    /// Up to four neighbours that the caller owns: the first, and how many.
    fn owned_runs(&self) -> Vec<(usize, usize)> {
        let pages = &self.model.pool.pages;
        let mut runs = Vec::new();
        for first in 0..pages.len() {
            for count in 1..=4.min(pages.len() - first) {
                if pages[first + count - 1].owner != Some(self.caller) {
                    break;
                }
                runs.push((first, count));
            }
        }
        runs
    }
}

fn ready(number: Number, words: [i64; 4], call: PageCall) -> Ready {
    Ready {
        number,
        words,
        call: Call::Page(call),
    }
}
