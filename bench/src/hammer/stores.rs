//! Page rights taken away from a task that stores to the pages by instructions
//! of its own. Its next store ends it, so that there is a new one each time:
//! some wait to be let in while one is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use usufruct_wasm::{Config, Program, Reason, Spec, System, Task};

use super::{Case, Seen};
use crate::guest::Guest;
use crate::{pages, system};

/// Tasks that store, or wait to.
const STORERS: usize = 3;

pub(super) fn cases() -> impl Iterator<Item = Case> {
    pages::ways_here().into_iter().map(|protection| {
        let mut config = super::config_with_pool();
        config.protection = protection;
        Case {
            name: format!("pages by {protection}, against stores"),
            without: (
                "the protection taken out",
                config.clone().without_protection(),
            ),
            config,
            hammer: Box::new(hammer),
        }
    })
}

fn hammer(config: Config, revocations: u32, patience: Duration) -> Result<(Seen, f64), String> {
    let system = system::with(config)?;
    let storer = system::load(&system, include_str!("../guest/storer.wat"))?;
    let evictor = include_str!("../guest/evictor.wat");
    let evictor = Guest::start(&system, "evictor", evictor, &[revocations, 1])?;
    let seats: Vec<Seat> = (0..STORERS).map(Seat::new).collect();
    let is_over = AtomicBool::new(false);
    let begun = Instant::now();
    let ended = thread::scope(|scope| {
        let runs: Vec<_> = seats
            .iter()
            .map(|seat| {
                scope.spawn(|| {
                    let run = seat.keep_taken(&system, &storer, &is_over);
                    // Nobody would be left for it to wait for.
                    if run.is_err() {
                        let _ = evictor.kill();
                    }
                    run
                })
            })
            .collect();
        let ended = evictor.ends_within(patience);
        is_over.store(true, Ordering::SeqCst);
        seats.iter().for_each(Seat::clear);
        let mut runs = runs.into_iter().map(|run| run.join());
        let failed = runs.find_map(|run| run.unwrap_or_else(|_| Err("a panic".to_owned())).err());
        failed.map_or(ended, Err)
    });
    ended?;
    Ok((Seen::last_of(&evictor), begun.elapsed().as_secs_f64()))
}

/// One of the storers, life after life.
struct Seat {
    name: String,
    task: Mutex<Option<Task>>,
}

impl Seat {
    fn new(index: usize) -> Self {
        Self {
            name: format!("storer {index}"),
            task: Mutex::default(),
        }
    }

    /// Starts a task whenever the one before has been stopped at a store.
    fn keep_taken(
        &self,
        system: &System,
        program: &Program,
        is_over: &AtomicBool,
    ) -> Result<(), String> {
        loop {
            let task = system::make(system, program, &Spec::new(self.name.clone()))?;
            self.put(Some(task.clone()));
            if is_over.load(Ordering::SeqCst) {
                return Ok(());
            }
            task.start();
            let report = task.wait();
            if report.ending.reason != Reason::ForbiddenStore && !is_over.load(Ordering::SeqCst) {
                return Err(format!("task '{}' {report}", self.name));
            }
        }
    }

    /// Ends the task that is there now.
    fn clear(&self) {
        if let Some(task) = self.put(None) {
            task.kill();
        }
    }

    fn put(&self, task: Option<Task>) -> Option<Task> {
        let mut place = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut place, task)
    }
}
