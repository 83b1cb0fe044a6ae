//! What `usufruct run` does with systems that are in order: streams, ends, exit statuses.

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::Place;

/// A program around `body`, its `main`.
fn program(imports: &str, body: &str) -> String {
    format!(
        "(module {imports} (memory (export \"memory\") 1)\n\
         (func (export \"main\") (result i32) {body}))"
    )
}

fn exits_with(status: i32) -> String {
    program("", &format!("(i32.const {status})"))
}

/// Prints `text` and exits with 0.
fn prints(text: &str) -> String {
    // `\n` is one byte in the module and two here.
    let length = text.replace("\\n", "\n").len();
    program(
        "(import \"wasi_snapshot_preview1\" \"fd_write\"\n\
         (func $write (param i32 i32 i32 i32) (result i32)))",
        &format!(
            "(i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const {length}))\n\
             (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))"
        ),
    )
    .replace("(func (export", &format!("(data (i32.const 16) \"{text}\") (func (export"))
}

const SPIN: &str = "(loop $l (br $l)) (i32.const 0)";

/// Copies standard input to standard output, once.
const CAT: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "main") (result i32)
        (i32.store (i32.const 0) (i32.const 64))
        (i32.store (i32.const 4) (i32.const 1000))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
        (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#;

/// Prints the text of its arguments, each with a NUL behind it.
const ARGUMENTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "main") (result i32)
        (drop (call $sizes (i32.const 0) (i32.const 4)))
        (drop (call $get (i32.const 512) (i32.const 1024)))
        (i32.store (i32.const 0) (i32.const 1024))
        (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#;

/// Exits with 0 in the life of this number, which its only variable tells; else with 1.
fn succeeds_in_life(number: u8) -> String {
    let digit = b'0' + number;
    program(
        "(import \"wasi_snapshot_preview1\" \"environ_get\"\n\
         (func $get (param i32 i32) (result i32)))",
        &format!(
            "(drop (call $get (i32.const 0) (i32.const 64)))\n\
             (i32.ne (i32.load8_u (i32.const {})) (i32.const {digit}))",
            64 + "USUFRUCT_LIFE=".len()
        ),
    )
}

/// A program whose `body` calls `$find` with a name of five bytes at 16.
fn finds(name: &str, body: &str) -> String {
    let import = "(import \"usufruct\" \"find_task\" (func $find (param i32 i32) (result i32)))";
    let data = format!("(data (i32.const 16) \"{name}\") (func (export");
    program(import, body).replace("(func (export", &data)
}

/// Makes a file in the first directory; exits with WASI's error number.
const MAKES_FILE: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "made")
    (func (export "main") (result i32)
        (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 1)
            (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 64))))"#;

/// Shares its memory with itself until it is refused; exits with the error's number.
const SHARES_UNTIL_REFUSED: &str = r#"(module
    (import "usufruct" "get_current_task" (func $me (result i32)))
    (import "usufruct" "share_mem" (func $share (param i32 i32 i32 i32) (result i32)))
    (import "usufruct" "last_error" (func $error (result i32)))
    (memory (export "memory") 1)
    (func (export "main") (result i32)
        (loop $l (br_if $l (i32.gt_s
            (call $share (call $me) (i32.const 0) (i32.const 1) (i32.const 2)) (i32.const 0))))
        (call $error)))"#;

#[test]
fn a_system_whose_tasks_all_exit_with_0_succeeds() {
    let place = Place::new("all_well")
        .with("a.wat", &prints("from a"))
        .with("b.wat", &exits_with(0));
    let said = place.usufruct(&["run", "a=a.wat", "b=b.wat"]);
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (Some(0), "from a", "")
    );
}

#[test]
fn a_failure_says_which_task_and_why() {
    let place = Place::new("failures")
        .with("three.wat", &exits_with(3))
        .with("trap.wat", &program("", "unreachable"));
    let said = place.usufruct(&["run", "a=three.wat"]);
    let line = "error: task `a` failed: exited with status 3\n";
    assert_eq!((said.code, said.err.as_str()), (Some(1), line));

    let said = place.usufruct(&["run", "a=three.wat", "b=trap.wat"]);
    let last = said.err.lines().last().unwrap();
    assert_eq!(said.code, Some(1));
    assert!(said.err.starts_with("task `b` trapped: "), "{}", said.err);
    assert!(last.starts_with("error: tasks failed: `a` (exited with status 3), `b` (trapped: "));
}

#[test]
fn nothing_starts_if_one_program_can_not_be_loaded() {
    let place = Place::new("nothing_starts")
        .with("good.wat", &prints("started"))
        .with("bad.wat", "(module (func (export \"main\")))");
    for bad in ["bad.wat", "none.wat"] {
        let said = place.usufruct(&["run", "good=good.wat", &format!("bad={bad}")]);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{bad}");
        let thing = format!("error: `bad={bad}`, program {bad}: ");
        assert!(said.err.starts_with(&thing), "{}", said.err);
    }
}

#[test]
fn limits_that_do_not_fit_each_other_are_refused_at_their_place() {
    let text = "\n[limits]\ntasks = 100\nsmos = 10\n[[task]]\nname = \"a\"\nfile = \"a.wat\"\n";
    let place = Place::new("limits")
        .with("system.toml", text)
        .with("a.wat", &exits_with(0));
    let said = place.usufruct(&["run", "system.toml"]);
    let message = "error: system.toml:2: [limits]: \
                   `smos` must be at least 8 for each task, and at most 1048576\n\
                   help: there is room for 101 tasks, the host included\n";
    assert_eq!((said.code, said.err.as_str()), (Some(2), message));
}

#[test]
fn all_tasks_exist_before_the_first_one_runs() {
    let find = "(call $find (i32.const 16) (i32.const 5))";
    let looks_once = format!("(i32.le_s {find} (i32.const 0))");
    let stays_as_long =
        format!("(loop $l (br_if $l (i32.gt_s {find} (i32.const 0)))) (i32.const 0)");
    let place = Place::new("exist_first")
        .with("looks.wat", &finds("stays", &looks_once))
        .with("stays.wat", &finds("looks", &stays_as_long));
    for _ in 0..20 {
        let said = place.usufruct(&["run", "looks=looks.wat", "stays=stays.wat"]);
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    let alone = place.usufruct(&["run", "looks=looks.wat"]);
    assert_eq!(alone.code, Some(1), "the test must be able to fail");
}

#[test]
fn standard_input_goes_to_the_first_task_alone() {
    let place = Place::new("stdin").with("cat.wat", CAT);
    let said = place.usufruct_reading(&["run", "first=cat.wat", "second=cat.wat"], "a word");
    assert_eq!((said.code, said.out.as_str()), (Some(0), "a word"));
}

#[test]
fn arguments_come_behind_the_tasks_name() {
    let text = "[[task]]\nname = \"one\"\nfile = \"a.wat\"\nargs = [\"x\", \"$1!\", \"$$\"]\n";
    let place = Place::new("arguments")
        .with("folder/system.toml", text)
        .with("folder/a.wat", ARGUMENTS);
    let said = place.usufruct(&["run", "folder/system.toml", "--", "y z"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(0), "one\0x\0y z!\0$\0")
    );

    let said = place.usufruct(&["run", "a=folder/a.wat", "--", "b"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "a\0b\0"));
}

#[test]
fn a_failed_task_is_started_again_as_often_as_the_file_says() {
    let system =
        |restart: u32| format!("[[task]]\nname = \"one\"\nfile = \"a.wat\"\nrestart = {restart}\n");
    let place = Place::new("restart")
        .with("enough.toml", &system(5))
        .with("too_few.toml", &system(1))
        .with("a.wat", &succeeds_in_life(2));
    let said = place.usufruct(&["run", "--table", "enough.toml"]);
    let expected = "task `one`, life 0, exited with status 1; life 1 begins\n\
                    task `one`, life 1, exited with status 1; life 2 begins\n";
    assert_eq!((said.code, said.err.as_str()), (Some(0), expected));
    // Behind the only task's line is the sum of all.
    let line = said.out.lines().nth_back(1).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells[..2], ["one", "3"], "{line}");

    assert_eq!(place.usufruct(&["run", "too_few.toml"]).code, Some(1));
}

#[test]
fn a_life_that_runs_too_long_is_killed() {
    let text = "[[task]]\nname = \"one\"\nfile = \"a.wat\"\ntime_limit_ms = 50\nrestart = 1\n";
    let place = Place::new("time_limit")
        .with("system.toml", text)
        .with("a.wat", &program("", SPIN));
    let begun = Instant::now();
    let said = place.usufruct(&["run", "system.toml"]);
    let killed = "was killed: it ran longer than 50.0 ms";
    let expected = format!(
        "task `one`, life 0, {killed}; life 1 begins\ntask `one` {killed}\n\
         error: task `one` failed: {killed}\n"
    );
    assert_eq!((said.code, said.err), (Some(1), expected));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_directory_is_writable_only_if_the_file_says_so() {
    let system = |writable: bool| {
        format!(
            "[[task]]\nname = \"one\"\nfile = \"a.wat\"\n\
             dirs = [{{ host = \"shelf\", guest = \"/\", writable = {writable} }}]\n"
        )
    };
    let place = Place::new("dirs")
        .with("closed.toml", &system(false))
        .with("open.toml", &system(true))
        .with("shelf/there", "")
        .with("a.wat", MAKES_FILE);
    assert_eq!(place.usufruct(&["run", "closed.toml"]).code, Some(1));
    assert!(!place.has("shelf/made"));
    assert_eq!(place.usufruct(&["run", "open.toml"]).code, Some(0));
    assert!(place.has("shelf/made"));
}

#[test]
fn memory_and_objects_end_where_the_file_says() {
    let text = "[[task]]\nname = \"one\"\nfile = \"shares.wat\"\nsmos = 3\n\
                [[task]]\nname = \"two\"\nfile = \"grows.wat\"\nmemory = \"128 KiB\"\n";
    // It has one page and asks for one more, then for another.
    let grows = program(
        "",
        "(i32.or (i32.ne (memory.grow (i32.const 1)) (i32.const 1))\n\
         (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))",
    );
    let place = Place::new("quotas")
        .with("system.toml", text)
        .with("shares.wat", SHARES_UNTIL_REFUSED)
        .with("grows.wat", &grows);
    let said = place.usufruct(&["run", "--trace", "system.toml"]);
    assert_eq!(said.code, Some(1));
    let failed = "error: task `one` failed: exited with status 23";
    assert_eq!(said.err.lines().last().unwrap(), failed);

    let shared = |line: &&str| {
        line.starts_with("one          share_mem(target one, addr 0x0, size 1, perms READ) = ")
    };
    assert_eq!(said.err.lines().filter(shared).count(), 3, "{}", said.err);
    let refused = "one          share_mem(target one, addr 0x0, size 1, perms 2) = -1 \
                   SERR_TOO_MANY_SMOS: the caller owns as many objects as it may";
    assert!(said.err.lines().any(|line| line == refused), "{}", said.err);
}

#[test]
fn the_table_tells_what_each_task_did() {
    let place = Place::new("table").with("shares.wat", SHARES_UNTIL_REFUSED);
    let said = place.usufruct(&["run", "--table", "one=shares.wat"]);
    let lines: Vec<Vec<&str>> = said
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    // An empty line, the headings, the task: 1024 objects shared, then one refused.
    assert_eq!(lines[1][..2], ["task", "lives"]);
    assert_eq!(
        lines[2][..9],
        ["one", "1", "0", "0", "0", "0", "0", "1024", "1"]
    );
}

/// Takes three pages; gives two to `heir`, the same two once more, which is refused, and
/// the third to itself.
const GIVES: &str = r#"(module
    (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
    (import "usufruct" "ControlMem" (func $control (param i32 i32 i32 i32) (result i32)))
    (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
    (import "usufruct" "get_current_task" (func $me (result i32)))
    (import "usufruct" "GetPageSize" (func $page (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "heir")
    (func $give (param $at i32) (param $pages i32) (param $to i32) (result i32)
        (local $bytes i32)
        (local.set $bytes (i32.mul (local.get $pages) (call $page (i32.const 0))))
        (call $control (local.get $at) (local.get $bytes) (i32.const 3) (local.get $to)))
    (func (export "main") (result i32) (local $at i32) (local $heir i32)
        (local.set $at
            (call $alloc (i32.mul (i32.const 3) (call $page (i32.const 0))) (i32.const 0)))
        (local.set $heir (call $find (i32.const 64) (i32.const 4)))
        (i32.or
            (call $give (local.get $at) (i32.const 2) (local.get $heir))
            (i32.or
                (i32.eqz (call $give (local.get $at) (i32.const 2) (local.get $heir)))
                (call $give
                    (i32.add (local.get $at) (i32.mul (i32.const 2) (call $page (i32.const 0))))
                    (i32.const 1)
                    (call $me))))))"#;

/// Lives until `giver` has ended.
const INHERITS: &str = r#"(module
    (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
    (import "usufruct" "open_port" (func $open (param i32) (result i32)))
    (import "usufruct" "watch_task" (func $watch (param i32 i32) (result i32)))
    (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "giver")
    (func (export "_start")
        (drop (call $open (i32.const 0)))
        (if (i32.eqz (call $watch (call $find (i32.const 64) (i32.const 5)) (i32.const 0)))
            (then (drop (call $wait (i32.const 0) (i32.const -1)))))))"#;

#[test]
fn the_table_counts_pages_where_they_change_hands() {
    let place = Place::new("gifts")
        .with(
            "system.toml",
            "[limits]\npool = \"64 KiB\"\n\
             [[task]]\nname = \"giver\"\nfile = \"gives.wat\"\n\
             [[task]]\nname = \"heir\"\nfile = \"inherits.wat\"\npool = true\n",
        )
        .with("gives.wat", GIVES)
        .with("inherits.wat", INHERITS);
    let said = place.usufruct(&["run", "--table", "system.toml"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let lines: Vec<Vec<&str>> = said
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let (given, received) = (5, 6);
    assert_eq!([lines[1][given], lines[1][received]], ["given", "received"]);
    // New pages are no gift, nor is what one gives to oneself; and one was refused.
    let two = (2 * usufruct::page_bytes().unwrap()).to_string();
    assert_eq!([lines[2][given], lines[2][received]], [two.as_str(), "0"]);
    assert_eq!([lines[3][given], lines[3][received]], ["0", two.as_str()]);
    let sum = format!(", {two} given as pages without a copy");
    assert!(said.out.trim_end().ends_with(&sum), "{}", said.out);
}

#[test]
fn an_interrupt_kills_all_tasks() {
    let text = "[[task]]\nname = \"one\"\nfile = \"says.wat\"\n\
                [[task]]\nname = \"two\"\nfile = \"spins.wat\"\nrestart = 9\n";
    let place = Place::new("interrupt")
        .with("system.toml", text)
        .with("says.wat", &prints("running\\n"))
        .with("spins.wat", &program("", SPIN));
    let mut command = place.command(&["run", "system.toml"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let out = child.stdout.as_mut().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    assert_eq!(line, "running\n");

    let number = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &number]).status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("task `two` was killed"), "{err}");
    assert!(!err.contains("life 1 begins"), "{err}");
}

/// Owns a page if it gets one of this size.
fn takes(bytes: &str) -> String {
    program(
        "(import \"usufruct\" \"AllocMemBlocks\" (func $alloc (param i32 i32) (result i32)))",
        &format!("(i32.eqz (call $alloc (i32.const {bytes}) (i32.const 0)))"),
    )
}

#[test]
fn tasks_share_a_pool_as_the_plan_says() {
    let place = Place::new("pool").with("takes.wat", &takes("65536"));
    let run = |arguments: &[&str]| place.usufruct(&[&["run"], arguments].concat()).code;
    assert_eq!(run(&["one=takes.wat"]), Some(1), "without a pool");
    assert_eq!(run(&["--pool", "64 KiB", "one=takes.wat"]), Some(0));
    let file = |more: &str| {
        format!(
            "[limits]\npool = \"64 KiB\"\n\
             [[task]]\nname = \"one\"\nfile = \"takes.wat\"\n{more}"
        )
    };
    let place = Place::new("pool_keys")
        .with("takes.wat", &takes("65536"))
        .with("all.toml", &file(""))
        .with("less.toml", &file("pool_quota = \"60 KiB\"\n"))
        .with("none.toml", &file("pool = false\n"))
        .with("kept.toml", &file("pool_reserve = \"64 KiB\"\n"));
    let run = |file| place.usufruct(&["run", file]).code;
    assert_eq!(run("all.toml"), Some(0));
    assert_eq!(run("less.toml"), Some(1));
    assert_eq!(run("none.toml"), Some(1));
    assert_eq!(run("kept.toml"), Some(0));
}
