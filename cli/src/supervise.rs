//! Runs the tasks to their ends: starts them again where the plan says so, kills those
//! that run too long, and all of them when somebody presses Ctrl-C.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, process, thread};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::timeout;
use usufruct::{Kernel, MakeError, Reason, Report, Sink, Task};
use usufruct_system_file::{Fault, NextLife};

use crate::INTERRUPTED;
use crate::prepare::{Ready, ReadyTask, life};
use crate::say::say;
use crate::verdict::{History, Life};

/// How long a failed task's own words to standard error are waited for.
const OWN_WORDS: Duration = Duration::from_millis(100);

/// The lives that run now, so that an interrupt can reach them.
struct Running {
    is_interrupted: bool,
    /// One for each task of the plan.
    lives: Vec<Task>,
}

type SharedRunning = Arc<Mutex<Running>>;

/// Runs all tasks until the last life of each has ended. Answers what became of them,
/// in the order of the plan, and whether they were interrupted.
pub(crate) fn to_the_end(ready: Ready) -> Result<(Vec<History>, bool), Fault> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(cannot_wait)?;
    let first_lives = ready.tasks.iter().map(|task| task.first_life.clone());
    let running = Arc::new(Mutex::new(Running {
        is_interrupted: false,
        lives: first_lives.collect(),
    }));
    heed_interrupts(running.clone()).map_err(cannot_wait)?;

    let kernel = ready.kernel;
    let mut histories = runtime.block_on(async {
        let mut supervisors = JoinSet::new();
        for (index, task) in ready.tasks.into_iter().enumerate() {
            let supervisor = Supervisor {
                index,
                kernel: kernel.clone(),
                running: running.clone(),
                task,
            };
            supervisors.spawn(supervisor.run());
        }
        supervisors.join_all().await
    });
    histories.sort_by_key(|(index, _)| *index);
    let histories = histories.into_iter().map(|(_, history)| history).collect();
    let is_interrupted = locked(&running).is_interrupted;
    Ok((histories, is_interrupted))
}

fn cannot_wait(cause: io::Error) -> Fault {
    let help = "see that the user has file descriptors and threads left";
    Fault::new("this machine", cause.to_string(), help)
}

fn locked(running: &SharedRunning) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, Ctrl-C kills the tasks and not this program.
fn heed_interrupts(running: SharedRunning) -> io::Result<()> {
    let mut interrupts = Signals::new([SIGINT])?;
    let heed = move || interrupts.forever().for_each(|_| interrupt(&running));
    thread::Builder::new()
        .name("interrupts".to_owned())
        .spawn(heed)
        .map(drop)
}

/// The first time, kills every task; who asks again can not wait for that.
fn interrupt(running: &SharedRunning) {
    let lives = {
        let mut running = locked(running);
        if running.is_interrupted {
            process::exit(INTERRUPTED.into());
        }
        running.is_interrupted = true;
        running.lives.clone()
    };
    for life in lives {
        life.kill();
    }
}

/// Sees one task through its lives.
struct Supervisor {
    index: usize,
    kernel: Arc<Kernel>,
    running: SharedRunning,
    task: ReadyTask,
}

impl Supervisor {
    async fn run(self) -> (usize, History) {
        let plan = &self.task.plan;
        let mut history = History::new(plan.name.clone());
        let mut task = self.task.first_life.clone();
        for number in 0_u32.. {
            let past = self.one_life(number, &task).await;
            let failed = !past.succeeded();
            let again = failed && number < plan.restarts && !locked(&self.running).is_interrupted;
            if failed {
                announce(&plan.name, &past, again);
            }
            history.add(past);
            if !again {
                break;
            }
            match self.next_life(number.saturating_add(1)) {
                Ok(next) => task = next,
                Err(error) => {
                    history.cannot_go_on(error.to_string());
                    break;
                }
            }
            if !self.take_over(&task) {
                break;
            }
        }
        (self.index, history)
    }

    fn next_life(&self, number: u32) -> Result<Task, MakeError> {
        let task = &self.task;
        life(
            &self.kernel,
            (&task.plan, &task.program),
            &task.stdin,
            number,
        )
        .make()
    }

    /// Lets an interrupt reach the next life; whether it may begin.
    fn take_over(&self, task: &Task) -> bool {
        let mut running = locked(&self.running);
        if running.is_interrupted {
            return false;
        }
        if let Some(life) = running.lives.get_mut(self.index) {
            *life = task.clone();
        }
        true
    }

    async fn one_life(&self, number: u32, task: &Task) -> Life {
        let limit = self.task.plan.time_limit;
        task.start();
        let (report, exceeded) = match limit {
            None => (task.wait().await, None),
            Some(limit) => match timeout(limit, task.wait()).await {
                Ok(report) => (report, None),
                Err(_) => (kill(task).await, Some(limit)),
            },
        };
        Life::new(number, report, exceeded)
    }
}

async fn kill(task: &Task) -> Report {
    task.kill();
    task.wait().await
}

/// Says how a life failed, unless its own words and the verdict will be all there is to say.
/// They come first, if they are taken soon.
fn announce(name: &str, life: &Life, again: bool) {
    let _ = Sink::stderr().flush(Some(OWN_WORDS));
    if again {
        say(NextLife {
            name,
            life: life.number,
            end: life.in_short(),
        });
    } else if life.report.ending.reason != Reason::Exit {
        say(format_args!("task `{name}` {}", life.in_full()));
    }
}
