//! A system: one kernel, its workers, and the programs and tasks made in it.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use usufruct_core::{Kernel, Limits, Pool as Place, Quota};
use wasmtime::{Engine, InstancePre, Module, Store};
use wasmtime_wasi::p1::WasiP1Ctx;

use crate::clock::Clock;
use crate::config::{Config, MakeError, Spec, StartError};
use crate::copier::Stock;
use crate::engine::{self, Beginning};
use crate::executor::Queue;
use crate::fences::Fences;
use crate::flight::Flights;
use crate::host::{Arena, Host, SEATS};
use crate::import::Imports;
use crate::life::Life;
use crate::linkers::Linkers;
use crate::machine::{Shared, Trace};
use crate::place::Places;
use crate::pool::{HugePages, Pool, Protection, Views, test_assumptions};
use crate::program::{Contents, LoadError, Offsets, contents, prepare};
use crate::self_test;
use crate::space::Spaces;
use crate::state::Guest;
use crate::streams::Sink;
use crate::task::Task;
use crate::wake::Wakers;

/// Threads that may wait for files at one time.
const FILE_THREADS: usize = 64;

/// How long the end of a system waits for its tasks to leave the workers.
const FAREWELL: Duration = Duration::from_millis(100);

/// How long, after that, it waits for what they have written to be taken.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// One kernel and its machine. Dropping it ends every task, and waits for their
/// output to be written: a second at most, see [`Sink::flush`] for longer.
pub struct System {
    shared: Arc<Shared>,
    host: Host,
    linkers: Linkers,
    /// Files and streams. Taken when the system is dropped.
    runtime: Option<Runtime>,
    queue: Queue,
    /// Every task that has been made and may be alive.
    lives: Mutex<Vec<Weak<Life>>>,
    /// Every sink that may have something left to write.
    sinks: Mutex<Vec<Sink>>,
}

/// A module, compiled for one system: any number of tasks may run it.
#[derive(Clone)]
pub struct Program(Arc<Compiled>);

struct Compiled {
    instance: InstancePre<Guest>,
    beginning: Beginning,
    entry: String,
    minimum_bytes: u64,
    quota_bytes: u64,
    generated_from: u32,
    offsets: Offsets,
    imports_page_calls: bool,
    imports_wasi: bool,
}

impl Program {
    pub(crate) fn instance(&self) -> &InstancePre<Guest> {
        &self.0.instance
    }

    pub(crate) fn entry(&self) -> &str {
        &self.0.entry
    }

    /// How its tasks' memories get their first bytes.
    pub(crate) fn beginning(&self) -> Beginning {
        self.0.beginning
    }

    /// What its tasks' memories start with, in bytes.
    pub(crate) fn minimum_bytes(&self) -> usize {
        usize::try_from(self.0.minimum_bytes).unwrap_or(usize::MAX)
    }

    /// The first function that the loader has added.
    pub(crate) fn generated_from(&self) -> u32 {
        self.0.generated_from
    }

    /// Where its instructions stand in the guest's own file.
    pub(crate) fn offsets(&self) -> &Offsets {
        &self.0.offsets
    }
}

impl System {
    /// Starts the workers, after a look at whether wasmtime does what this
    /// machine takes for granted.
    ///
    /// # Errors
    ///
    /// What can not be, and the way out.
    pub fn new(config: Config) -> Result<Self, StartError> {
        if config.workers == 0 {
            return Err(StartError::Workers);
        }
        let engines = engines(&config)?;
        let pool = pool(&config, &engines)?;
        let (shared, host) = shared(&config, &engines, pool)?;
        let linkers = Linkers::new(&engines, &config, &shared).map_err(StartError::Engine)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(FILE_THREADS)
            .thread_name("usufruct-files")
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let system = Self {
            shared,
            host,
            linkers,
            runtime: Some(runtime),
            queue: Queue::default(),
            lives: Mutex::default(),
            sinks: Mutex::default(),
        };
        // Where one does not start, the system is dropped, and those before end.
        system.start_threads(&config).map_err(StartError::Threads)?;
        Ok(system)
    }

    fn start_threads(&self, config: &Config) -> io::Result<()> {
        self.queue
            .start_workers(config.workers, self.runtime().handle())?;
        self.shared.clock.start(config.slice)
    }

    /// Checks and compiles a module, in the binary format or in text.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being a task's program.
    pub fn load(&self, file: &[u8]) -> Result<Program, LoadError> {
        self.load_among(file, &self.linkers)
    }

    /// The same for a module that may import functions of the host's besides.
    ///
    /// # Errors
    ///
    /// The same, and [`LoadError::NameTaken`].
    pub fn load_with(&self, file: &[u8], imports: &Imports) -> Result<Program, LoadError> {
        if imports.is_empty() {
            return self.load(file);
        }
        let linkers = self.linkers.with(imports, &self.shared)?;
        self.load_among(file, &linkers)
    }

    /// Looks into a module, in the binary format or in text, without compiling it. What
    /// can not run can be looked into too.
    ///
    /// # Errors
    ///
    /// It is no module, or a broken one.
    pub fn inspect(&self, file: &[u8]) -> Result<Contents, LoadError> {
        contents(file, &self.linkers.known)
    }

    fn load_among(&self, file: &[u8], linkers: &Linkers) -> Result<Program, LoadError> {
        let prepared = prepare(file, &linkers.known)?;
        let beginning = Beginning::of(prepared.data_bytes);
        let linker = linkers.of(beginning);
        let compile = || {
            let module = Module::from_binary(linker.engine(), &prepared.binary)?;
            linker.instantiate_pre(&module)
        };
        let instance =
            compile().map_err(|error: wasmtime::Error| LoadError::Compile(format!("{error:#}")))?;
        Ok(Program(Arc::new(Compiled {
            instance,
            beginning,
            entry: prepared.entry,
            minimum_bytes: prepared.minimum_bytes,
            quota_bytes: prepared.quota_bytes,
            generated_from: prepared.generated_from,
            offsets: prepared.offsets,
            imports_page_calls: prepared.imports_page_calls,
            imports_wasi: prepared.imports_wasi,
        })))
    }

    /// Makes a task. It exists, under its name, and does not run before
    /// [`Task::start`].
    ///
    /// # Errors
    ///
    /// A name that is not free, a full table, a limit that the module exceeds
    /// from the start, a directory that can not be opened.
    pub fn make(&self, program: &Program, spec: &Spec) -> Result<Task, MakeError> {
        let name = || spec.name.clone();
        let limit_bytes = spec.memory_bytes.min(program.0.quota_bytes);
        let minimum_bytes = program.0.minimum_bytes;
        if minimum_bytes > limit_bytes {
            return Err(MakeError::Memory {
                name: name(),
                minimum_bytes,
                limit_bytes,
            });
        }
        let quota = self.quota(program, spec)?;
        let wasi = open(program, spec).map_err(|(path, error)| MakeError::Directory {
            name: name(),
            path,
            error,
        })?;
        self.note_sinks(spec);
        let thread = self
            .shared
            .kernel()
            .start_task(spec.name.as_bytes(), quota)
            .map_err(|denied| MakeError::Denied {
                name: name(),
                denied,
            })?;
        let bell = self.shared.wakers.insert(thread.id());
        let guest = Guest::new(self.shared.clone(), thread, bell, wasi, limit_bytes);
        let mut store = Store::new(program.instance().module().engine(), guest);
        store.limiter(|guest| &mut guest.limits);
        let life = Life::new(store, name(), program.clone());
        self.note(&life);
        Ok(Task {
            life,
            queue: self.queue.clone(),
        })
    }

    /// The task's quota, with its share of the pool if it is to be attached.
    fn quota(&self, program: &Program, spec: &Spec) -> Result<Quota, MakeError> {
        let has_pool = self.shared.pool.is_some();
        let is_wanted = spec.attached.unwrap_or(spec.quota.pool.is_some());
        if is_wanted && !has_pool {
            return Err(MakeError::NoPool {
                name: spec.name.clone(),
            });
        }
        let by_default = spec.attached.is_none() && program.0.imports_page_calls && has_pool;
        let is_attached = is_wanted || by_default;
        Ok(Quota {
            pool: is_attached.then(|| spec.quota.pool.unwrap_or_default()),
            ..spec.quota
        })
    }

    /// How the pool's pages are protected, and where its huge pages come from;
    /// `None` without a pool.
    #[must_use]
    pub fn pool_facts(&self) -> Option<(Protection, HugePages)> {
        let pool = self.shared.pool.as_ref()?;
        Some((pool.way(), pool.huge()))
    }

    /// The task `host`: the program that this system is part of.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Whether the kernel's books agree with each other. Meant for tests.
    #[must_use]
    pub fn invariants_hold(&self) -> bool {
        self.shared.kernel().invariants_hold()
    }

    #[cfg(test)]
    pub(crate) fn idle_store(&self, engine: &Engine) -> Store<Guest> {
        crate::linkers::idle_store(engine, &self.shared)
    }

    /// The tasks that have been made and have not ended, as far as somebody
    /// holds or runs them.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task> {
        let lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = lives.iter().filter_map(Weak::upgrade);
        alive
            .filter(|life| life.report().is_none())
            .map(|life| Task {
                life,
                queue: self.queue.clone(),
            })
            .collect()
    }

    /// Keeps a new task in mind, and forgets those that are gone.
    fn note(&self, life: &Arc<Life>) {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        if lives.len() == lives.capacity() {
            lives.retain(|life| life.upgrade().is_some_and(|life| life.report().is_none()));
        }
        lives.push(Arc::downgrade(life));
    }

    /// The same for what a new task may write to.
    fn note_sinks(&self, spec: &Spec) {
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        for sink in spec.streams.sinks() {
            if sinks.iter().any(|known| known.is(&sink)) {
                continue;
            }
            if sinks.len() == sinks.capacity() {
                sinks.retain(|sink| !sink.is_over());
            }
            sinks.push(sink);
        }
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is taken by `drop` alone")
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // The clock still ticks, so that every guest comes to a yield, and then
        // to its end: sleeping ones too, for the kill wakes them.
        let lives = std::mem::take(self.lives.get_mut().unwrap_or_else(PoisonError::into_inner));
        for life in lives.iter().filter_map(Weak::upgrade) {
            life.kill();
        }
        let begun = Instant::now();
        let is_anybody_left = || {
            lives
                .iter()
                .any(|life| life.strong_count() > 0 && Life::is_resident(life))
        };
        while is_anybody_left() && begun.elapsed() < FAREWELL {
            thread::sleep(Duration::from_micros(100));
        }
        self.queue.close();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        let begun = Instant::now();
        let sinks = self.sinks.get_mut().unwrap_or_else(PoisonError::into_inner);
        for sink in sinks {
            // What keeps it from being written, the tasks have been told.
            let _ = sink.flush(Some(LAST_WORDS.saturating_sub(begun.elapsed())));
        }
        self.shared.clock.stop();
    }
}

impl std::fmt::Debug for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "System({:?})", self.shared.plane)
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Program(from {} bytes of memory)", self.0.minimum_bytes)
    }
}

/// What WASI keeps for a task, unless its program can not ask for it. A directory
/// that can not be opened is told of in any case.
fn open(program: &Program, spec: &Spec) -> Result<Option<WasiP1Ctx>, (PathBuf, io::Error)> {
    if !program.0.imports_wasi && spec.streams.directories.is_empty() {
        return Ok(None);
    }
    spec.streams.open().map(Some)
}

/// The pool, if there is to be one, when what it assumes has been tried out.
fn pool(config: &Config, engines: &[Engine]) -> Result<Option<Arc<Pool>>, StartError> {
    if config.pool_bytes == 0 {
        return Ok(None);
    }
    let pool = Pool::new(config.pool_bytes, config.protection)?;
    for engine in engines {
        test_assumptions(engine, pool.way()).map_err(StartError::PoolTest)?;
    }
    Ok(Some(pool))
}

/// One for each [`Beginning`], when what is assumed of them has been tried out.
fn engines(config: &Config) -> Result<[Engine; 2], StartError> {
    let [copied, shared] = Beginning::ALL.map(|beginning| engine(beginning, config));
    let engines = [copied?, shared?];
    for engine in &engines {
        self_test::run(engine).map_err(StartError::SelfTest)?;
    }
    Ok(engines)
}

fn engine(beginning: Beginning, config: &Config) -> Result<Engine, StartError> {
    let cache = config.cache.as_deref();
    engine::new(beginning, cache).map_err(|error| match cache {
        Some(folder) => StartError::Cache {
            folder: folder.to_owned(),
            error,
        },
        None => StartError::Engine(error),
    })
}

/// What all threads share, and the host, which copies beside the workers.
fn shared(
    config: &Config,
    engines: &[Engine],
    pool: Option<Arc<Pool>>,
) -> Result<(Arc<Shared>, Host), StartError> {
    let limits = Limits {
        processors: config.workers.saturating_add(SEATS),
        pool: pool.as_ref().map_or(Place::NONE, |pool| pool.place()),
        ..config.limits
    };
    let trace = Trace {
        listener: config.listener.clone(),
        ..Trace::default()
    };
    let (kernel, copiers) = Kernel::new(limits, trace.clone())?;
    let mut copiers = copiers.into_vec();
    let of_workers = copiers.split_off(SEATS as usize);
    let shared = Arc::new(Shared {
        plane: kernel.plane(),
        kernel: Mutex::new(kernel),
        fences: Fences::new(config.order, config.streak),
        trace,
        spaces: Spaces::new(limits.tasks),
        wakers: Wakers::default(),
        clock: Clock::new(engines.to_vec()),
        arena: Arena::new().map_err(StartError::Arena)?,
        copiers: Stock::new(of_workers),
        pool,
        views: Views::new(limits.tasks),
        places: Places::default(),
        flights: Flights::new(limits.tasks),
        protects: config.protects,
    });
    let host = Host::new(shared.clone(), copiers);
    Ok((shared, host))
}
