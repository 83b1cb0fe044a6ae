//! What the command line and the system file may not say: each message, whole, and
//! exit status 2.

mod common;

use common::Place;

/// A system file with one task that is in order.
const TASK: &str = "[[task]]\nname = \"one\"\nfile = \"one.wat\"\n";
/// A program that is in order.
const PROGRAM: &str = "(module (memory (export \"memory\") 1) (func (export \"_start\")))";

/// What is said about a system file with this text.
#[track_caller]
fn refused(test: &str, text: &str, arguments: &[&str], message: &str) {
    let place = Place::new(test)
        .with("system.toml", text)
        .with("one.wat", PROGRAM);
    let said = place.usufruct(&[&["run", "system.toml"], arguments].concat());
    assert_eq!(said.err, format!("error: {message}\n"));
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
}

/// The same, for a key that is added to the task.
#[track_caller]
fn key_refused(test: &str, key: &str, message: &str) {
    let message = format!("system.toml:4: [[task]] `one`, key {message}");
    refused(test, &format!("{TASK}{key}\n"), &[], &message);
}

#[test]
fn a_file_that_is_no_toml_is_refused_at_its_line() {
    refused(
        "no_toml",
        "\n[limits\n",
        &[],
        "system.toml:2: `[limits`: unclosed table, expected `]`\n\
         help: a system file is TOML 1.1, see https://toml.io/en/v1.1.0",
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let said = Place::new("no_file").usufruct(&["run", "none.toml"]);
    let message = "error: none.toml: No such file or directory (os error 2)\n\
                   help: usufruct run SYSTEM.toml, or usufruct run NAME=FILE ...\n";
    assert_eq!((said.code, said.err.as_str()), (Some(2), message));
}

#[test]
fn a_system_without_tasks_is_refused() {
    refused(
        "no_task",
        "",
        &[],
        "system.toml: no task to run\nhelp: add a [[task]] with `name` and `file`",
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_name() {
    key_refused(
        "unknown_key",
        "memry = \"1 MiB\"",
        "`memry`: there is no such key\nhelp: did you mean `memory`?",
    );
    refused(
        "unknown_limit",
        &format!("[limits]\ncolour = 1\n{TASK}"),
        &[],
        "system.toml:2: [limits], key `colour`: there is no such key\n\
         help: the keys here are tasks, smos, messages, workers, pool",
    );
    refused(
        "unknown_table",
        &format!("{TASK}\n[limit]\n"),
        &[],
        "system.toml:5: key `limit`: there is no such key\nhelp: did you mean `limits`?",
    );
}

#[test]
fn a_task_needs_a_name_and_a_file() {
    refused(
        "no_name",
        "[[task]]\nfile = \"one.wat\"\n",
        &[],
        "system.toml:1: [[task]] number 1, key `name`: it is missing\n\
         help: add `name = \"reader\"`",
    );
    refused(
        "no_program",
        "[[task]]\nname = \"one\"\n",
        &[],
        "system.toml:1: [[task]] `one`, key `file`: it is missing\n\
         help: add `file = \"program.wasm\"`",
    );
}

#[test]
fn a_name_is_short_and_nobody_elses() {
    let cases = [
        ("host", "`host` is the program that runs the system"),
        ("", "a name has 1 to 31 bytes, this one has 0"),
        (
            "abcdefghijklmnopqrstuvwxyzabcdef",
            "a name has 1 to 31 bytes, this one has 32",
        ),
        ("a\\tb", "a name has no control characters"),
    ];
    for (name, cause) in cases {
        refused(
            "bad_name",
            &format!("[[task]]\nname = \"{name}\"\nfile = \"one.wat\"\n"),
            &[],
            &format!(
                "system.toml:2: [[task]] number 1, key `name`: {cause}\n\
                 help: give the task another name"
            ),
        );
    }
    refused(
        "name_twice",
        &format!("{TASK}{TASK}"),
        &[],
        "system.toml:5: [[task]] number 2, key `name`: an earlier task has this name\n\
         help: give the task another name",
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_refused() {
    key_refused(
        "args_kind",
        "args = \"a b\"",
        "`args`: this is a string\nhelp: write a list of texts, such as [\"a\", \"b\"]",
    );
    key_refused(
        "arg_kind",
        "args = [1]",
        "`args`: this is an integer\nhelp: write text in quotes",
    );
    key_refused(
        "env_kind",
        "env = { A = 1 }",
        "`env.A`: this is an integer\nhelp: write text in quotes",
    );
    key_refused(
        "restart_kind",
        "restart = true",
        "`restart`: this is a boolean\nhelp: write a whole number from 0 to 4294967295",
    );
    refused(
        "task_kind",
        "[task]\nname = \"one\"\n",
        &[],
        "system.toml:1: key `task`: this is a table\n\
         help: write a list of tables: [[task]], once for each",
    );
}

#[test]
fn numbers_and_sizes_have_a_range() {
    key_refused(
        "time_limit",
        "time_limit_ms = 0",
        "`time_limit_ms`: 0 is out of range\nhelp: write a whole number from 1 to 4294967295",
    );
    key_refused(
        "negative",
        "smos = -1",
        "`smos`: -1 is out of range\nhelp: write a whole number from 0 to 4294967295",
    );
    let help = "help: write a whole number of bytes, KiB, MiB or GiB, such as \"64 MiB\", \
                from 64 KiB to 2097088 KiB";
    for (size, cause) in [
        ("64 MB", "`64 MB` is no size"),
        ("1 KiB", "this is less than a page"),
        ("2 GiB", "this is more than a task can have"),
    ] {
        let key = format!("memory = \"{size}\"");
        key_refused("memory", &key, &format!("`memory`: {cause}\n{help}"));
    }
}

#[test]
fn more_tasks_than_the_limit_are_refused_at_the_one_too_many() {
    refused(
        "one_too_many",
        &format!("[limits]\ntasks = 1\n{TASK}{}", TASK.replace("one", "two")),
        &[],
        "system.toml:6: [[task]] `two`, key `name`: [limits] says that there are at most 1 tasks\n\
         help: raise `tasks` in [limits]",
    );
}

#[test]
fn a_placeholder_needs_its_argument_and_an_argument_its_placeholder() {
    key_refused(
        "too_few",
        "args = [\"in\", \"$2\"]",
        "`args`: it needs argument 2, and 0 followed `--`\n\
         help: usufruct run SYSTEM.toml -- ARG ARG",
    );
    key_refused(
        "no_number",
        "env = { PRICE = \"$x\" }",
        "`env.PRICE`: a `$` stands before something that is no argument's number\n\
         help: write $1 for the first argument after `--`, and $$ for a dollar sign",
    );
    refused(
        "too_many",
        &format!("{TASK}args = [\"$1\"]\n"),
        &["--", "a", "b"],
        "argument 2 after `--`, `b`: system.toml has no $2 that takes it\nhelp: leave it out",
    );
}

#[test]
fn a_directory_must_be_there_and_have_a_path_of_its_own() {
    let dirs = |host: &str| format!("{TASK}dirs = [{{ host = \"{host}\", guest = \"/\" }}]\n");
    refused(
        "no_directory",
        &dirs("none"),
        &[],
        "system.toml:4: [[task]] `one`, dirs number 1, key `host`: `none` is no directory\n\
         help: make the directory, or name another",
    );
    refused(
        "no_directory_argument",
        &dirs("$1"),
        &["--", "one.wat"],
        "system.toml:4: [[task]] `one`, dirs number 1, key `host`: `one.wat` is no directory\n\
         help: make the directory, or name another",
    );
    refused(
        "directory_twice",
        &format!(
            "{TASK}dirs = [{{ host = \".\", guest = \"/\" }},\n {{ host = \".\", guest = \"/\" }}]\n"
        ),
        &[],
        "system.toml:5: [[task]] `one`, dirs number 2, key `guest`: \
         this path in the task is empty or an earlier directory has it\n\
         help: give each directory a path of its own",
    );
}

#[test]
fn the_variable_that_counts_lives_is_not_for_the_system_file() {
    key_refused(
        "life_variable",
        "env = { USUFRUCT_LIFE = \"7\" }",
        "`env.USUFRUCT_LIFE`: usufruct itself sets this variable\n\
         help: take another name for the variable",
    );
}

#[test]
fn a_pool_that_can_not_be_is_refused() {
    key_refused(
        "pool_key",
        "pool_quota = \"much\"",
        "`pool_quota`: `much` is no size\n\
         help: write a whole number of bytes, KiB, MiB or GiB, such as \"64 MiB\"",
    );
    let place = Place::new("pool_option").with("one.wat", PROGRAM);
    let said = place.usufruct(&["run", "--pool", "3 GiB", "one=one.wat"]);
    let message = "error: this machine: a pool of 3221225472 bytes can not be; \
                   give it 1 byte to 2147483648 bytes\n";
    assert_eq!((said.code, said.err.as_str()), (Some(2), message));
    let said = place.usufruct(&["run", "--pool", "a lot", "one=one.wat"]);
    let message = "error: --pool a lot: this is no size\n\
                   help: write a whole number of bytes, KiB, MiB or GiB, such as \"64 MiB\"\n";
    assert_eq!((said.code, said.err.as_str()), (Some(2), message));
    let place = place.with(
        "no_pool.toml",
        "[[task]]\nname = \"one\"\nfile = \"one.wat\"\npool = true\n",
    );
    let said = place.usufruct(&["run", "no_pool.toml"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("and this system has none"),
        "{}",
        said.err
    );
    let said = place.usufruct(&["run", "--pool", "64 KiB", "no_pool.toml"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}

#[test]
fn the_command_line_says_which_of_its_words_is_wrong() {
    let place = Place::new("command_line").with("one.wat", PROGRAM);
    let cases: [(&[&str], &str); 3] = [
        (
            &["run", "one=one.wat", "two"],
            "error: `two`: this is no NAME=FILE\n\
             help: usufruct run SYSTEM.toml, or usufruct run NAME=FILE ...\n",
        ),
        (
            &["run", "one=one.wat", "one=one.wat"],
            "error: `one=one.wat`: an earlier task has this name\n\
             help: give the task another name\n",
        ),
        (
            &["run", "host=one.wat"],
            "error: `host=one.wat`: `host` is the program that runs the system\n\
             help: give the task another name\n",
        ),
    ];
    for (arguments, message) in cases {
        let said = place.usufruct(arguments);
        assert_eq!((said.code, said.err.as_str()), (Some(2), message));
    }
    for arguments in [&["run"][..], &[], &["walk"], &["run", "--colour", "a=b"]] {
        assert_eq!(place.usufruct(arguments).code, Some(2), "{arguments:?}");
    }
}
