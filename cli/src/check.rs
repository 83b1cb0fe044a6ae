//! Says what a file is made of, and whether and how it can run. The loader's own
//! knowledge, and its verdict.

use std::fmt;
use std::fs;
use std::path::Path;

use usufruct::{Contents, Import, Kernel, MemorySize, Start};
use usufruct_system_file::{Fault, name_problem};

use crate::command::{self, Check, PoolSize};
use crate::say::{print, say};
use crate::{FAILED, prepare};

/// What lines of names are folded at, in columns.
const COLUMNS: usize = 100;

/// The width of the first column.
const LABEL_COLUMNS: usize = 12;

/// The exit status, with everything said; what keeps it from being known.
pub(crate) fn carry_out(check: &Check) -> Result<u8, Fault> {
    let path = check.file.as_str();
    let is_system = path.ends_with(".toml");
    if !is_system && !check.args.is_empty() {
        let cause = "a program takes no arguments to be checked";
        return Err(Fault::new("`--`", cause, "leave them out"));
    }
    let pool_bytes = check.pool.bytes()?;
    let checked = if is_system {
        check_system(check, pool_bytes)
    } else {
        let bytes = fs::read(path).map_err(|cause| {
            let help = "usufruct check FILE.wasm, or usufruct check SYSTEM.toml";
            Fault::new(path, cause.to_string(), help)
        })?;
        check_program(path, &bytes, &check.pool)?
    };
    Ok(match checked {
        Ok(way) => {
            print(format_args!("can run: {way}\n"));
            0
        }
        Err(fault) => {
            say(fault);
            FAILED
        }
    })
}

/// Everything up to the first task's start; the line that runs it.
fn check_system(check: &Check, pool_bytes: Option<u64>) -> Result<String, Fault> {
    let (path, args) = (&check.file, &check.args);
    let mut plan = command::read(path, args)?;
    plan.limits.pool_bytes = pool_bytes.or(plan.limits.pool_bytes);
    let tasks: Vec<String> = plan.tasks.iter().map(|task| task.name.clone()).collect();
    let is_trace = false;
    let ready = prepare::prepare(plan, is_trace)?;
    drop(ready);
    print(format_args!("{path}: a system\n"));
    print(Row("tasks", &tasks));
    let args: String = args.iter().map(|arg| format!(" {arg}")).collect();
    let separator = if args.is_empty() { "" } else { " --" };
    let pool = pool_option(check.pool.words.as_deref());
    Ok(format!("usufruct run {pool}{path}{separator}{args}"))
}

/// What is in the module, and the line that runs it. The outer fault: there is no kernel
/// here that could say so.
fn check_program(
    path: &str,
    bytes: &[u8],
    pool: &PoolSize,
) -> Result<Result<String, Fault>, Fault> {
    let pool_bytes = pool.bytes()?.unwrap_or(0);
    let kernel = Kernel::builder().workers(1).pool_bytes(pool_bytes).build();
    let kernel = kernel.map_err(|error| Fault::told("this machine", error))?;
    let refused = |error| Fault::told(path, error);
    let contents = match kernel.inspect(bytes) {
        Ok(contents) => contents,
        Err(error) => return Ok(Err(refused(error))),
    };
    print(format_args!(
        "{}: {}, {} bytes\n",
        path,
        kind(contents.start),
        bytes.len()
    ));
    print(Summary(&contents));
    Ok(kernel
        .load(bytes)
        .map(|_| way(path, &contents, pool))
        .map_err(refused))
}

fn kind(start: Start) -> &'static str {
    match start {
        Start::Command => "a WASI command (it starts at '_start')",
        Start::Main => "a module that starts at 'main'",
        Start::Reactor => "a WASI reactor",
        Start::Nothing => "a module without a start",
    }
}

/// The line that runs a program.
fn way(path: &str, contents: &Contents, pool: &PoolSize) -> String {
    let stem = Path::new(path)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let name = match name_problem(&stem, &[]) {
        None if !stem.contains(['/', '=', ' ']) => stem,
        _ => "NAME".into(),
    };
    let by_default = contents.imports_page_calls.then_some("64MiB");
    let pool = pool_option(pool.words.as_deref().or(by_default));
    format!("usufruct run {pool}{name}={path}")
}

fn pool_option(size: Option<&str>) -> String {
    size.map_or_else(String::new, |size| format!("--pool {size} "))
}

/// A module's contents, line by line.
struct Summary<'a>(&'a Contents);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(contents) = *self;
        let (served, refused): (Vec<&Import>, Vec<&Import>) = contents
            .imports
            .iter()
            .partition(|import| import.problem.is_none());
        let mut modules: Vec<&str> = served.iter().map(|import| import.module.as_str()).collect();
        modules.sort_unstable();
        modules.dedup();
        for module in modules {
            let of_module = served.iter().filter(|import| import.module == module);
            let names: Vec<&str> = of_module.map(|import| import.name.as_str()).collect();
            write!(f, "{}", Row(label(module), &names))?;
            sockets(&names, f)?;
        }
        let refused: Vec<String> = refused
            .iter()
            .map(|import| format!("{} {}", import.module, import.name))
            .collect();
        write!(f, "{}", Row("not served", &refused))?;
        write!(f, "{}", Row("memory", &[memory(contents.memory)]))?;
        write!(f, "{}", Row("pool", &[pool(contents)]))?;
        write!(f, "{}", Row("exports", &contents.exports))
    }
}

/// What stands before the imports of a module.
fn label(module: &str) -> &str {
    match module {
        "usufruct" => "calls",
        "wasi_snapshot_preview1" => "WASI",
        other => other,
    }
}

/// A call that is served and never succeeds deserves a line.
fn sockets(names: &[&str], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let of_sockets = names.iter().filter(|name| name.starts_with("sock_"));
    let of_sockets: Vec<&str> = of_sockets.copied().collect();
    if of_sockets.is_empty() {
        return Ok(());
    }
    let told = format!(
        "there are none, so these always fail: {}",
        of_sockets.join(", ")
    );
    write!(f, "{}", Row("sockets", &[told]))
}

fn memory(memory: Option<MemorySize>) -> String {
    match memory {
        None => "none".to_owned(),
        Some(MemorySize {
            minimum_bytes,
            maximum_bytes: None,
        }) => format!("starts with {minimum_bytes} bytes; no maximum is declared"),
        Some(MemorySize {
            minimum_bytes,
            maximum_bytes: Some(most),
        }) => format!("starts with {minimum_bytes} bytes; declares at most {most}"),
    }
}

fn pool(contents: &Contents) -> String {
    if contents.imports_page_calls {
        "seen, if the system has one: a call on pages is imported".to_owned()
    } else {
        "not seen: no call on pages is imported (a system file can say `pool = true`)".to_owned()
    }
}

/// A label and words that belong to it, folded. Nothing at all without words. The words may
/// come from a file that means to confuse a terminal.
struct Row<'a, T>(&'a str, &'a [T]);

impl<T: AsRef<str>> fmt::Display for Row<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(label, words) = *self;
        let mut line = format!("  {label:<LABEL_COLUMNS$}");
        for (word, number) in words.iter().zip(1_usize..) {
            let word = word.as_ref().escape_debug();
            let comma = if number == words.len() { "" } else { "," };
            let piece = format!("{word}{comma}");
            if number > 1 && line.len() + piece.len() > COLUMNS {
                writeln!(f, "{}", line.trim_end())?;
                line = " ".repeat(LABEL_COLUMNS + 2);
            }
            line = format!("{line}{piece} ");
        }
        if words.is_empty() {
            return Ok(());
        }
        writeln!(f, "{}", line.trim_end())
    }
}
