//! Kernels: several in a process, waited for by threads and by executors, with
//! functions of the host's, and with what they have compiled kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use usufruct::{
    Capture, Error, HostError, Imports, Kernel, LoadError, MakeError, Output, Reason, StartError,
};

/// Exits with the status that it is named after.
fn exits_with(status: i32) -> String {
    format!(
        r#"(module (memory (export "memory") 1) (func (export "main") (result i32) i32.const {status}))"#
    )
}

const SPINS: &str = r#"(module (memory (export "memory") 1) (func (export "main") (loop (br 0))))"#;

/// Sends (its id, 7, 0, 0) to port 3 of the host.
const SENDS: &str = r#"(module
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_current_task" (func $own (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "host")
  (func (export "main") (result i32)
    (i32.store (i32.const 16) (call $own)) (i32.store (i32.const 20) (i32.const 7))
    (call $send (call $find (i32.const 0) (i32.const 4)) (i32.const 3) (i32.const 16))))"#;

fn kernel() -> Kernel {
    Kernel::builder().workers(2).build().unwrap()
}

#[test]
fn an_end_is_waited_for_without_any_runtime() {
    let kernel = kernel();
    let program = kernel.load(exits_with(3)).unwrap();
    let task = kernel.task("three", &program).spawn().unwrap();
    assert_eq!(pollster::block_on(task.wait()).ending.status, 3);
    assert_eq!(task.join().ending.status, 3);
    let spins = kernel.load(SPINS).unwrap();
    let spins = kernel.task("spins", &spins).spawn().unwrap();
    assert!(spins.join_for(Duration::from_millis(5)).is_none());
    assert!(spins.join_for(Duration::ZERO).is_none());
    assert_eq!(kernel.tasks().len(), 1);
    spins.kill();
    assert_eq!(
        spins.join_for(Duration::MAX).unwrap().ending.reason,
        Reason::Killed
    );
}

#[test]
fn an_end_and_a_message_are_waited_for_in_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(in_tokio());
}

async fn in_tokio() {
    let kernel = kernel();
    let port = kernel.host().open_port(3).unwrap();
    let program = kernel.load(SENDS).unwrap();
    let task = kernel.task("sends", &program).spawn().unwrap();
    let message = port.receive().await.unwrap();
    let report = task.wait().await;
    assert_eq!(message.sender, Some(task.id()));
    assert_eq!(message.words, [task.id().raw(), 7, 0, 0]);
    assert!(report.is_success(), "{report}");
    let nothing = tokio::time::timeout(Duration::from_millis(5), port.receive());
    assert!(nothing.await.is_err());
    // To block is allowed there too; it holds up that thread alone.
    assert!(task.join().is_success());
}

#[test]
fn several_ports_are_waited_on_at_once() {
    let kernel = kernel();
    let host = kernel.host();
    let ports: Vec<_> = (0..4).map(|port| host.open_port(port).unwrap()).collect();
    assert!(host.open_port(2).is_err(), "it is open already");
    std::thread::scope(|scope| {
        let waiters: Vec<_> = ports
            .iter()
            .map(|port| scope.spawn(|| port.wait().unwrap().words[0]))
            .collect();
        std::thread::sleep(Duration::from_millis(10));
        for port in (0..4).rev() {
            host.send(host.id(), port, [i32::from(port) + 40, 0, 0, 0])
                .unwrap();
        }
        let said: Vec<_> = waiters
            .into_iter()
            .map(|waiter| waiter.join().unwrap())
            .collect();
        assert_eq!(said, [40, 41, 42, 43]);
    });
    assert_eq!(ports[0].try_receive().unwrap(), None);
    drop(ports);
    host.open_port(2).unwrap();
}

#[test]
fn run_goes_on_until_nobody_is_left() {
    let kernel = kernel();
    kernel.run();
    let program = kernel.load(exits_with(0)).unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            kernel
                .task(format!("task {number}"), &program)
                .spawn()
                .unwrap()
        })
        .collect();
    kernel.run();
    assert!(tasks.iter().all(|task| task.report().is_some()));
    assert!(kernel.tasks().is_empty());
}

#[test]
fn kernels_know_nothing_of_each_other() {
    let (one, other) = (kernel(), kernel());
    let spins = one.load(SPINS).unwrap();
    let spins = one.task("spins", &spins).spawn().unwrap();
    assert_eq!(other.host().find_task("spins"), None);
    let program = other.load(exits_with(1)).unwrap();
    assert_eq!(
        other
            .task("spins", &program)
            .spawn()
            .unwrap()
            .join()
            .ending
            .status,
        1
    );
    drop(other);
    assert_eq!(one.host().find_task("spins"), Some(spins.id()));
    drop(one);
    assert_eq!(spins.join().ending.reason, Reason::Killed);
}

#[test]
fn what_outlives_its_kernel_does_no_harm() {
    let kernel = Kernel::builder()
        .workers(1)
        .pool_bytes(1 << 16)
        .build()
        .unwrap();
    let host = kernel.host().clone();
    let buffer = host.buffer_of(b"bytes").unwrap();
    let share = buffer
        .share_all(host.id(), usufruct::Permissions::READ)
        .unwrap();
    let mut pages = host.pages(1).unwrap();
    let port = host.open_port(0).unwrap();
    drop(kernel);
    assert_eq!(
        host.object(share.id().raw()).unwrap().to_vec().unwrap(),
        b"bytes"
    );
    assert_eq!(pages.freeze().unwrap()[0], 0);
    assert_eq!(port.wait_for(Duration::from_millis(1)).unwrap(), None);
    assert_eq!(buffer.to_vec(), b"bytes");
}

#[test]
fn a_program_gets_the_hosts_functions_that_it_is_given_and_no_others() {
    const ADDS: &str = r#"(module
      (import "editor" "checksum" (func $sum (param i32 i32) (result i64)))
      (import "editor" "tell" (func $tell (param i32)))
      (memory (export "memory") 1) (data (i32.const 8) "abc")
      (func (export "main") (result i32)
        (call $tell (i32.const 100))
        (i32.add (i32.wrap_i64 (call $sum (i32.const 8) (i32.const 3)))
          (i32.load8_u (i32.const 100)))))"#;
    let kernel = kernel();
    let calls = Arc::new(AtomicU32::new(0));
    let seen = calls.clone();
    let imports = Imports::new()
        .with("editor", "checksum", |caller, (start, len): (u32, u32)| {
            let mut bytes = vec![0; len as usize];
            caller.read(start, &mut bytes)?;
            Ok(bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>())
        })
        .with("editor", "tell", move |caller, (at,): (u32,)| {
            seen.store(caller.task().raw().cast_unsigned(), Ordering::Relaxed);
            Ok(caller.write(at, &[1])?)
        });
    assert!(matches!(kernel.load(ADDS), Err(LoadError::Imports(missing)) if missing.len() == 2));
    let program = kernel.load_with(ADDS, &imports).unwrap();
    let task = kernel.task("adds", &program).spawn().unwrap();
    let report = task.join();
    assert_eq!(report.ending.status, 97 + 98 + 99 + 1, "{report}");
    assert_eq!(
        calls.load(Ordering::Relaxed),
        task.id().raw().cast_unsigned()
    );
    let taken = Imports::new().with("usufruct", "read_mem", |_, (): ()| Ok(()));
    assert!(matches!(
        kernel.load_with(ADDS, &taken),
        Err(LoadError::NameTaken { .. })
    ));
}

#[test]
fn a_function_of_the_hosts_may_end_its_caller_and_sees_its_memory_only() {
    const ASKS: &str = r#"(module
      (import "host" "look" (func $look (param i32 i32)))
      (memory (export "memory") 1)
      (func (export "main") (call $look (i32.const 65530) (i32.const 100))))"#;
    let kernel = kernel();
    let imports = Imports::new().with("host", "look", |caller, (start, len): (u32, u32)| {
        let mut bytes = vec![0; len as usize];
        assert!(matches!(
            caller.write(start, &bytes),
            Err(HostError::Denied(_))
        ));
        assert!(caller.write(u32::MAX, &[0; 2]).is_err());
        Ok(caller.read(start, &mut bytes)?)
    });
    let program = kernel.load_with(ASKS, &imports).unwrap();
    let report = kernel.task("asks", &program).spawn().unwrap().join();
    assert_eq!(report.ending.reason, Reason::Trap);
    assert!(report.text.contains("not the caller's memory"), "{report}");
}

fn place(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    folder
}

/// A module that takes the compiler some tens of milliseconds.
fn long_module() -> String {
    let functions: String = (0..1500)
        .map(|number| {
            format!("(func (export \"f{number}\") (param i32) (result i32) (i32.mul (i32.add (local.get 0) (i32.const {number})) (i32.load (local.get 0))))")
        })
        .collect();
    format!(
        r#"(module (memory (export "memory") 1) {functions} (func (export "main") (result i32) i32.const 9))"#
    )
}

#[test]
fn what_is_compiled_is_kept_and_taken_by_the_next_kernel() {
    let folder = place("cache");
    let module = long_module();
    let timed = |folder: &Path| {
        let kernel = Kernel::builder().workers(1).cache(folder).build().unwrap();
        let begun = Instant::now();
        let program = kernel.load(&module).unwrap();
        let took = begun.elapsed();
        let report = kernel.task("nine", &program).spawn().unwrap().join();
        assert_eq!(report.ending.status, 9);
        took
    };
    let files = |folder: &Path| walk(folder).len();
    let first = timed(&folder);
    let kept = files(&folder);
    assert!(kept > 0, "something has been kept");
    let second = timed(&folder);
    assert!(second < first, "{second:?} after {first:?}");
    // What is broken is compiled again.
    for file in walk(&folder) {
        fs::write(file, b"no code").unwrap();
    }
    timed(&folder);
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[test]
fn errors_say_the_way_out() {
    let no_workers = Kernel::builder().workers(0).build().unwrap_err();
    assert!(matches!(no_workers, StartError::Workers));
    let relative = Kernel::builder().cache("not/absolute").build().unwrap_err();
    assert!(relative.to_string().contains("absolute"), "{relative}");
    let kernel = kernel();
    let program = kernel.load(exits_with(0)).unwrap();
    let unnamed = kernel.task("", &program).spawn().unwrap_err();
    assert!(unnamed.to_string().contains("1 to 31 bytes"), "{unnamed}");
    let no_pool = kernel
        .task("a", &program)
        .attached(true)
        .spawn()
        .unwrap_err();
    assert!(matches!(no_pool, MakeError::NoPool { .. }));
    let nothing: Error = kernel.load(b"").unwrap_err().into();
    assert!(nothing.to_string().contains("empty"), "{nothing}");
}

#[test]
fn a_task_gets_what_it_is_given() {
    // Writes its first argument to standard output.
    const ECHO: &str = r#"(module
      (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (drop (call $args (i32.const 0) (i32.const 64)))
        (i32.store (i32.const 32) (i32.load (i32.const 0))) (i32.store (i32.const 36) (i32.const 5))
        (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 48)))))"#;
    let kernel = kernel();
    let program = kernel.load(ECHO).unwrap();
    let output = Capture::new(100);
    let task = kernel
        .task("echo", &program)
        .argument("hello")
        .variable("A", "b")
        .memory_bytes(1 << 16)
        .objects(8)
        .stdout(Output::Capture(output.clone()))
        .spawn()
        .unwrap();
    assert!(task.join().is_success());
    assert_eq!(output.contents(), b"hello");
    let small = kernel.task("small", &program).memory_bytes(1).spawn();
    assert!(matches!(small, Err(MakeError::Memory { .. })));
}
