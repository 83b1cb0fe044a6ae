//! The guest libraries' pages, in Rust and in C, on a real pool: alone, and between
//! neighbours who lie, store too late, or speak the other language.

use std::fmt;

use usufruct_conformance::guests;
use usufruct_wasm::{Capture, Config, Output, Program, Protection, Report, Spec, System, Task};

mod alone;
mod neighbours;

const WAYS: [Protection; 2] = [Protection::Mprotect, Protection::Userfault];

/// A library's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Rust,
    C,
}

impl Language {
    /// The module; `None` where it can not be built, which has been said aloud.
    fn module(self) -> Option<&'static [u8]> {
        match self {
            Self::Rust => Some(guests::rust_page_guest()),
            Self::C => guests::c_page_guest(),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "in Rust",
            Self::C => "in C",
        })
    }
}

fn system_of(pool_bytes: u64, way: Protection) -> System {
    let mut config = Config::default();
    config.workers = 2;
    config.pool_bytes = pool_bytes;
    config.protection = way;
    System::new(config).unwrap()
}

fn system(way: Protection) -> System {
    system_of(4 << 20, way)
}

/// A role of a page guest that was started: a task of the role's name.
struct Part {
    task: Task,
    words: Capture,
}

impl Part {
    fn start_as(spec: &Spec, system: &System, program: &Program) -> Self {
        let mut spec = spec.clone();
        let words = Capture::new(1 << 16);
        spec.streams.arguments = vec!["guest".to_owned(), spec.name.clone()];
        spec.streams.stderr = Output::Capture(words.clone());
        let task = system.make(program, &spec).unwrap();
        task.start();
        Self { task, words }
    }

    fn start(system: &System, program: &Program, role: &str) -> Self {
        Self::start_as(&Spec::new(role), system, program)
    }

    /// Waits for its end.
    fn report(&self) -> (Report, String) {
        let report = self.task.wait();
        let words = String::from_utf8_lossy(&self.words.contents()).into_owned();
        (report, words)
    }

    /// It must have found nothing wrong.
    #[track_caller]
    fn succeeds(&self) {
        let (report, words) = self.report();
        assert!(report.is_success(), "{report}\n{words}");
    }
}

fn load(system: &System, module: &[u8]) -> Program {
    let loaded = system.load(module);
    loaded.unwrap_or_else(|error| panic!("{error}"))
}
