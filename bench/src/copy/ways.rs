//! The rivals of a copy, and about how long each takes.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::Measured;
use crate::figure::Role;
use crate::plan::Plan;
use crate::rival::stream::{Manner, Stream};
use crate::rival::{Child, Rivals};

/// A way of a program of `rivals/`.
struct Way {
    what: &'static str,
    word: &'static str,
    /// About how long it takes: for each, and for each byte.
    fixed_ns: f64,
    byte_ns: f64,
}

const OF_WASMTIME: [Way; 3] = [
    Way {
        what: "through a Vec",
        word: "naive",
        fixed_ns: 60.0,
        byte_ns: 0.15,
    },
    Way {
        what: "composed component",
        word: "composed",
        fixed_ns: 60.0,
        byte_ns: 0.9,
    },
    Way {
        what: "linked components",
        word: "linked",
        fixed_ns: 1000.0,
        byte_ns: 0.1,
    },
];

const OF_EXTISM: Way = Way {
    what: "Extism",
    word: "extism",
    fixed_ns: 15_000.0,
    byte_ns: 3.0,
};

/// About how long a process takes.
const PROCESS_FIXED_NS: f64 = 10_000.0;
const PROCESS_BYTE_NS: f64 = 0.4;

/// Which processes there are, and how their bytes come.
const STREAMS: [(&str, Manner); 4] = [
    ("pipe, asked for", Manner::Asked),
    ("pipe, streamed", Manner::Streamed),
    ("socket, asked for", Manner::Asked),
    ("socket, streamed", Manner::Streamed),
];

/// Everything that runs beside.
pub(super) struct Ways {
    wasmtime: Option<Child>,
    extism: Option<Child>,
    pipe: Stream,
    socket: Stream,
}

impl Ways {
    pub(super) fn new(rivals: &Rivals) -> Result<Self, String> {
        let start = |program: &Option<PathBuf>, plugin: &Option<PathBuf>| {
            let program = program.as_ref().map(|program| program.as_os_str());
            let arguments = plugin.iter().map(|file| file.as_os_str());
            program
                .map(|program: &OsStr| Child::start(program, arguments))
                .transpose()
        };
        let words = |error| format!("no other process: {error}");
        Ok(Self {
            wasmtime: start(&rivals.wasmtime, &None)?,
            extism: start(&rivals.extism, &rivals.extism_plugin)?,
            pipe: Stream::by_pipes().map_err(words)?,
            socket: Stream::by_socket().map_err(words)?,
        })
    }

    /// Each way once.
    pub(super) fn time(&mut self, plan: &Plan, bytes: u32) -> Result<Vec<Measured>, String> {
        let mut measured = Vec::new();
        if let Some(child) = &mut self.wasmtime {
            for way in &OF_WASMTIME {
                measured.push(timed(child, way, plan, bytes)?);
            }
        }
        if let Some(child) = &mut self.extism {
            measured.push(timed(child, &OF_EXTISM, plan, bytes)?);
        }
        // No bytes are no message.
        if bytes > 0 {
            let times = plan.times(PROCESS_FIXED_NS + f64::from(bytes) * PROCESS_BYTE_NS);
            for (index, (what, manner)) in STREAMS.into_iter().enumerate() {
                let stream = if index < 2 {
                    &mut self.pipe
                } else {
                    &mut self.socket
                };
                let ns = stream.time(manner, bytes, times);
                let ns = ns.map_err(|error| format!("{what}: {error}"))?;
                measured.push((what, Role::Rival, ns));
            }
        }
        Ok(measured)
    }
}

fn timed(child: &mut Child, way: &Way, plan: &Plan, bytes: u32) -> Result<Measured, String> {
    let times = plan.times(way.fixed_ns + f64::from(bytes) * way.byte_ns);
    // Once before, to warm up.
    child.time(way.word, bytes, 1)?;
    Ok((way.what, Role::Rival, child.time(way.word, bytes, times)?))
}
