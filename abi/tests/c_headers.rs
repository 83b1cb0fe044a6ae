//! The C headers say what the Rust crate says, and the two documents' prototypes, verbatim,
//! compile against them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use usufruct_abi::header::{PORTFOLIO, SARTORIS};
use usufruct_abi::{Error, Number, PortfolioError};

const RUST_CONSTANTS: &str = include_str!("../src/constant.rs");
const RUST_NUMBERS: &str = include_str!("../src/number.rs");

/// From Sartoris's document on shared memory objects, letter for letter.
const SARTORIS_DOCUMENT: &[&str] = &[
    "int share_mem(int target_task, void *addr, int size, int perms)",
    "int claim_mem(int smo_id)",
    "int pass_mem(int smo_id, int target_task)",
    "int read_mem(int smo_id, int off, int size, void *dest)",
    "int write_mem(int smo_id, int off, int size, void *src)",
];

/// From Portfolio's document on ControlMem, letter for letter.
const PORTFOLIO_DOCUMENT: &str = "Err ControlMem( void *p, int32 size, int32 cmd, Item task )";

/// Numbers by the names that C gives them.
type Names = BTreeMap<String, i64>;

/// Every `#define NAME number`, also where a cast or parentheses surround it.
fn defined_in(header: &str) -> Names {
    let definitions = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define "));
    let words = definitions.filter_map(|line| line.split_once(' '));
    let numbers = words.filter(|(name, _)| !name.contains('('));
    numbers
        .map(|(name, value)| (name.to_owned(), number(value)))
        .collect()
}

fn number(text: &str) -> i64 {
    let signed_word = text.contains("(Err)");
    let digits = text.replace("(Err)", "").replace(['(', ')', '_', ';'], "");
    let value = match digits.trim().strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => digits.trim().parse(),
    };
    let value = value.unwrap_or_else(|_| panic!("{text:?} is no number"));
    if signed_word {
        i64::from(u32::try_from(value).unwrap().cast_signed())
    } else {
        value
    }
}

/// Every `pub const NAME: type = number;` of `constant.rs`.
fn rust_constants() -> Names {
    let lines = RUST_CONSTANTS
        .lines()
        .filter_map(|line| line.strip_prefix("pub const "));
    let parts = lines.map(|line| {
        let (name, rest) = line.split_once(':').expect("a constant has a type");
        let (_, value) = rest.split_once('=').expect("a constant has a value");
        (name.to_owned(), number(value))
    });
    parts.collect()
}

fn call_name(call: Number) -> String {
    let page_call = call as u32 >= 64;
    let name = if page_call {
        call.name().to_owned()
    } else {
        call.name().to_uppercase()
    };
    format!("CALL_{name}")
}

#[test]
fn headers_define_every_number_of_the_crate_and_no_other() {
    let mut in_rust = rust_constants();
    in_rust.extend(
        Error::ALL
            .iter()
            .map(|error| (error.name().to_owned(), error.code().into())),
    );
    in_rust.extend(
        PortfolioError::ALL
            .iter()
            .map(|error| (error.name().to_owned(), error.code().into())),
    );
    in_rust.extend(
        Number::ALL
            .iter()
            .map(|call| (call_name(*call), i64::from(*call as u32))),
    );

    let mut in_c = defined_in(SARTORIS);
    let twice: Vec<String> = defined_in(PORTFOLIO)
        .into_keys()
        .filter(|name| in_c.contains_key(name))
        .collect();
    assert!(twice.is_empty(), "defined in both headers: {twice:?}");
    in_c.extend(defined_in(PORTFOLIO));

    assert_eq!(in_c, in_rust);
}

#[test]
fn headers_declare_every_call_with_as_many_words_and_no_other() {
    let declared = |header: &str| -> Vec<(String, usize)> {
        let calls = header
            .lines()
            .filter(|line| line.contains("CALL(") && line.ends_with(");"));
        calls.map(declaration).collect()
    };
    let mut in_c = declared(SARTORIS);
    in_c.extend(declared(PORTFOLIO));
    let in_rust: Vec<(String, usize)> = Number::ALL
        .iter()
        .map(|call| (call.name().to_owned(), call.arguments()))
        .collect();
    assert_eq!(in_c, in_rust);
}

/// The import's name, which must be the function's, and how many parameters it has.
fn declaration(line: &str) -> (String, usize) {
    let (_, rest) = line.split_once('(').expect("the attribute comes first");
    let (import, prototype) = rest.split_once(") ").expect("then the prototype");
    let (head, parameters) = prototype.split_once('(').expect("of a function");
    let name = head.rsplit([' ', '*']).next().expect("which has a name");
    assert_eq!(import, name, "imported under its own name");
    let count = if parameters.starts_with("void)") {
        0
    } else {
        parameters.split(',').count()
    };
    (name.to_owned(), count)
}

/// The prototypes in the crate's own documentation of each call.
fn prototypes_in_rust() -> Vec<&'static str> {
    let lines = RUST_NUMBERS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("/// `"));
    let prototypes: Vec<&str> = lines.filter_map(|line| line.strip_suffix('`')).collect();
    assert_eq!(
        prototypes.len(),
        Number::ALL.len(),
        "each call states its prototype"
    );
    prototypes
}

/// A C program that declares everything once more: a contradiction does not compile.
fn program() -> String {
    let mut text = String::from("#include \"sartoris.h\"\n#include \"mem.h\"\n");
    let documents = SARTORIS_DOCUMENT
        .iter()
        .copied()
        .chain([PORTFOLIO_DOCUMENT]);
    for prototype in documents.chain(prototypes_in_rust()) {
        text += &format!("{prototype};\n");
    }
    for (name, value) in defined_in(SARTORIS)
        .into_iter()
        .chain(defined_in(PORTFOLIO))
    {
        text += &format!("_Static_assert({name} == {value}, \"{name}\");\n");
    }
    text += "_Static_assert(sizeof(MemInfo) == 16, \"MemInfo is four words\");\n";
    text += "_Static_assert(sizeof(int) == 4, \"int is a word\");\n";
    text
}

/// What the compiler says to a program; empty if nothing.
fn compile(compiler: &str, flags: &[&str], program: &str) -> std::io::Result<String> {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let mut child = Command::new(compiler)
        .args(flags)
        .args([
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-fsyntax-only",
            "-I",
        ])
        .arg(include)
        .args(["-x", "c", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(program.as_bytes())?;
    let output = child.wait_with_output()?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(if output.status.success() {
        String::new()
    } else {
        format!("{compiler} {flags:?}: {words}")
    })
}

#[test]
fn documents_prototypes_compile_against_the_headers() {
    let words = compile("cc", &["-std=c11"], &program()).expect("a C compiler named `cc` is there");
    assert_eq!(words, "");
    let headers_alone = "#include <sartoris.h>\n#include <portfolio.h>\nint unused;\n";
    assert_eq!(compile("cc", &["-std=c99"], headers_alone).expect("cc"), "");
}

#[test]
fn documents_prototypes_compile_for_webassembly() {
    match compile(
        "clang",
        &["-std=c11", "--target=wasm32", "-ffreestanding"],
        &program(),
    ) {
        Ok(words) => assert_eq!(words, ""),
        Err(cause) => eprintln!("SKIPPED: headers for WebAssembly (no clang: {cause})"),
    }
}

/// The test above would see a difference.
#[test]
fn a_contradicting_prototype_does_not_compile() {
    let program = program().replace("int claim_mem(int smo_id);", "int claim_mem(long smo_id);");
    let words = compile("cc", &["-std=c11"], &program).expect("a C compiler named `cc` is there");
    assert!(words.contains("claim_mem"), "{words}");
}

#[test]
fn c_programs_can_name_every_error_and_no_other() {
    let names = usufruct_abi::header::SERR_NAME.lines().filter_map(|line| {
        let line = line.trim();
        line.strip_prefix("SERR_NAME(")?.strip_suffix(");")
    });
    let in_rust: Vec<&str> = Error::ALL.iter().map(|error| error.name()).collect();
    assert_eq!(names.collect::<Vec<_>>(), in_rust);
}
