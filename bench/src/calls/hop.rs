//! A message from one task to another that waits for it, beside other things
//! that wait for each other.

use std::sync::mpsc::{self, RecvError};
use std::thread;
use std::time::{Duration, Instant};

use crate::figure::{Case, Figure, Role, add};
use crate::guest::Guest;
use crate::plan::Plan;
use crate::rival::stream::{Manner, Stream};
use crate::system;

/// There and back so often is one sample.
const TIMES: u32 = 2000;
/// Of processes and threads, which take longer.
const FEWER_TIMES: u32 = 200;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const HOP: &str = "hop";
pub(crate) const ONE_WORKER: &str = "hop, one worker";

/// All of them, in turns.
pub(super) fn measure(plan: &Plan) -> Result<Vec<Figure>, String> {
    let words = |error| format!("no other process: {error}");
    let mut pipe = Stream::by_pipes().map_err(words)?;
    let mut socket = Stream::by_socket().map_err(words)?;
    let mut figures = Vec::new();
    for _ in 0..plan.rounds(15) {
        let by_stream = |stream: &mut Stream| {
            let ns = stream.time(Manner::Asked, 1, FEWER_TIMES);
            ns.map(|ns| ns / 2.0).map_err(words)
        };
        let measured = [
            ("two threads", Role::Floor, threads()?),
            (ONE_WORKER, Role::Ours, tasks(1)?),
            ("hop, two workers", Role::Ours, tasks(2)?),
            ("two processes, pipes", Role::Rival, by_stream(&mut pipe)?),
            (
                "two processes, socket",
                Role::Rival,
                by_stream(&mut socket)?,
            ),
        ];
        for (what, role, ns) in measured {
            let case = Case::Named(HOP.to_owned());
            add(&mut figures, Figure::time(case, what, role, vec![ns]));
        }
    }
    Ok(figures)
}

/// Nanoseconds of a hop between two tasks.
fn tasks(workers: u32) -> Result<f64, String> {
    let system = system::with_workers(workers)?;
    let ponger = Guest::start(&system, "ponger", include_str!("../guest/ponger.wat"), &[])?;
    let pinger = include_str!("../guest/pinger.wat");
    let pinger = Guest::start(&system, "pinger", pinger, &[TIMES, 1])?;
    let ns = pinger.finish(PATIENCE)?;
    ponger.kill()?;
    let ns = ns.first().ok_or("the pinger has said nothing")?;
    Ok(*ns as f64 / f64::from(TIMES) / 2.0)
}

/// The same between two threads, by channels.
fn threads() -> Result<f64, String> {
    let (to_ponger, ponger) = mpsc::channel::<()>();
    let (to_pinger, pinger) = mpsc::channel::<()>();
    let took: Result<Duration, RecvError> = thread::scope(|scope| {
        scope.spawn(move || while ponger.recv().is_ok_and(|()| to_pinger.send(()).is_ok()) {});
        let begun = Instant::now();
        for _ in 0..FEWER_TIMES {
            to_ponger.send(()).map_err(|_| RecvError)?;
            pinger.recv()?;
        }
        // Its end is the other's.
        drop(to_ponger);
        Ok(begun.elapsed())
    });
    let took = took.map_err(|error| error.to_string())?;
    Ok(took.as_nanos() as f64 / f64::from(FEWER_TIMES) / 2.0)
}
