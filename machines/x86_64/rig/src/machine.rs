//! One QEMU, and frames to and from the kernel in it.

use crate::memory::Memory;
use crate::programs::{Program, programs};
use crate::setup::Setup;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use usufruct_x86_64_wire::{Header, Kind, PAYLOAD_BYTES, posted, seat_of_posted};

/// How long a machine lives, whatever goes wrong: `timeout` ends it then, also when the test
/// that started it was killed. In seconds.
const LIFE_S: &str = "300";
/// Processors with all that QEMU can emulate, the line on standard input and output, the
/// log on standard error, and a way to end it all.
const OPTIONS: &str = "-no-user-config -nodefaults -cpu max \
    -display none -no-reboot -chardev stdio,id=line,signal=off -serial chardev:line \
    -chardev file,id=log,path=/dev/stderr -device isa-debugcon,iobase=0xe9,chardev=log \
    -device isa-debug-exit,iobase=0xf4,iosize=4";
/// How long a machine may take to go off when it is told to.
const FAREWELL: Duration = Duration::from_secs(5);

/// A frame from the kernel. What is posted stays in the postbox until [`Virtual::receive`].
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) seat: usize,
    pub(crate) payload: Vec<u8>,
}

/// A running machine. Ended when dropped.
#[derive(Debug)]
pub(crate) struct Virtual {
    qemu: Child,
    line: ChildStdin,
    frames: Receiver<Frame>,
    memory: Memory,
    log: Arc<Mutex<String>>,
    /// Both its processors want a real one, so there is one machine at a time.
    _turn: MutexGuard<'static, ()>,
}

impl Virtual {
    /// Boots the kernel with this command line; the program is what tasks run.
    ///
    /// # Panics
    ///
    /// If QEMU can not be started.
    pub(crate) fn boot(setup: Setup, program: Program, command_line: &str) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let programs = programs();
        let memory = Memory::new();
        // A test that failed has poisoned it; its machine is gone all the same.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut command = Command::new("timeout");
        command.args([LIFE_S, "qemu-system-x86_64"]);
        command.args(OPTIONS.split_whitespace());
        command.args(setup.options().split_whitespace());
        command.args(memory.options(setup.megabytes).split_whitespace());
        command.arg("-kernel").arg(&programs.kernel);
        command.arg("-initrd").arg(programs.path(program));
        command.args(["-append", command_line]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let spawned = command.spawn();
        let mut qemu = spawned.unwrap_or_else(|cause| panic!("cannot run {command:?}: {cause}"));
        let (line, output, errors) = (qemu.stdin.take(), qemu.stdout.take(), qemu.stderr.take());
        let log = Arc::new(Mutex::new(String::new()));
        collect(errors.expect("stderr is piped"), Arc::clone(&log));
        Self {
            frames: frames_of(output.expect("stdout is piped")),
            line: line.expect("stdin is piped"),
            memory,
            qemu,
            log,
            _turn: turn,
        }
    }

    /// The kernel is up, and its postbox at this physical address.
    pub(crate) fn open_postbox(&mut self, address: u64) {
        self.memory.open(address);
    }

    /// Sends a frame to the kernel.
    ///
    /// # Panics
    ///
    /// If the machine is gone.
    pub(crate) fn send(&mut self, kind: Kind, seat: usize, payload: &[u8]) {
        let sent = self.try_send(kind, seat, payload);
        sent.unwrap_or_else(|cause| {
            panic!("the machine does not listen ({cause}): {}", self.said())
        });
    }

    fn try_send(&mut self, kind: Kind, seat: usize, payload: &[u8]) -> io::Result<()> {
        assert!(
            payload.len() <= PAYLOAD_BYTES,
            "{kind:?} of {} bytes",
            payload.len()
        );
        let seat = u8::try_from(seat).expect("seats are few");
        let payload_bytes = u16::try_from(payload.len()).expect("it fits a frame");
        let header = Header {
            kind,
            seat,
            payload_bytes,
        };
        if let Some(place) = kind.posted_at(seat.into()) {
            self.memory.put(place, payload);
            return self.line.write_all(&[posted(seat)]);
        }
        self.line.write_all(&[&header.encode(), payload].concat())
    }

    /// The next frame from the kernel; `None` if none comes until then.
    ///
    /// # Panics
    ///
    /// If the machine is gone.
    pub(crate) fn receive(&self, until: Instant) -> Option<Frame> {
        let patience = until.saturating_duration_since(Instant::now());
        match self.frames.recv_timeout(patience) {
            Ok(mut frame) => {
                if let Some(place) = frame.kind.posted_at(frame.seat) {
                    frame.payload = self.memory.take(place);
                }
                Some(frame)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the machine went off: {}", self.said()),
        }
    }

    /// Waits until the machine has gone off by itself: its exit status, if it has one, and
    /// what it has said.
    pub(crate) fn farewell(mut self, patience: Duration) -> (Option<i32>, String) {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if let Ok(Some(status)) = self.qemu.try_wait() {
                // The log is read to its end by a thread of its own.
                std::thread::sleep(Duration::from_millis(50));
                return (status.code(), self.said());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        (None, self.said())
    }

    /// What the kernel and QEMU have said on the log.
    pub(crate) fn said(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Virtual {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the machine's log: {}", self.said());
        }
        // It may be gone, or stuck: both are dealt with below.
        let _ = self.try_send(Kind::PowerOff, 0, &[]);
        let until = Instant::now() + FAREWELL;
        while Instant::now() < until {
            if let Ok(Some(_)) = self.qemu.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // `timeout` passes it on to QEMU, as it would not the signal of `Child::kill`.
        let _ = Command::new("kill")
            .arg(self.qemu.id().to_string())
            .status();
        let _ = self.qemu.wait();
    }
}

/// Frames as they come; the channel closes with the line.
fn frames_of(mut output: impl Read + Send + 'static) -> Receiver<Frame> {
    let (sender, frames) = channel();
    std::thread::spawn(move || {
        while let Ok(frame) = read_frame(&mut output) {
            if sender.send(frame).is_err() {
                return;
            }
        }
    });
    frames
}

fn read_frame(output: &mut impl Read) -> io::Result<Frame> {
    let mut header = [0; Header::BYTES];
    let (first, rest) = header.split_at_mut(1);
    output.read_exact(first)?;
    if let Some(seat) = seat_of_posted(first[0]) {
        return Ok(Frame {
            kind: Kind::Reply,
            seat: seat.into(),
            payload: Vec::new(),
        });
    }
    output.read_exact(rest)?;
    let header = Header::decode(header).ok_or(io::ErrorKind::InvalidData)?;
    let mut payload = vec![0; header.payload_bytes.into()];
    output.read_exact(&mut payload)?;
    Ok(Frame {
        kind: header.kind,
        seat: header.seat.into(),
        payload,
    })
}

fn collect(mut errors: impl Read + Send + 'static, log: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = errors.read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..count]);
            log.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_str(&text);
        }
    });
}
