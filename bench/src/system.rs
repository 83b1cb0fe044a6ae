//! Making systems and tasks, with errors in words.

use usufruct_wasm::{Config, Program, Spec, System, Task};

pub(crate) fn with_workers(workers: u32) -> Result<System, String> {
    let mut config = Config::default();
    config.workers = workers;
    with(config)
}

pub(crate) fn with(config: Config) -> Result<System, String> {
    System::new(config).map_err(|error| error.to_string())
}

pub(crate) fn load(system: &System, text: &str) -> Result<Program, String> {
    system
        .load(text.as_bytes())
        .map_err(|error| error.to_string())
}

pub(crate) fn make(system: &System, program: &Program, spec: &Spec) -> Result<Task, String> {
    system
        .make(program, spec)
        .map_err(|error| error.to_string())
}
