//! How long tasks' turns are. To ask for the time takes longer than much of what a
//! turn is for, so where one follows right upon another they share one look: the
//! end of the one is the beginning of the other.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    /// When the last turn on this worker has ended, if nothing came after it.
    static LAST_END: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A turn of a task on this worker.
#[derive(Debug)]
pub(crate) struct Turn(Instant);

impl Turn {
    pub(crate) fn begin() -> Self {
        Self(LAST_END.take().unwrap_or_else(Instant::now))
    }

    /// How long it was.
    pub(crate) fn end(self) -> Duration {
        let now = Instant::now();
        LAST_END.set(Some(now));
        now.saturating_duration_since(self.0)
    }
}

/// This worker does something else now, or nothing: the next turn begins when it does.
pub(crate) fn is_followed_by_other_work() {
    LAST_END.set(None);
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::{Turn, is_followed_by_other_work};

    #[test]
    fn a_turn_has_its_own_time_and_none_of_what_came_before() {
        const NAP: Duration = Duration::from_millis(20);
        let turn = Turn::begin();
        sleep(NAP);
        assert!(turn.end() >= NAP);
        assert!(Turn::begin().end() < NAP);
        sleep(NAP);
        is_followed_by_other_work();
        assert!(Turn::begin().end() < NAP);
    }
}
