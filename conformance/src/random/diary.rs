//! What a sequence did, for the report of its failure.

use super::Trouble;
use super::resolve::Ready;
use crate::world::Answer;
use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::rc::Rc;
use std::sync::Once;

/// So many of the last deeds are kept.
const KEPT: usize = 40;

/// Something that was done.
#[derive(Clone, Copy, Debug)]
#[expect(
    dead_code,
    reason = "read by Debug alone, which is what a diary is for"
)]
pub(super) enum Deed {
    Started {
        id: i32,
    },
    Ended {
        id: i32,
        trouble: Option<Trouble>,
    },
    Calls {
        id: i32,
        ready: Ready,
        trouble: Option<Trouble>,
    },
    Answered {
        id: i32,
        answer: Answer,
    },
    Waits {
        id: i32,
    },
    Stores {
        id: i32,
        offset: usize,
    },
    StoresToPage {
        id: i32,
        offset: usize,
        bytes: usize,
        lands: usize,
    },
    GoesOn,
}

/// The last deeds of a sequence, shared with whoever reports its failure.
#[derive(Clone, Debug, Default)]
pub(super) struct Diary(Rc<RefCell<VecDeque<Deed>>>);

impl Diary {
    pub(super) fn note(&self, deed: Deed) {
        let mut deeds = self.0.borrow_mut();
        if deeds.len() == KEPT {
            deeds.pop_front();
        }
        deeds.push_back(deed);
    }
}

impl fmt::Display for Diary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .borrow()
            .iter()
            .try_for_each(|deed| writeln!(f, "  {deed:?}"))
    }
}

thread_local! {
    /// What a panic of this thread said, while somebody catches it.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Acts, and says what a panic said instead of printing it: sequences that fail are played
/// hundreds of times while they are shrunk.
pub(super) fn caught(act: impl FnOnce()) -> Result<(), String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let is_caught = CAUGHT.with_borrow_mut(|caught| {
                caught.as_mut().is_some_and(|words| {
                    *words = panic.to_string();
                    true
                })
            });
            if !is_caught {
                before(panic);
            }
        }));
    });
    CAUGHT.set(Some(String::new()));
    let done = catch_unwind(AssertUnwindSafe(act));
    let words = CAUGHT.take().unwrap_or_default();
    done.map_err(|_: Box<dyn Any + Send>| words)
}
