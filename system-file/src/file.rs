//! Reads a system file: TOML to [`Plan`], or the first fault in it.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use core::time::Duration;

use toml::de::DeTable;

use crate::fault::Fault;
use crate::placeholder::{Arguments, Incomplete};
use crate::plan::{Folder, LIFE_VARIABLE, Limits, Plan, TaskPlan, name_problem};
use crate::section::{Section, Source, Text};
use crate::size;

const TOP_KEYS: &[&str] = &["limits", "task"];
const LIMIT_KEYS: &[&str] = &["tasks", "smos", "messages", "workers", "pool"];
const TASK_KEYS: &[&str] = &[
    "name",
    "file",
    "args",
    "env",
    "dirs",
    "memory",
    "smos",
    "pool",
    "pool_quota",
    "pool_reserve",
    "restart",
    "time_limit_ms",
];
const DIRS_FORM: &str = "dirs = [{ host = \"pictures\", guest = \"/in\" }]";
const DIR_KEYS: &[&str] = &["host", "guest", "writable"];

/// The most tasks that a system file may ask for: the host is one more.
const MOST_TASKS: u32 = (1 << 16) - 1;
/// The most workers that a system file may ask for.
const MOST_WORKERS: u32 = 256;

/// What a system file is checked against.
#[derive(Debug)]
pub struct Facts<F> {
    /// Bytes of memory that a task may be given.
    pub memory_bytes: RangeInclusive<u64>,
    /// Whether a path of the host's names a folder.
    pub is_folder: F,
}

/// The system that the file at `path` with this text describes, with `arguments` in place of
/// `$1`, `$2`, ...
///
/// # Errors
///
/// The first thing in it that is not in order.
pub fn parse<F: Fn(&str) -> bool>(
    (path, text): (&str, &str),
    arguments: &[String],
    facts: &Facts<F>,
) -> Result<Plan, Fault> {
    let source = Source { path, text };
    let document = DeTable::parse(text).map_err(|error| syntax_fault(source, &error))?;
    let top = Section::new(source, document.get_ref(), String::new());
    top.refuse_unknown(TOP_KEYS)?;

    let mut arguments = Arguments::new(arguments);
    let limits = read_limits(&top)?;
    let mut tasks = Vec::new();
    for mut section in top.tables("task", "[[task]]", "[[task]], once for each")? {
        let reader = TaskReader::new(&mut section, (path, facts), &tasks)?;
        let task = reader.read(&mut arguments)?;
        refuse_one_too_many(&section, &limits, tasks.len())?;
        tasks.push(task);
    }
    if tasks.is_empty() {
        let help = "add a [[task]] with `name` and `file`";
        return Err(Fault::new(path, "no task to run", help));
    }
    if let Some((number, text)) = arguments.first_unused() {
        let cause = format!("{} has no ${number} that takes it", path);
        let thing = format!("argument {number} after `--`, `{text}`");
        return Err(Fault::new(thing, cause, "leave it out"));
    }
    Ok(Plan { limits, tasks })
}

fn syntax_fault(source: Source<'_>, error: &toml::de::Error) -> Fault {
    let offset = error.span().map_or(0, |span| span.start);
    let thing = format!("{}: `{}`", source.place(offset), source.line(offset).trim());
    let help = "a system file is TOML 1.1, see https://toml.io/en/v1.1.0";
    Fault::new(thing, error.message().replace('\n', ", "), help)
}

fn read_limits(top: &Section<'_>) -> Result<Limits, Fault> {
    let Some(section) = top.table("limits", "[limits]")? else {
        let place = format!("{}, [limits]", top.place());
        return Ok(Limits {
            place,
            ..Limits::default()
        });
    };
    section.refuse_unknown(LIMIT_KEYS)?;
    Ok(Limits {
        place: section.place(),
        tasks: section.number("tasks", 1..=MOST_TASKS)?,
        smos: section.number("smos", 1..=u32::MAX)?,
        messages: section.number("messages", 1..=u32::MAX)?,
        workers: section.number("workers", 1..=MOST_WORKERS)?,
        pool_bytes: section.size("pool")?,
    })
}

/// Refuses the task that follows `earlier` others if that is one more than `limits` allow.
fn refuse_one_too_many(
    section: &Section<'_>,
    limits: &Limits,
    earlier: usize,
) -> Result<(), Fault> {
    match limits.tasks {
        Some(most) if usize::try_from(most).is_ok_and(|most| earlier >= most) => {
            let cause = format!("[limits] says that there are at most {most} tasks");
            Err(section.fault_of_all("name", cause, "raise `tasks` in [limits]"))
        }
        _ => Ok(()),
    }
}

/// Reads one `[[task]]`.
struct TaskReader<'r, 'a, F> {
    section: &'r Section<'a>,
    name: &'a str,
    /// The folder of the system file, where relative paths begin.
    folder: &'r str,
    facts: &'r Facts<F>,
}

impl<'r, 'a, F: Fn(&str) -> bool> TaskReader<'r, 'a, F> {
    fn new(
        section: &'r mut Section<'a>,
        (path, facts): (&'r str, &'r Facts<F>),
        earlier: &[TaskPlan],
    ) -> Result<Self, Fault> {
        let number = section.label().to_owned();
        let name = section.text("name")?;
        // From here on, messages call the task by its name; about the name, by its number.
        if let Some(name) = &name {
            section.rename(format!("[[task]] `{}`", name.text));
        }
        section.refuse_unknown(TASK_KEYS)?;
        let name = name.ok_or_else(|| section.missing("name", "\"reader\""))?;
        if let Some(cause) = name_problem(name.text, earlier) {
            section.rename(number);
            return Err(section.fault("name", &name.at, cause, "give the task another name"));
        }
        Ok(Self {
            section,
            name: name.text,
            folder: path.rfind('/').map_or("", |end| &path[..=end]),
            facts,
        })
    }

    fn read(&self, arguments: &mut Arguments<'_>) -> Result<TaskPlan, Fault> {
        let section = self.section;
        let file = section
            .text("file")?
            .ok_or_else(|| section.missing("file", "\"program.wasm\""))?;
        let args = section
            .texts("args")?
            .iter()
            .map(|text| self.complete(section, "args", text, arguments))
            .collect::<Result<_, _>>()?;
        let time_limit_ms = section.number("time_limit_ms", 1..=u32::MAX)?;
        Ok(TaskPlan {
            args,
            env: self.env(arguments)?,
            dirs: self.dirs(arguments)?,
            memory_bytes: self.memory_bytes()?,
            smos: section.number("smos", 0..=u32::MAX)?,
            pool: section.flag("pool")?,
            pool_quota_bytes: section.size("pool_quota")?,
            pool_reserve_bytes: section.size("pool_reserve")?.unwrap_or(0),
            restarts: section.number("restart", 0..=u32::MAX)?.unwrap_or(0),
            time_limit: time_limit_ms.map(|limit| Duration::from_millis(limit.into())),
            ..TaskPlan::new(
                section.place(),
                self.name.to_owned(),
                self.in_folder(file.text),
            )
        })
    }

    fn env(&self, arguments: &mut Arguments<'_>) -> Result<Vec<(String, String)>, Fault> {
        let mut env = Vec::new();
        for (variable, text) in self.section.pairs("env")? {
            let key = format!("env.{variable}");
            let cause = match variable {
                LIFE_VARIABLE => "usufruct itself sets this variable",
                _ if variable.is_empty() || variable.contains(['=', '\0']) => {
                    "a variable's name is not empty and has neither `=` nor NUL"
                }
                _ => {
                    let value = self.complete(self.section, &key, &text, arguments)?;
                    env.push((variable.to_owned(), value));
                    continue;
                }
            };
            let help = "take another name for the variable";
            return Err(self.section.fault(&key, &text.at, cause, help));
        }
        Ok(env)
    }

    fn dirs(&self, arguments: &mut Arguments<'_>) -> Result<Vec<Folder>, Fault> {
        let mut dirs: Vec<Folder> = Vec::new();
        for section in self.section.tables("dirs", "dirs", DIRS_FORM)? {
            section.refuse_unknown(DIR_KEYS)?;
            let host = section
                .text("host")?
                .ok_or_else(|| section.missing("host", "\"pictures\""))?;
            let guest = section
                .text("guest")?
                .ok_or_else(|| section.missing("guest", "\"/pictures\""))?;
            let guest_path = self.complete(&section, "guest", &guest, arguments)?;
            if guest_path.is_empty() || dirs.iter().any(|dir| dir.guest == guest_path) {
                let cause = "this path in the task is empty or an earlier directory has it";
                let help = "give each directory a path of its own";
                return Err(section.fault("guest", &guest.at, cause, help));
            }
            dirs.push(Folder {
                host: self.directory(&section, &host, arguments)?,
                guest: guest_path,
                writable: section.flag("writable")?.unwrap_or(false),
            });
        }
        Ok(dirs)
    }

    /// A directory of the host. What a person gave as an argument begins where the
    /// person is; what the system file says begins where the file is.
    fn directory(
        &self,
        section: &Section<'_>,
        host: &Text<'_>,
        arguments: &mut Arguments<'_>,
    ) -> Result<String, Fault> {
        let path = self.complete(section, "host", host, arguments)?;
        let path = if Arguments::leads(host.text) {
            path
        } else {
            self.in_folder(&path)
        };
        if (self.facts.is_folder)(&path) {
            return Ok(path);
        }
        let cause = format!("`{path}` is no directory");
        let help = "make the directory, or name another";
        Err(section.fault("host", &host.at, cause, help))
    }

    /// A path that the system file says.
    fn in_folder(&self, path: &str) -> String {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{}{path}", self.folder)
        }
    }

    fn memory_bytes(&self) -> Result<Option<u64>, Fault> {
        let Some(memory) = self.section.text("memory")? else {
            return Ok(None);
        };
        let (least, most) = self.facts.memory_bytes.clone().into_inner();
        let problem = match size::parse(memory.text) {
            None => format!("`{}` is no size", memory.text),
            Some(bytes) if bytes < least => "this is less than a page".to_owned(),
            Some(bytes) if bytes > most => "this is more than a task can have".to_owned(),
            Some(bytes) => return Ok(Some(bytes)),
        };
        let help = format!(
            "write {}, from {} KiB to {} KiB",
            size::FORM,
            least >> 10,
            most >> 10
        );
        Err(self.section.fault("memory", &memory.at, problem, help))
    }

    /// `text` with its placeholders replaced.
    fn complete(
        &self,
        section: &Section<'_>,
        key: &str,
        text: &Text<'_>,
        arguments: &mut Arguments<'_>,
    ) -> Result<String, Fault> {
        let (cause, help) = match arguments.complete(text.text) {
            Ok(whole) => return Ok(whole),
            Err(Incomplete::NoNumber) => (
                "a `$` stands before something that is no argument's number".to_owned(),
                "write $1 for the first argument after `--`, and $$ for a dollar sign".to_owned(),
            ),
            Err(Incomplete::Missing(number)) => (
                format!(
                    "it needs argument {number}, and {} followed `--`",
                    arguments.count()
                ),
                format!(
                    "usufruct run SYSTEM.toml -- {}",
                    ["ARG"].repeat(number.min(9)).join(" ")
                ),
            ),
        };
        Err(section.fault(key, &text.at, cause, help))
    }
}
