//! Several threads at once, of a task and of several, and the time that passes.

use std::fs;
use std::io::{self, Write};
use std::time::{Duration, Instant};
use usufruct_x86_64_rig::{Ended, Order, Outputs, Setup, compile, pack, programs_folder, run};

use super::{DIRS, Folder, PATIENCE, one_task, packed, run_packed};

/// On at least two processors, or the one would be preempted in no read.
#[test]
fn a_read_is_aborted_by_who_takes_its_pages() {
    let folder = Folder::new("abort");
    let words = (0..500_000_u64).flat_map(|word| (word * 8).to_le_bytes());
    fs::write(folder.path("in/a"), words.collect::<Vec<_>>()).unwrap();
    let packed = packed(&folder, &one_task(r#""abort", "/in/a""#, DIRS), &[]);
    let setup = Setup {
        megabytes: packed.megabytes(),
        ..Setup::USUAL
    };
    let said = run_packed(&packed, setup, PATIENCE);
    assert_eq!(said.ended, Ended::Succeeded, "{said:?}");
}

#[test]
fn threads_of_a_task_run_on_different_processors_at_one_time() {
    let folder = Folder::new("threads");
    let packed = packed(&folder, &one_task(r#""threads""#, ""), &[]);
    let megabytes = packed.megabytes();
    for processors in [2, 4] {
        let setup = Setup {
            megabytes,
            processors,
            ..Setup::USUAL
        };
        let said = run_packed(&packed, setup, PATIENCE);
        assert_eq!(said.ended, Ended::Succeeded, "{processors}: {said:?}");
    }
}

/// The guest library's threads: answers come back, and a stack that is used up is a fault at
/// the page below, not a store to what lies there.
#[test]
fn threads_of_the_guest_library_have_answers_and_stacks_that_end() {
    let folder = Folder::new("closures");
    let run = |arguments: &str| {
        let text = format!("[[task]]\nname = \"one\"\nfile = \"threads\"\nargs = [{arguments}]\n");
        let path = folder.path("system.toml");
        fs::write(&path, text).unwrap();
        let order = Order {
            path: path.to_str().unwrap().to_owned(),
            arguments: Vec::new(),
            programs: Some(programs_folder().join("examples")),
        };
        let packed = pack(&order).unwrap_or_else(|fault| panic!("{fault}"));
        let setup = Setup {
            megabytes: packed.megabytes(),
            ..Setup::stated()
        };
        run_packed(&packed, setup, PATIENCE)
    };
    let said = run("");
    assert_eq!(said.ended, Ended::Succeeded, "{said:?}");
    // 50 times the sum of the numbers below 4,000.
    assert_eq!(said.output, "399900000\n");
    // All of a stack may be used, and nobody gets it meanwhile.
    let said = run(r#""full""#);
    assert_eq!(said.ended, Ended::Succeeded, "{said:?}");
    let said = run(r#""deep""#);
    assert_eq!(said.ended, Ended::Failed, "{said:?}");
    // A store where nothing is; at the program it would be 0x7.
    assert!(said.errors.contains("(page fault, error 0x6)"), "{said:?}");
}

/// In C: a frame that is larger than the page below a stack faults there too, and the heap
/// behind it is as it was; and `printf` says when a stream has not taken its text.
#[test]
fn programs_in_c_are_told_what_failed() {
    const SOURCE: &str = r#"
        #include <native.h>
        #include <stdio.h>
        static FILE nowhere = 9;
        static void deep(void *unused) {
            volatile char frame[64 << 10];
            (void)unused;
            frame[0] = 1;
            printf("overwritten\n");
            exit(frame[0]);
        }
        int main(int count, char **arguments, char **variables) {
            (void)count, (void)arguments, (void)variables;
            if (fprintf(&nowhere, "text") != -1 || printf("told\n") != 5)
                return 2;
            if (grow_memory(128 << 10) < 0)
                return 3;
            long begin = grow_stack(16 << 10);
            if (begin < 0 || spawn_thread(deep, (char *)begin + (16 << 10), NULL) < 0)
                return 4;
            for (;;)
                yield_turn();
        }"#;
    let folder = Folder::new("frames");
    let source = folder.path("frames.c");
    fs::write(&source, SOURCE).unwrap();
    compile(&folder.path("frames"), &[source.to_str().unwrap()]);
    let path = folder.path("system.toml");
    fs::write(&path, "[[task]]\nname = \"one\"\nfile = \"frames\"\n").unwrap();
    let order = Order {
        path: path.to_str().unwrap().to_owned(),
        arguments: Vec::new(),
        programs: Some(folder.path("")),
    };
    let packed = pack(&order).unwrap_or_else(|fault| panic!("{fault}"));
    let setup = Setup {
        megabytes: packed.megabytes(),
        ..Setup::stated()
    };
    let said = run_packed(&packed, setup, PATIENCE);
    assert_eq!(said.output, "told\n", "{said:?}");
    assert_eq!(said.ended, Ended::Failed, "{said:?}");
    assert!(said.errors.contains("(page fault, error 0x"), "{said:?}");
}

/// A life that is taken for a success would be the last one. Many lives of some tasks at once,
/// for it takes two ends within less than a microsecond.
#[test]
fn a_failure_is_one_whatever_the_other_threads_do() {
    let folder = Folder::new("exit_both");
    let names = ["a", "b", "c", "d"];
    let task = |name| {
        format!(
            "[[task]]\nname = \"{name}\"\nfile = \"actor\"\n\
             args = [\"exit_both\", \"7\"]\nrestart = 200\n"
        )
    };
    let packed = packed(&folder, &names.map(task).concat(), &[]);
    let setup = Setup {
        megabytes: packed.megabytes(),
        processors: names.len(),
        ..Setup::USUAL
    };
    let said = run_packed(&packed, setup, PATIENCE);
    assert_eq!(said.ended, Ended::Failed, "{said:?}");
    for name in names {
        let end = format!("`{name}` (exited with status 7)");
        assert!(said.errors.contains(&end), "{said:?}");
    }
}

/// Notes when it was written to first and last.
#[derive(Debug, Default)]
struct Stopwatch(Option<(Instant, Instant)>);

impl Write for Stopwatch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let now = Instant::now();
        self.0.get_or_insert((now, now)).1 = now;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The kernel takes no tick while it writes.
#[test]
fn the_clock_goes_right_while_a_task_writes() {
    let folder = Folder::new("clock");
    let packed = packed(&folder, &one_task(r#""flood", "1500""#, ""), &[]);
    let setup = Setup {
        megabytes: packed.megabytes(),
        ..Setup::stated()
    };
    let mut outputs = Outputs {
        output: Stopwatch::default(),
        errors: Vec::new(),
    };
    let ended = run((&packed, setup), PATIENCE, &mut outputs).unwrap();
    assert_eq!(ended, Ended::Succeeded);
    let (first, last) = outputs.output.0.expect("it has written");
    let took = last - first;
    let right = Duration::from_millis(1000)..Duration::from_millis(2200);
    assert!(right.contains(&took), "{took:?} are none of 1.5 s");
}

/// On two processors: frames come back without keeping others from the free ones.
#[test]
fn the_end_of_a_large_task_keeps_nobody_from_memory() {
    let folder = Folder::new("large");
    let text = r#"
        [[task]]
        name = "large"
        file = "actor"
        args = ["large", "60000", "15"]
        memory = "80 MiB"
        restart = 15
        [[task]]
        name = "other"
        file = "actor"
        args = ["keep_growing", "large", "16"]
        memory = "200 MiB"
    "#;
    let packed = packed(&folder, text, &[]);
    let setup = Setup {
        megabytes: packed.megabytes(),
        ..Setup::USUAL
    };
    let said = run_packed(&packed, setup, PATIENCE);
    assert_eq!(said.ended, Ended::Succeeded, "{said:?}");
}
