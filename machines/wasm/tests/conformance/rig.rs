//! Probes as WebAssembly tasks. The test's commands reach them through two
//! imports of a module `probe`; everything else goes the way that guests go.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::sync::mpsc as commands;
use usufruct_conformance::{
    self as conformance, Facts, PageQuota, Pool, Probe, Rig, Tables, guests,
};
use usufruct_wasm::wasmtime::{self, Caller, Extern, Linker, Memory};
use usufruct_wasm::{
    Config, Guest, Limits, POOL_START, PoolQuota, Program, Protection, Quota, Spec, System, Task,
    TaskId,
};

/// How long one look for a reply lasts before the next for an end.
const LOOK: Duration = Duration::from_millis(5);

/// Which probe a rig runs.
pub(crate) trait Kind {
    /// The module; `None` if it can not be built here.
    fn module() -> Option<&'static [u8]>;
}

pub(crate) struct RustProbe;

impl Kind for RustProbe {
    fn module() -> Option<&'static [u8]> {
        Some(guests::rust_probe())
    }
}

pub(crate) struct CProbe;

impl Kind for CProbe {
    /// Where there is no C compiler the Rust probe stands in, and says so once.
    fn module() -> Option<&'static [u8]> {
        guests::c_probe().or_else(RustProbe::module)
    }
}

/// How a rig's pages are protected; `None`: it has no pool.
pub(crate) trait Protected {
    const PROTECTION: Option<Protection>;
}

pub(crate) struct NoPool;

impl Protected for NoPool {
    const PROTECTION: Option<Protection> = None;
}

pub(crate) struct ByMprotect;

impl Protected for ByMprotect {
    const PROTECTION: Option<Protection> = Some(Protection::Mprotect);
}

pub(crate) struct ByUserfault;

impl Protected for ByUserfault {
    const PROTECTION: Option<Protection> = Some(Protection::Userfault);
}

/// A probe's ends of the two queues.
#[derive(Clone)]
struct Desk {
    commands: Arc<tokio::sync::Mutex<commands::UnboundedReceiver<Vec<u8>>>>,
    replies: mpsc::Sender<Vec<u8>>,
}

type Desks = Arc<Mutex<HashMap<TaskId, Desk>>>;

/// The test's ends, and the task.
struct Life {
    task: Task,
    commands: commands::UnboundedSender<Vec<u8>>,
    replies: mpsc::Receiver<Vec<u8>>,
}

pub(crate) struct WasmRig<K, P = NoPool> {
    system: System,
    program: Program,
    desks: Desks,
    lives: Vec<Life>,
    kind: PhantomData<(K, P)>,
}

fn memory(caller: &mut Caller<'_, Guest>) -> wasmtime::Result<Memory> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.ok_or_else(|| wasmtime::Error::msg("a probe has a memory"))
}

fn desk(desks: &Desks, caller: &Caller<'_, Guest>) -> wasmtime::Result<Desk> {
    let desk = desks.lock().unwrap().get(&caller.data().task()).cloned();
    desk.ok_or_else(|| wasmtime::Error::msg("this task is no probe"))
}

async fn next_command(
    mut caller: Caller<'_, Guest>,
    desks: Desks,
    (into, capacity): (u32, u32),
) -> wasmtime::Result<i32> {
    let desk = desk(&desks, &caller)?;
    let Some(command) = desk.commands.lock().await.recv().await else {
        return Ok(-1);
    };
    assert!(
        command.len() <= capacity as usize,
        "the suite's commands fit"
    );
    memory(&mut caller)?.write(&mut caller, into as usize, &command)?;
    Ok(i32::try_from(command.len())?)
}

fn add_imports(linker: &mut Linker<Guest>, desks: &Desks) -> wasmtime::Result<()> {
    let of_commands = desks.clone();
    linker.func_wrap_async("probe", "next_command", move |caller, words: (u32, u32)| {
        Box::new(next_command(caller, of_commands.clone(), words))
    })?;
    let of_replies = desks.clone();
    linker.func_wrap(
        "probe",
        "reply",
        move |mut caller: Caller<'_, Guest>, frame: u32, len: u32| {
            let mut bytes = vec![0; len as usize];
            memory(&mut caller)?.read(&caller, frame as usize, &mut bytes)?;
            // Nobody listens any more when the test is over.
            let _ = desk(&of_replies, &caller)?.replies.send(bytes);
            wasmtime::Result::Ok(())
        },
    )?;
    Ok(())
}

fn page_bytes() -> u32 {
    usufruct_wasm::page_bytes().expect("pages of 64 KiB or less")
}

impl<K, P> WasmRig<K, P> {
    /// Whether the kernel's books agree with each other.
    pub(crate) fn invariants_hold(&self) -> bool {
        self.system.invariants_hold()
    }

    fn start_with(
        &mut self,
        name: &[u8],
        smo_quota: u32,
        pool: Option<PoolQuota>,
    ) -> Result<Probe, String> {
        let name = String::from_utf8(name.to_vec()).map_err(|error| error.to_string())?;
        let spec = Spec {
            quota: Quota {
                smos: smo_quota,
                pool,
            },
            attached: Some(pool.is_some()),
            ..Spec::new(name)
        };
        let task = self
            .system
            .make(&self.program, &spec)
            .map_err(|error| error.to_string())?;
        let (to_probe, of_probe) = commands::unbounded_channel();
        let (to_test, of_test) = mpsc::channel();
        let desk = Desk {
            commands: Arc::new(tokio::sync::Mutex::new(of_probe)),
            replies: to_test,
        };
        self.desks.lock().unwrap().insert(task.id(), desk);
        task.start();
        self.lives.push(Life {
            task,
            commands: to_probe,
            replies: of_test,
        });
        Ok(Probe(
            u32::try_from(self.lives.len() - 1).expect("few lives"),
        ))
    }

    fn life(&self, probe: Probe) -> &Life {
        &self.lives[usize::try_from(probe.0).expect("an index")]
    }
}

impl<K: Kind, P: Protected> Rig for WasmRig<K, P> {
    const FACTS: Facts = Facts {
        word_bits: 32,
        preemption: true,
        virtual_clock: false,
    };

    fn boot(tables: Tables) -> Self {
        let desks = Desks::default();
        let of_imports = desks.clone();
        let mut config = Config::default()
            // Light copies, too: no script copies as often as they take else.
            .with_streak(1)
            .with_imports(move |linker| add_imports(linker, &of_imports));
        config.workers = 2;
        config.limits = Limits {
            tasks: tables.tasks,
            smos: tables.smos,
            messages: tables.messages,
            ..Limits::default()
        };
        if let Some(protection) = P::PROTECTION {
            config.pool_bytes = u64::from(tables.pages) * u64::from(page_bytes());
            config.protection = protection;
        }
        let system = System::new(config).unwrap_or_else(|error| panic!("{error}"));
        let module = K::module().expect("a probe can be built");
        let program = system
            .load(module)
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            system,
            program,
            desks,
            lives: Vec::new(),
            kind: PhantomData,
        }
    }

    fn pool() -> Option<Pool> {
        P::PROTECTION?;
        Some(Pool {
            start: u32::try_from(POOL_START).expect("an address of 32 bits"),
            page_bytes: page_bytes(),
        })
    }

    fn start(&mut self, name: &[u8], smo_quota: u32) -> Result<Probe, String> {
        self.start_with(name, smo_quota, None)
    }

    fn start_attached(
        &mut self,
        name: &[u8],
        smo_quota: u32,
        quota: PageQuota,
    ) -> Result<Probe, String> {
        let pool = PoolQuota {
            pages: quota.pages,
            reserve: quota.reserve,
        };
        self.start_with(name, smo_quota, Some(pool))
    }

    fn post(&mut self, probe: Probe, command: &[u8]) {
        // Fails if the probe has ended.
        let _ = self.life(probe).commands.send(command.to_vec());
    }

    fn take(&mut self, probe: Probe, patience: Duration) -> Option<Vec<u8>> {
        let life = self.life(probe);
        let begun = Instant::now();
        loop {
            let has_ended = life.task.report().is_some();
            match life.replies.recv_timeout(LOOK.min(patience)) {
                Ok(reply) => return Some(reply),
                Err(_) if has_ended || begun.elapsed() >= patience => return None,
                Err(_) => {}
            }
        }
    }

    fn kill(&mut self, probe: Probe) {
        self.life(probe).task.kill();
    }

    fn ending(&mut self, probe: Probe, patience: Duration) -> Option<conformance::Ending> {
        let begun = Instant::now();
        loop {
            if let Some(report) = self.life(probe).task.report() {
                let (status, reason) = (report.ending.status, report.ending.reason.raw());
                return Some(conformance::Ending { status, reason });
            }
            if begun.elapsed() >= patience {
                return None;
            }
            sleep(Duration::from_micros(200));
        }
    }

    fn advance(&mut self, milliseconds: u32) {
        sleep(Duration::from_millis(u64::from(milliseconds)));
    }
}
