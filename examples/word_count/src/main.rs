//! Counts the words of a large text in tasks that do not trust each other, and beside that
//! in one native process, by turns; says whether both count the same, and how fast each is.
//!
//! ```text
//!   main.rs     the command line, the runs by turns, and what is said about them
//!   text.rs     where the text comes from
//!   job.rs      the job in tasks
//!   native.rs   the same in threads
//! ```

mod job;
mod native;
mod text;

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use clap::Parser;
use counting::Words;
use usufruct::{Kernel, Program};

use crate::job::{Job, Piece, TALLY_BYTES};

const MEBIBYTE: usize = 1 << 20;
/// What is left of the largest pool when each tally has its place.
const MOST_TEXT_BYTES: usize = 1536 * MEBIBYTE;

/// Count the words of a large text in tasks, and natively, by turns
///
/// The exit status is 0 if both have counted the same, 1 if not or if a mapper does not do
/// its work, 2 if the command line or a file is not in order.
#[derive(Debug, Parser)]
struct Arguments {
    /// The mapper, a program for WebAssembly
    mapper: PathBuf,

    /// A file with text; several are put one behind the other [default: documents of this project]
    #[arg(long, value_name = "FILE")]
    text: Vec<PathBuf>,

    /// How long a text to make of the lines of the files, which come again and again in other
    /// orders [default: the files as they are; 16 if no file is named]
    #[arg(long, value_name = "N")]
    mebibytes: Option<NonZeroUsize>,

    /// What decides the orders of the lines
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Tasks, and native threads [default: one for each processor]
    #[arg(long, value_name = "N")]
    mappers: Option<NonZeroUsize>,

    /// How much of the text a mapper is given at once
    #[arg(long, value_name = "N", default_value = "4096")]
    piece_kibibytes: NonZeroUsize,

    /// How often each way is gone
    #[arg(long, value_name = "N", default_value = "5")]
    rounds: NonZeroUsize,

    /// How long no mapper may say anything
    #[arg(long, value_name = "N", default_value_t = 60)]
    patience_seconds: u64,
}

/// What came of all rounds.
struct Outcome {
    are_equal: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(Outcome { are_equal: true }) => ExitCode::SUCCESS,
        Ok(Outcome { are_equal: false }) => ExitCode::from(1),
        Err((code, sentence)) => {
            eprintln!("error: {sentence}");
            ExitCode::from(code)
        }
    }
}

/// A failure: the exit status and a sentence.
fn failure(code: u8) -> impl Fn(&dyn ToString) -> (u8, String) {
    move |error| (code, error.to_string())
}

fn run(arguments: &Arguments) -> Result<Outcome, (u8, String)> {
    let module = fs::read(&arguments.mapper).map_err(|error| {
        let mapper = arguments.mapper.display();
        let sentence =
            format!("'{mapper}' can not be read: {error}; README.md says how to build it");
        (2, sentence)
    })?;
    let text = the_text(arguments).map_err(|error| (2, error))?;
    let one_each = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mappers = arguments.mappers.unwrap_or(one_each).get();
    let piece_bytes = arguments.piece_kibibytes.get().saturating_mul(1024);

    let wrong = failure(2);
    let pool_bytes = pool_bytes(text.len(), mappers);
    let kernel = Kernel::builder().pool_bytes(pool_bytes).build();
    let kernel = kernel.map_err(|error| wrong(&error))?;
    let program = kernel.load(module).map_err(|error| wrong(&error))?;
    let start = Instant::now();
    let pieces =
        Piece::of_text(kernel.host(), &text, piece_bytes).map_err(|error| wrong(&error))?;
    let put_in = start.elapsed();

    println!(
        "{:.1} MiB of text in {} pieces, put into pages at {:.0} MiB/s; {mappers} mappers",
        text.len() as f64 / MEBIBYTE as f64,
        pieces.len(),
        rate(text.len(), put_in),
    );
    let mut ways = Ways {
        kernel: &kernel,
        program: &program,
        mappers,
        patience: Duration::from_secs(arguments.patience_seconds),
        pieces,
    };
    let mut rounds = Vec::new();
    for number in 0..arguments.rounds.get() {
        let (native, natively) = timed(|| native::count(&text, piece_bytes, mappers));
        let native = native.map_err(|error| failure(1)(&error))?;
        let (words, in_tasks) = timed(|| ways.in_tasks());
        let words = words.map_err(|error| failure(1)(&error))?;
        if words != native {
            println!("the tasks and the native process have NOT counted the same");
            return Ok(Outcome { are_equal: false });
        }
        if number == 0 {
            say_words(&native);
        }
        rounds.push((natively, in_tasks));
    }
    say_times(text.len(), &rounds);
    Ok(Outcome { are_equal: true })
}

fn the_text(arguments: &Arguments) -> Result<Vec<u8>, String> {
    let wanted = arguments.mebibytes.map(NonZeroUsize::get);
    let wanted = wanted.or(arguments.text.is_empty().then_some(16));
    let len = wanted.map(|mebibytes| mebibytes.saturating_mul(MEBIBYTE));
    if len.is_some_and(|len| len > MOST_TEXT_BYTES) {
        let most = MOST_TEXT_BYTES / MEBIBYTE;
        return Err(format!(
            "the pool holds {most} MiB of text at most; say less"
        ));
    }
    let text = text::text(&arguments.text, len, arguments.seed)?;
    if text.is_empty() || text.len() > MOST_TEXT_BYTES {
        let most = MOST_TEXT_BYTES / MEBIBYTE;
        return Err(format!("a text has 1 byte to {most} MiB; name other files"));
    }
    Ok(text)
}

/// For the text, the part of a page that each piece may leave empty, and the tallies.
fn pool_bytes(text_bytes: usize, mappers: usize) -> u64 {
    let bytes = text_bytes.saturating_mul(2).max(MEBIBYTE);
    let bytes = bytes.saturating_add(mappers.saturating_mul(TALLY_BYTES));
    bytes.min(2 << 30) as u64
}

/// The way through tasks, again and again.
struct Ways<'kernel> {
    kernel: &'kernel Kernel,
    program: &'kernel Program,
    mappers: usize,
    patience: Duration,
    pieces: Vec<Piece>,
}

impl Ways<'_> {
    fn in_tasks(&mut self) -> Result<Words, job::Fault> {
        let pieces = std::mem::take(&mut self.pieces);
        let job = Job::new(self.kernel, self.program, self.mappers, pieces)?;
        let (words, pieces) = job.run(self.patience)?;
        self.pieces = pieces;
        Ok(words)
    }
}

fn say_times(len: usize, rounds: &[(Took, Took)]) {
    let mib = len as f64 / MEBIBYTE as f64;
    let say = |name: &str, decimals: usize, value: &dyn Fn(&(Took, Took)) -> [f64; 2]| {
        let [real, busy] = [0, 1].map(|at| median(rounds.iter().map(|round| value(round)[at])));
        println!("{name:<8}{real:>8.decimals$}{busy:>16.decimals$}");
    };
    println!("          MiB/s   MiB/s of processor time");
    say("native", 0, &|(natively, _)| {
        natively.map(|time| mib / time)
    });
    say("tasks", 0, &|(_, in_tasks)| in_tasks.map(|time| mib / time));
    say("ratio", 2, &|(natively, in_tasks)| {
        [0, 1].map(|at| natively[at] / in_tasks[at])
    });
    println!("(medians of {} rounds)", rounds.len());
}

fn say_words(words: &Words) {
    println!(
        "{} words, {} different; the tasks and the native process have counted the same",
        words.all(),
        words.different()
    );
    for (word, count) in words.sorted().iter().take(5) {
        let word = String::from_utf8_lossy(word);
        println!("{count:>10}  {word:.40}");
    }
}

/// MiB a second.
fn rate(bytes: usize, took: Duration) -> f64 {
    bytes as f64 / MEBIBYTE as f64 / took.as_secs_f64()
}

/// What something took, in seconds: by the clock, and of all processors.
type Took = [f64; 2];

fn timed<T>(what: impl FnOnce() -> T) -> (T, Took) {
    let (start, busy) = (Instant::now(), processor_seconds());
    let done = what();
    let took = [start.elapsed().as_secs_f64(), processor_seconds() - busy];
    (done, took)
}

/// What this process has had of all processors, which others' load does not change; `proc(5)`.
fn processor_seconds() -> f64 {
    const TICKS: f64 = 100.0;
    let status = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program is in brackets, and may have spaces.
    let behind = status.rsplit(')').next().unwrap_or_default();
    let times = behind.split_whitespace().skip(11).take(2);
    times
        .filter_map(|time| time.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
