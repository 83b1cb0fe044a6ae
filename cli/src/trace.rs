//! `--trace`: each refusal and each change of rights, as a line that reads like the call.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use usufruct::{Ending, Event, Number, PageAct, Reason, Run, TaskId};

use crate::say::say;

/// How an argument is shown.
#[derive(Clone, Copy)]
enum Form {
    /// A signed number.
    Number,
    /// An address.
    Pointer,
    /// A task, by name if one lives that has this number.
    Task,
}

/// The names of each call's arguments, in the order of the words. (Contract)
fn arguments(number: Number) -> &'static [(&'static str, Form)] {
    use Form::{Number as Int, Pointer, Task};
    match number {
        Number::ShareMem => &[
            ("target", Task),
            ("addr", Pointer),
            ("size", Int),
            ("perms", Int),
        ],
        Number::ClaimMem | Number::MemSize => &[("smo", Int)],
        Number::PassMem => &[("smo", Int), ("target", Task)],
        Number::ReadMem => &[("smo", Int), ("off", Int), ("size", Int), ("dest", Pointer)],
        Number::WriteMem => &[("smo", Int), ("off", Int), ("size", Int), ("src", Pointer)],
        Number::WatchTask => &[("task", Task), ("port", Int)],
        Number::FindTask => &[("name", Pointer), ("len", Int)],
        Number::OpenPort | Number::ClosePort | Number::GetMsgCount => &[("port", Int)],
        Number::SendMsg => &[("task", Task), ("port", Int), ("msg", Pointer)],
        Number::GetMsg => &[("port", Int), ("msg", Pointer), ("sender", Pointer)],
        Number::WaitMsg => &[("port", Int), ("timeout_ms", Int)],
        Number::ControlMem => &[("p", Pointer), ("size", Int), ("cmd", Int), ("task", Task)],
        Number::AllocMemBlocks => &[("size", Int), ("flags", Pointer)],
        Number::GetPageSize => &[("flags", Pointer)],
        Number::IsMemReadable | Number::IsMemWritable | Number::IsMemOwned => {
            &[("p", Pointer), ("size", Int)]
        }
        Number::AvailMem => &[("info", Pointer), ("flags", Pointer)],
        Number::LastError | Number::GetCurrentTask | Number::GetCurrentThread => &[],
    }
}

/// Writes each event to standard error.
///
/// The kernel waits while a line is written: who asks for a trace wants all of it,
/// and a task that is refused in a loop must not fill the memory with lines.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    names: Mutex<Names>,
}

/// The tasks that live, by number.
#[derive(Debug, Default)]
struct Names(HashMap<i32, String>);

impl Trace {
    pub(crate) fn event(&self, event: &Event<'_>) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.learn(event);
        let line = names.line(event);
        names.forget(event);
        say(line);
    }
}

impl Names {
    fn learn(&mut self, event: &Event<'_>) {
        if let Event::TaskStarted { task, name } = event {
            let name = String::from_utf8_lossy(name).into_owned();
            self.0.insert(task.raw(), name);
        }
    }

    fn forget(&mut self, event: &Event<'_>) {
        if let Event::TaskEnded { task, .. } = event {
            self.0.remove(&task.raw());
        }
    }

    /// The task's name; a number that nobody has stays a number.
    fn name(&self, raw: i32) -> String {
        match self.0.get(&raw) {
            Some(name) => name.clone(),
            None => raw.to_string(),
        }
    }

    fn task(&self, task: TaskId) -> String {
        self.name(task.raw())
    }

    fn line(&self, event: &Event<'_>) -> String {
        let (who, what) = match *event {
            Event::TaskStarted { task, .. } => {
                (self.task(task), format!("starts as task {}", task.raw()))
            }
            Event::TaskEnding { task, ending } => (self.task(task), ends(ending)),
            Event::TaskEnded { task, .. } => (self.task(task), "is gone".to_owned()),
            Event::Refused {
                thread,
                number,
                words,
                denied,
            } => {
                let (call, error) = (self.call(number, words), denied.error());
                let caller = self.name(thread.raw());
                (caller, format!("{call} = -1 {error}: {denied}"))
            }
            ref other => self.made(other),
        };
        format!("{who:<12} {what}")
    }

    /// Who made a call that changed something, and the call.
    fn made(&self, event: &Event<'_>) -> (String, String) {
        let (caller, call) = match *event {
            Event::Shared {
                owner,
                target,
                smo,
                span,
                permissions,
            } => {
                let (target, start, size) = (self.task(target), span.start(), span.len());
                let range = format!("addr {start:#x}, size {size}");
                let answer = smo.raw();
                let call = format!("share_mem(target {target}, {range}, perms {permissions:?})");
                return (self.task(owner), format!("{call} = {answer}"));
            }
            Event::Claimed { owner, smo } => (owner, format!("claim_mem(smo {})", smo.raw())),
            Event::Passed { by, to, smo } => {
                let (smo, to) = (smo.raw(), self.task(to));
                (by, format!("pass_mem(smo {smo}, target {to})"))
            }
            Event::PortOpened { task, port } => (task, format!("open_port(port {port})")),
            Event::PortClosed { task, port } => (task, format!("close_port(port {port})")),
            Event::Sent { from, to, port } => {
                let to = self.task(to);
                (from, format!("send_msg(task {to}, port {port})"))
            }
            Event::Received { task, port } => (task, format!("get_msg(port {port})")),
            Event::Watching { by, of, port } => {
                let of = self.task(of);
                (by, format!("watch_task(task {of}, port {port})"))
            }
            Event::PagesChanged { by, act, run } => {
                let call = self.pages(act, by, run);
                return (self.task(by), call);
            }
            ref other => return ("kernel".to_owned(), format!("{other:?}")),
        };
        (self.task(caller), format!("{call} = 0"))
    }

    /// What has become of pages: a call, or the end of their owner.
    fn pages(&self, act: PageAct, by: TaskId, run: Run) -> String {
        let pages = match run.pages() {
            1 => format!("page {}", run.first()),
            _ => format!("pages {} to {}", run.first(), run.end().saturating_sub(1)),
        };
        let (command, task) = match act {
            PageAct::Given(Some(to)) if to == by => return format!("AllocMemBlocks() = {pages}"),
            PageAct::Given(to) => ("MEMC_GIVE", to),
            PageAct::Freed => ("MEMC_GIVE", None),
            PageAct::Allowed(task) => ("MEMC_OKWRITE", task),
            PageAct::Forbidden(task) => ("MEMC_NOWRITE", task),
        };
        let task = task.map_or("0".to_owned(), |task| self.task(task));
        format!("ControlMem({pages}, cmd {command}, task {task}) = 0")
    }

    /// The call as a guest wrote it. Its words are 32 bits wide.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the word is shown as the guest gave it, in its own width"
    )]
    fn call(&self, number: Number, words: [u64; 4]) -> String {
        let mut call = format!("{}(", number.name());
        for (index, ((name, form), word)) in arguments(number).iter().zip(words).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let word = word as u32;
            let value = match form {
                Form::Number => word.cast_signed().to_string(),
                Form::Pointer => format!("{word:#x}"),
                Form::Task => self.name(word.cast_signed()),
            };
            // Writing to a String does not fail.
            let _ = write!(call, "{separator}{name} {value}");
        }
        call.push(')');
        call
    }
}

fn ends(ending: Ending) -> String {
    let status = ending.status;
    match ending.reason {
        Reason::Exit => format!("ends: exit status {status}"),
        Reason::Trap => "ends: trapped".to_owned(),
        Reason::Killed => "ends: killed".to_owned(),
        other => format!("ends: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, arguments};
    use usufruct::{
        Denied, Ending, Event, Number, PageAct, Permissions, Reason, Run, SmoId, Span, TaskId,
    };

    fn task(raw: i32) -> TaskId {
        TaskId::from_raw(raw).unwrap()
    }

    fn names() -> Names {
        let mut names = Names::default();
        for (raw, name) in [(5, "reader"), (6, "decoder")] {
            let name = str::as_bytes(name);
            names.learn(&Event::TaskStarted {
                task: task(raw),
                name,
            });
        }
        names
    }

    #[test]
    fn every_argument_of_every_call_has_a_name() {
        for number in Number::ALL {
            assert_eq!(arguments(*number).len(), number.arguments(), "{number:?}");
        }
    }

    #[test]
    fn a_transition_reads_like_the_call() {
        let shared = Event::Shared {
            owner: task(5),
            target: task(6),
            smo: SmoId::from_raw(77).unwrap(),
            span: Span::new(0x1000, 8).unwrap(),
            permissions: Permissions::READ,
        };
        assert_eq!(
            names().line(&shared),
            "reader       share_mem(target decoder, addr 0x1000, size 8, perms READ) = 77"
        );
    }

    #[test]
    fn a_change_of_pages_reads_like_the_call() {
        let line = |act, first, end| {
            let run = Run::between(first, end).unwrap();
            let by = task(5);
            names().line(&Event::PagesChanged { by, act, run })
        };
        for (act, end, call) in [
            (
                PageAct::Given(Some(task(6))),
                9,
                "ControlMem(pages 7 to 8, cmd MEMC_GIVE, task decoder) = 0",
            ),
            (
                PageAct::Given(Some(task(5))),
                8,
                "AllocMemBlocks() = page 7",
            ),
            (
                PageAct::Forbidden(None),
                8,
                "ControlMem(page 7, cmd MEMC_NOWRITE, task 0) = 0",
            ),
        ] {
            assert_eq!(line(act, 7, end), format!("reader       {call}"));
        }
    }

    #[test]
    fn a_refusal_says_what_was_asked_and_why_not() {
        let minus_one = u64::from(u32::MAX);
        let refused = Event::Refused {
            thread: task(6).into(),
            number: Number::ReadMem,
            words: [77, minus_one, 8, 0x40],
            denied: Denied::BadSize(-1),
        };
        let line = names().line(&refused);
        let call =
            "decoder      read_mem(smo 77, off -1, size 8, dest 0x40) = -1 SERR_INVALID_SIZE";
        assert!(line.starts_with(call), "{line}");
    }

    #[test]
    fn a_task_that_is_gone_has_no_name_any_more() {
        let mut names = names();
        assert_eq!(names.name(5), "reader");
        let ending = Ending {
            status: 0,
            reason: Reason::Exit,
        };
        names.forget(&Event::TaskEnded {
            task: task(5),
            ending,
        });
        assert_eq!(names.name(5), "5");
    }
}
