//! Probes on the simulated machine: the interpreter of the real ones, over byte vectors.
//!
//! Everything happens in the test's own thread. A probe in the middle of a long command gets a
//! slice whenever the test does something else, so that calls of others come in between.

use std::time::Duration;
use usufruct_abi::Number;
use usufruct_conformance::probe_core::{
    ARENA_ALIGN, ARENA_BYTES, Body, Called, Finish, Interpreter, Next, REPLY_BYTES, Region,
};
use usufruct_conformance::{self as conformance, Facts, PageQuota, Probe, Rig, Tables};
use usufruct_core::{Ending, Limits, Pool, PoolQuota, Quota, Reason, Thread, Wait};
use usufruct_sim::{Fault, OpenCallId, Sim};

/// Where the arena begins; below it is memory too, which nobody uses.
const ARENA_AT: usize = ARENA_ALIGN;
/// All of a task's memory. It goes on a little behind the arena.
const MEMORY_BYTES: usize = ARENA_AT + ARENA_BYTES + 64;
/// The pool, but for how many pages it has. Small pages, so that all bytes can be compared.
const POOL: Pool = Pool {
    start: 0x8000_0000,
    page_bytes: 64,
    pages: 0,
};
/// How much of a long command is done whenever the test does something else.
const SLICE: usize = 16;
/// How much of one is done while the test waits for it: enough for every command with an end.
const PATIENT_SLICE: usize = 1 << 20;

/// What a probe is doing.
#[derive(Debug)]
enum Doing {
    Nothing,
    /// In the middle of a long command.
    More,
    /// Its reply is there to be taken.
    Replied(usize),
    /// Its call sleeps, until the time on the clock if there is one.
    Asleep(Wait, Option<u64>),
    /// A step of its call waits to be let on.
    Held(OpenCallId),
    /// Its life is over; a step of its last call may wait to be let on, and a step of its ending.
    Over(Ending, [Option<OpenCallId>; 2]),
}

struct Life {
    thread: Thread,
    interpreter: Interpreter,
    reply: Box<[u8; REPLY_BYTES]>,
    doing: Doing,
}

/// The simulated machine with probes on it.
pub(crate) struct SimRig {
    /// The machine, for tests that ask for trouble.
    pub(crate) sim: Sim,
    clock_ms: u64,
    lives: Vec<Life>,
}

/// A task of the simulated machine as the body of a probe.
struct Vector<'a> {
    sim: &'a Sim,
    thread: &'a mut Thread,
    /// What the last call came to, if not to a word.
    pending: Option<usufruct_sim::Called>,
    /// Why a load or a store ended the program.
    fault: Option<Fault>,
}

impl Vector<'_> {
    /// Loads or stores, if nothing before has ended the program.
    fn access(&mut self, act: impl FnOnce(&Sim, &Thread) -> Result<(), Fault>) {
        if self.fault.is_none() {
            self.fault = act(self.sim, self.thread).err();
        }
    }
}

impl Body for Vector<'_> {
    fn call(&mut self, number: Number, words: [u64; 4]) -> Option<Called> {
        match self.sim.call(self.thread, number, words) {
            usufruct_sim::Called::Word(word) => Some(Called::Word(word)),
            pending => {
                self.pending = Some(pending);
                Some(Called::Asleep)
            }
        }
    }

    fn load(&mut self, address: u64, into: &mut [u8]) {
        self.access(|sim, thread| sim.load(thread, address, into));
    }

    /// Byte by byte, as guests do: in the pool that is the same as page by page.
    fn store(&mut self, address: u64, bytes: &[u8]) {
        let page = u64::from(POOL.page_bytes);
        let to_edge = usize::try_from(page - address % page).expect("a small page");
        let (first, rest) = bytes.split_at(bytes.len().min(to_edge));
        let pages = rest.chunks(POOL.page_bytes as usize);
        let mut address = address;
        for piece in std::iter::once(first).chain(pages) {
            self.access(|sim, thread| sim.store(thread, address, piece));
            address += piece.len() as u64;
        }
    }

    fn store_word(&mut self, address: u64, word: u64) {
        self.access(|sim, thread| sim.store(thread, address, &word.to_le_bytes()));
    }

    fn region(&self) -> Region {
        let (arena, arena_bytes) = (ARENA_AT as u64, ARENA_BYTES as u64);
        Region {
            arena,
            arena_bytes,
            end: MEMORY_BYTES as u64,
        }
    }

    fn compute(&mut self) -> bool {
        true
    }
}

fn index(probe: Probe) -> usize {
    usize::try_from(probe.0).expect("an index")
}

impl SimRig {
    /// Lets the probe's interpreter do something, and notes what came of it.
    fn step(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Interpreter, &mut Vector<'_>, &mut [u8; REPLY_BYTES]) -> Next,
    ) {
        let life = &mut self.lives[index];
        let mut vector = Vector {
            sim: &self.sim,
            thread: &mut life.thread,
            pending: None,
            fault: None,
        };
        let next = act(&mut life.interpreter, &mut vector, &mut life.reply);
        let (pending, fault) = (vector.pending, vector.fault);
        if let Some(fault) = fault {
            let reason = match fault {
                Fault::Outside => Reason::Trap,
                Fault::Denied(_) => Reason::ForbiddenStore,
            };
            return self.end(index, Ending { status: -1, reason });
        }
        match next {
            Next::Reply(length) => self.lives[index].doing = Doing::Replied(length),
            Next::More => self.lives[index].doing = Doing::More,
            Next::Asleep => self.suspend(index, pending.expect("a call that sleeps says why")),
            Next::Finish(Finish::Exit(status)) => self.end(
                index,
                Ending {
                    status,
                    reason: Reason::Exit,
                },
            ),
            Next::Finish(Finish::Trap) => self.end(
                index,
                Ending {
                    status: -1,
                    reason: Reason::Trap,
                },
            ),
        }
    }

    fn start_with(
        &mut self,
        name: &[u8],
        smos: u32,
        pool: Option<PoolQuota>,
    ) -> Result<Probe, String> {
        let quota = Quota { smos, pool };
        let started = self.sim.start(name, quota, vec![0; MEMORY_BYTES]);
        let thread = started.map_err(|denied| denied.to_string())?;
        let reply = Box::new([0; REPLY_BYTES]);
        self.lives.push(Life {
            thread,
            interpreter: Interpreter::default(),
            reply,
            doing: Doing::Nothing,
        });
        Ok(Probe(
            u32::try_from(self.lives.len() - 1).expect("few lives"),
        ))
    }

    fn suspend(&mut self, index: usize, pending: usufruct_sim::Called) {
        self.lives[index].doing = match pending {
            usufruct_sim::Called::Block(wait) => Doing::Asleep(
                wait,
                wait.timeout_ms
                    .map(|timeout| self.clock_ms + u64::from(timeout)),
            ),
            usufruct_sim::Called::Open(id) => Doing::Held(id),
            usufruct_sim::Called::Word(word) => {
                return self.step(index, |interpreter, body, reply| {
                    interpreter.wake(body, word, reply)
                });
            }
        };
    }

    fn end(&mut self, index: usize, ending: Ending) {
        let task = self.lives[index].thread.task();
        let of_call = match self.lives[index].doing {
            Doing::Held(id) => Some(id),
            _ => None,
        };
        let of_end = self.sim.end(task, ending).expect("a life ends once");
        self.lives[index].doing = Doing::Over(ending, [of_call, of_end]);
    }

    /// Goes on with the threads that the kernel has woken.
    fn wake_the_woken(&mut self) {
        for id in self.sim.take_woken() {
            let sleeper = self.lives.iter().position(|life| life.thread.id() == id);
            if let Some(index) = sleeper {
                self.wake(index, false);
            }
        }
    }

    fn wake(&mut self, index: usize, timed_out: bool) {
        let Doing::Asleep(wait, until) = self.lives[index].doing else {
            return;
        };
        let called = self
            .sim
            .resume(&mut self.lives[index].thread, wait, timed_out);
        self.suspend(index, called);
        // Woken in vain, it sleeps as long as it meant to at first.
        if let Doing::Asleep(_, deadline) = &mut self.lives[index].doing {
            *deadline = until;
        }
    }

    /// Gives every probe in the middle of a long command a slice.
    fn run_others(&mut self) {
        self.wake_the_woken();
        for index in 0..self.lives.len() {
            self.run(index, SLICE);
        }
    }

    fn run(&mut self, index: usize, slices: usize) {
        for _ in 0..slices {
            if !matches!(self.lives[index].doing, Doing::More) {
                return;
            }
            self.step(index, |interpreter, body, reply| {
                interpreter.go_on(body, reply)
            });
            self.wake_the_woken();
        }
    }

    /// Lets the probe's steps go on that wait, until its call has an answer and its end is through.
    pub(crate) fn let_go_on(&mut self, probe: Probe) {
        let index = index(probe);
        while let Doing::Held(id) = self.lives[index].doing {
            let called = self.sim.go_on(id, &mut self.lives[index].thread);
            self.suspend(index, called);
        }
        if let Doing::Over(_, open) = &mut self.lives[index].doing {
            let open = std::mem::take(open);
            for mut step in open {
                while let Some(id) = step {
                    let called = self.sim.go_on(id, &mut self.lives[index].thread);
                    step = match called {
                        usufruct_sim::Called::Open(id) => Some(id),
                        _ => None,
                    };
                }
            }
        }
        self.wake_the_woken();
    }

    /// Whether a step of the living probe's call waits to be let on.
    pub(crate) fn call_is_held(&self, probe: Probe) -> bool {
        matches!(self.lives[index(probe)].doing, Doing::Held(_))
    }

    /// Whether a step of the probe's end waits to be let on.
    pub(crate) fn end_is_held(&self, probe: Probe) -> bool {
        let doing = &self.lives[index(probe)].doing;
        matches!(doing, Doing::Over(_, [_, Some(id)]) if !self.sim.is_over(*id))
    }
}

impl Rig for SimRig {
    const FACTS: Facts = Facts {
        word_bits: 64,
        preemption: true,
        virtual_clock: true,
    };

    fn boot(tables: Tables) -> Self {
        let Tables {
            tasks,
            smos,
            messages,
            pages,
        } = tables;
        let limits = Limits {
            tasks,
            smos,
            messages,
            processors: 1,
            pool: Pool { pages, ..POOL },
        };
        let sim = Sim::new(limits, ()).expect("the suite asks for a sound kernel");
        Self {
            sim,
            clock_ms: 0,
            lives: Vec::new(),
        }
    }

    fn pool() -> Option<conformance::Pool> {
        Some(conformance::Pool {
            start: POOL.start,
            page_bytes: POOL.page_bytes,
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
        let PageQuota { pages, reserve } = quota;
        self.start_with(name, smo_quota, Some(PoolQuota { pages, reserve }))
    }

    fn post(&mut self, probe: Probe, command: &[u8]) {
        self.run_others();
        let index = index(probe);
        if !matches!(self.lives[index].doing, Doing::Over(..)) {
            self.step(index, |interpreter, body, reply| {
                interpreter.begin(body, command, reply)
            });
            self.wake_the_woken();
        }
    }

    fn take(&mut self, probe: Probe, _patience: Duration) -> Option<Vec<u8>> {
        let index = index(probe);
        self.run(index, PATIENT_SLICE);
        self.wake_the_woken();
        let life = &mut self.lives[index];
        let Doing::Replied(length) = life.doing else {
            return None;
        };
        life.doing = Doing::Nothing;
        Some(life.reply[..length].to_vec())
    }

    fn kill(&mut self, probe: Probe) {
        self.run_others();
        if !matches!(self.lives[index(probe)].doing, Doing::Over(..)) {
            self.end(
                index(probe),
                Ending {
                    status: -1,
                    reason: Reason::Killed,
                },
            );
            self.wake_the_woken();
        }
    }

    fn ending(&mut self, probe: Probe, _patience: Duration) -> Option<conformance::Ending> {
        self.run(index(probe), PATIENT_SLICE);
        match self.lives[index(probe)].doing {
            Doing::Over(Ending { status, reason }, [_, step])
                if step.is_none_or(|id| self.sim.is_over(id)) =>
            {
                Some(conformance::Ending {
                    status,
                    reason: reason.raw(),
                })
            }
            _ => None,
        }
    }

    fn advance(&mut self, milliseconds: u32) {
        self.run_others();
        self.clock_ms += u64::from(milliseconds);
        for index in 0..self.lives.len() {
            if matches!(self.lives[index].doing, Doing::Asleep(_, Some(until)) if until <= self.clock_ms)
            {
                self.wake(index, true);
            }
        }
        self.wake_the_woken();
    }
}
