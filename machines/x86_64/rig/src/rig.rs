//! The conformance suite's view of the machine.

use crate::machine::{Frame, Virtual};
use crate::programs::Program;
use crate::setup::Setup;
use std::time::{Duration, Instant};
use usufruct_abi as abi;
use usufruct_conformance::{Ending, Facts, PageQuota, Pool, Probe, Rig, Tables};
use usufruct_x86_64_wire::{Allowance, Kind, SEATS};

/// How long the machine may take to boot, or to start a task.
const START: Duration = Duration::from_secs(60);

/// The bare-metal machine, with probes on both processors in turn.
#[derive(Debug)]
pub struct BareRig {
    machine: Virtual,
    lives: Vec<Life>,
    /// The life at each seat.
    seats: [Option<usize>; SEATS],
}

#[derive(Debug, Default)]
struct Life {
    seat: usize,
    processor: Option<u8>,
    start_took: Option<u64>,
    refusal: Option<String>,
    reply: Option<Vec<u8>>,
    ending: Option<Ending>,
    last_words: String,
}

impl BareRig {
    /// Boots on this machine, with this program for all tasks.
    ///
    /// # Panics
    ///
    /// If the kernel does not come up.
    #[must_use]
    pub fn boot_on(setup: Setup, program: Program, tables: Tables) -> Self {
        let Tables {
            tasks,
            smos,
            messages,
            pages,
        } = tables;
        let command_line = format!("tasks={tasks} smos={smos} messages={messages} pages={pages}");
        let mut machine = Virtual::boot(setup, program, &command_line);
        match machine.receive(Instant::now() + START) {
            Some(Frame {
                kind: Kind::Ready,
                payload,
                ..
            }) => {
                let address = payload.first_chunk().expect("Ready has an address");
                machine.open_postbox(u64::from_le_bytes(*address));
            }
            other => panic!(
                "the kernel did not come up, but said {other:?}: {}",
                machine.said()
            ),
        }
        Self {
            machine,
            lives: Vec::new(),
            seats: [None; SEATS],
        }
    }

    /// Boots with a bug of this name (the kernel's boot/provoke.rs), and waits for the end:
    /// QEMU's exit status, and what the kernel has said.
    #[must_use]
    pub fn provoke(bug: &str) -> (Option<i32>, String) {
        Virtual::boot(Setup::USUAL, Program::Probe, &format!("provoke={bug}")).farewell(START)
    }

    /// The hardware's number of the processor that a probe runs on.
    #[must_use]
    pub fn processor(&self, probe: Probe) -> Option<u8> {
        self.lives[index(probe)].processor
    }

    /// How long its start took, by the kernel's clock, from when the kernel had read that it
    /// was wanted.
    #[must_use]
    pub fn start_took(&self, probe: Probe) -> Option<u64> {
        self.lives[index(probe)].start_took
    }

    /// What the kernel has said about the end of a probe that has failed.
    #[must_use]
    pub fn last_words(&self, probe: Probe) -> &str {
        &self.lives[index(probe)].last_words
    }

    /// What the kernel has said on its log.
    #[must_use]
    pub fn said(&self) -> String {
        self.machine.said()
    }

    /// Starts a probe on the first free seat, and returns when the kernel has answered.
    fn start_with(&mut self, name: &[u8], allowance: Allowance) -> Result<Probe, String> {
        let seat = self
            .seats
            .iter()
            .position(Option::is_none)
            .ok_or("all seats are taken")?;
        let life = self.lives.len();
        self.lives.push(Life {
            seat,
            ..Life::default()
        });
        self.seats[seat] = Some(life);
        let payload = [&allowance.encode(), name].concat();
        self.machine.send(Kind::Start, seat, &payload);
        let is_answered = |life: &Life| life.processor.is_some() || life.refusal.is_some();
        assert!(
            self.wait(life, START, is_answered),
            "no answer to Start: {}",
            self.machine.said()
        );
        match self.lives[life].refusal.clone() {
            Some(refusal) => {
                self.seats[seat] = None;
                Err(refusal)
            }
            None => Ok(Probe(u32::try_from(life).expect("lives are few"))),
        }
    }

    /// Takes frames until this holds of a life; whether it does in the end.
    fn wait(&mut self, life: usize, patience: Duration, holds: impl Fn(&Life) -> bool) -> bool {
        let until = Instant::now() + patience;
        while !holds(&self.lives[life]) {
            let Some(frame) = self.machine.receive(until) else {
                return false;
            };
            self.note(frame);
        }
        true
    }

    fn note(&mut self, frame: Frame) {
        let Frame {
            kind,
            seat,
            payload,
        } = frame;
        let Some(number) = self.seats[seat] else {
            panic!("{kind:?} of seat {seat}, which is empty");
        };
        let life = &mut self.lives[number];
        match kind {
            Kind::Started => {
                let (processor, took) = payload.split_first().expect("Started has a processor");
                life.processor = Some(*processor);
                life.start_took = took.first_chunk().map(|took| u64::from_le_bytes(*took));
            }
            Kind::Refused => life.refusal = Some(String::from_utf8_lossy(&payload).into_owned()),
            Kind::Reply => life.reply = Some(payload),
            Kind::Ended => {
                let (ending, words) = ending(&payload);
                life.ending = Some(ending);
                life.last_words = words;
                self.seats[seat] = None;
            }
            Kind::Ready | Kind::Start | Kind::Command | Kind::Kill | Kind::PowerOff => {
                panic!("{kind:?} is not for the host to hear now")
            }
        }
    }
}

impl Rig for BareRig {
    const FACTS: Facts = Facts {
        word_bits: 64,
        preemption: true,
        virtual_clock: false,
    };

    fn boot(tables: Tables) -> Self {
        Self::boot_on(Setup::stated(), stated_probe(), tables)
    }

    fn pool() -> Option<Pool> {
        Some(Pool {
            start: 0x8000_0000,
            page_bytes: 4096,
        })
    }

    fn start(&mut self, name: &[u8], smo_quota: u32) -> Result<Probe, String> {
        let allowance = Allowance {
            smos: smo_quota,
            pages: None,
        };
        self.start_with(name, allowance)
    }

    fn start_attached(
        &mut self,
        name: &[u8],
        smo_quota: u32,
        quota: PageQuota,
    ) -> Result<Probe, String> {
        let allowance = Allowance {
            smos: smo_quota,
            pages: Some([quota.pages, quota.reserve]),
        };
        self.start_with(name, allowance)
    }

    fn post(&mut self, probe: Probe, command: &[u8]) {
        let life = &self.lives[index(probe)];
        if life.ending.is_none() {
            self.machine.send(Kind::Command, life.seat, command);
        }
    }

    fn take(&mut self, probe: Probe, patience: Duration) -> Option<Vec<u8>> {
        let life = index(probe);
        self.wait(life, patience, |life| {
            life.reply.is_some() || life.ending.is_some()
        });
        self.lives[life].reply.take()
    }

    fn kill(&mut self, probe: Probe) {
        let life = &self.lives[index(probe)];
        if life.ending.is_none() {
            self.machine.send(Kind::Kill, life.seat, &[]);
        }
    }

    fn ending(&mut self, probe: Probe, patience: Duration) -> Option<Ending> {
        let life = index(probe);
        self.wait(life, patience, |life| life.ending.is_some());
        self.lives[life].ending
    }

    fn advance(&mut self, milliseconds: u32) {
        std::thread::sleep(Duration::from_millis(milliseconds.into()));
    }
}

/// The probe in Rust, unless the environment says `USUFRUCT_X86_64_PROBE=c`.
fn stated_probe() -> Program {
    match std::env::var("USUFRUCT_X86_64_PROBE").as_deref() {
        Err(_) | Ok("rust") => Program::Probe,
        Ok("c") => Program::ProbeInC,
        Ok(other) => panic!("USUFRUCT_X86_64_PROBE={other} is neither rust nor c"),
    }
}

fn index(probe: Probe) -> usize {
    usize::try_from(probe.0).expect("32 bits fit")
}

/// The payload of an Ended frame.
fn ending(payload: &[u8]) -> (Ending, String) {
    let words = payload.split_first_chunk::<4>();
    let words = words.and_then(|(status, rest)| Some((status, rest.split_first_chunk::<4>()?)));
    let Some((status, (reason, words))) = words else {
        panic!("Ended with a payload of {} bytes", payload.len());
    };
    let [status, reason] = [status, reason].map(|word| i32::from_le_bytes(*word));
    let known = [
        abi::ENDED_EXIT,
        abi::ENDED_TRAP,
        abi::ENDED_KILLED,
        abi::ENDED_FORBIDDEN_STORE,
    ];
    assert!(known.contains(&reason), "a probe ended for reason {reason}");
    let words = String::from_utf8_lossy(words).into_owned();
    (Ending { status, reason }, words)
}
