//! Makes a project that works: a host program, a guest, a system file, a test.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use usufruct_abi::header;
use usufruct_system_file::Fault;

use crate::say::print;

/// What all projects have: the path in the project, and the text.
const COMMON: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("template/Cargo.toml.txt")),
    ("src/lib.rs", include_str!("template/lib.rs.txt")),
    ("src/main.rs", include_str!("template/main.rs.txt")),
    ("tests/count.rs", include_str!("template/test.rs.txt")),
    ("system.toml", include_str!("template/system.toml.txt")),
    ("README.md", include_str!("template/README.md.txt")),
    (".gitignore", include_str!("template/gitignore.txt")),
];

const IN_RUST: &[(&str, &str)] = &[
    ("build.rs", include_str!("template/rust/build.rs.txt")),
    (
        "guest/Cargo.toml",
        include_str!("template/rust/Cargo.toml.txt"),
    ),
    (
        "guest/src/main.rs",
        include_str!("template/rust/main.rs.txt"),
    ),
];

const IN_C: &[(&str, &str)] = &[
    ("build.rs", include_str!("template/c/build.rs.txt")),
    ("guest/main.c", include_str!("template/c/main.c.txt")),
    ("guest/include/sartoris.h", header::SARTORIS),
    ("guest/include/portfolio.h", header::PORTFOLIO),
    ("guest/include/mem.h", header::MEM),
    ("guest/include/serr_name.h", header::SERR_NAME),
];

/// Names of projects that Rust or Cargo has another use for.
const TAKEN: &str = "abstract alloc as async await become box break build const continue core crate deps do dyn else enum \
    examples extern false final fn for gen if impl in incremental let loop macro match mod move mut override priv \
    proc_macro pub ref return self static std struct super test trait true try type typeof unsafe unsized use \
    usufruct virtual where while yield";

/// Make a project: a host program in Rust, a guest, a system file, a test
///
/// The project is a new folder of that name. A command that was built in a checkout of
/// usufruct which is still there makes projects that depend on that checkout; one that was
/// installed, on the release of its version.
#[derive(Args, Debug)]
pub(crate) struct New {
    /// The project's name: lower-case letters, digits, `-` and `_`
    name: String,

    /// The language of the guest
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    guest: Language,

    /// Depend on this checkout of usufruct
    #[arg(long, value_name = "CHECKOUT")]
    path: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    Rust,
    C,
}

impl New {
    /// Makes the folder, whole.
    pub(crate) fn carry_out(&self) -> Result<(), Fault> {
        let name = self.name.as_str();
        if let Some(cause) = name_problem(name) {
            let help = "take another name, such as hello";
            return Err(Fault::new(format!("`{name}`"), cause, help));
        }
        let checkout = self.checkout()?;
        let folder = Path::new(name);
        fs::create_dir(folder).map_err(|cause| {
            let help = "take another name, or go where you may make a folder";
            Fault::new(format!("folder `{name}`"), cause.to_string(), help)
        })?;
        let files = COMMON.iter().chain(self.guest.files());
        for (path, text) in files {
            let path = folder.join(path);
            write(&path, &self.filled_in(text, checkout.as_deref())).map_err(|cause| {
                let help = "make room for it, remove the folder, and try again";
                Fault::new(path.display().to_string(), cause.to_string(), help)
            })?;
        }
        let origin = match &checkout {
            Some(checkout) => format!("the checkout {}", checkout.display()),
            None => format!("release {} of usufruct", env!("CARGO_PKG_VERSION")),
        };
        print(format_args!(
            "made `{name}`, which depends on {origin}\nnext: cd {name} && cargo test && cargo run\n"
        ));
        Ok(())
    }

    /// The checkout to depend on: the one that is asked for, or the one that this command
    /// was built in.
    fn checkout(&self) -> Result<Option<PathBuf>, Fault> {
        let is_checkout = |folder: &Path| folder.join("guest/rust/Cargo.toml").is_file();
        let Some(path) = &self.path else {
            let origin = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
            return Ok(origin
                .filter(|origin| is_checkout(origin))
                .map(Path::to_owned));
        };
        let thing = || format!("--path {}", path.display());
        let whole = fs::canonicalize(path)
            .map_err(|cause| Fault::new(thing(), cause.to_string(), "name a folder"))?;
        if is_checkout(&whole) {
            return Ok(Some(whole));
        }
        let cause = "this is no checkout of usufruct: it has no guest/rust/Cargo.toml";
        Err(Fault::new(
            thing(),
            cause,
            "name the folder that has usufruct's README.md",
        ))
    }

    /// A file of the project, from its text with placeholders.
    fn filled_in(&self, text: &str, checkout: Option<&Path>) -> String {
        let dependency = |folder: &str| match checkout {
            Some(checkout) => format!("{{ path = {} }}", quoted(&checkout.join(folder))),
            None => format!("\"{}\"", env!("CARGO_PKG_VERSION")),
        };
        text.replace("{{name}}", &self.name)
            .replace("{{crate}}", &self.name.replace('-', "_"))
            .replace("{{module}}", &self.guest.module(&self.name))
            .replace("{{source}}", self.guest.source())
            .replace("{{needs}}", self.guest.needs())
            .replace("{{usufruct}}", &dependency("usufruct"))
            .replace("{{usufruct_guest}}", &dependency("guest/rust"))
    }
}

impl Language {
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rust => IN_RUST,
            Self::C => IN_C,
        }
    }

    /// Where the build puts the guest, from the project's folder.
    fn module(self, name: &str) -> String {
        match self {
            Self::Rust => format!("guest/target/wasm32-wasip1/release/{name}-guest.wasm"),
            Self::C => format!("guest/target/{name}-guest.wasm"),
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Rust => "guest/src/main.rs",
            Self::C => "guest/main.c",
        }
    }

    fn needs(self) -> &'static str {
        match self {
            Self::Rust => "Rust and its target wasm32-wasip1 (`rustup target add wasm32-wasip1`)",
            Self::C => {
                "Rust, and a clang for WebAssembly (Debian: `apt-get install clang lld wasi-libc libclang-rt-dev-wasm32`)"
            }
        }
    }
}

/// Why a project can not have this name, if it can not.
fn name_problem(name: &str) -> Option<&'static str> {
    let is_plain = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '_')
    };
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.chars().all(is_plain) {
        return Some("a name begins with a lower-case letter, and has those, digits, `-` and `_`");
    }
    let as_crate = name.replace('-', "_");
    TAKEN
        .split_whitespace()
        .any(|taken| taken == as_crate)
        .then_some("Rust or Cargo has another use for this name")
}

/// A path as a string of TOML.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{COMMON, IN_C, IN_RUST, Language, New};

    fn new(guest: Language) -> New {
        New {
            name: "hello-there".to_owned(),
            guest,
            path: None,
        }
    }

    #[test]
    fn without_a_checkout_a_project_depends_on_this_release() {
        let made = new(Language::Rust).filled_in("{{usufruct}} {{usufruct_guest}}", None);
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(made, format!("\"{version}\" \"{version}\""));
    }

    #[test]
    fn a_checkout_is_named_by_its_path_whatever_that_is() {
        let odd = Path::new(r#"/a "b"\c"#);
        let made = new(Language::C).filled_in("{{usufruct}}", Some(odd));
        assert_eq!(made, r#"{ path = "/a \"b\"\\c/usufruct" }"#);
    }

    #[test]
    fn no_placeholder_is_left_in_any_file() {
        for (language, own) in [(Language::Rust, IN_RUST), (Language::C, IN_C)] {
            for (path, text) in COMMON.iter().chain(own) {
                let made = new(language).filled_in(text, None);
                assert!(!made.contains("{{"), "{path}: {made}");
            }
        }
    }
}
