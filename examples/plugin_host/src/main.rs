//! An editor without a screen: it has plug-ins change the selection of a text, one
//! after the other, and prints the text.
//!
//! ```text
//!   main.rs     the command line, and what is said about a plug-in
//!   editor.rs   a document, lent to a plug-in for one edit
//! ```

mod editor;

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::editor::{Editor, Selection};

/// Have plug-ins edit the selection of a text, one after the other, and print the text
///
/// The exit status is 0 if every edit stands, 1 if a plug-in misbehaved (its edit is
/// discarded, the others go on), 2 if the command line or a file is not in order.
#[derive(Debug, Parser)]
struct Arguments {
    /// The text
    text: PathBuf,

    /// What the plug-ins may change: from byte START to before byte END, as START..END
    selection: Selection,

    /// Programs for WebAssembly; what stands behind a `:` is an argument, `FILE:ARGUMENT`
    #[arg(required = true)]
    plugins: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::from(2)
        }
    }
}

/// Whether every plug-in's edit stands.
fn run(arguments: &Arguments) -> Result<bool, String> {
    let read = |path: &PathBuf| {
        fs::read(path).map_err(|error| {
            format!(
                "'{}' can not be read: {error}; name another file",
                path.display()
            )
        })
    };
    let text = read(&arguments.text)?;
    let mut editor = Editor::new(text, &arguments.selection).map_err(|error| error.to_string())?;
    let mut all_stand = true;
    for plugin in &arguments.plugins {
        let (path, argument) = plugin
            .split_once(':')
            .map_or((plugin.as_str(), None), |(path, argument)| {
                (path, Some(argument))
            });
        let path = PathBuf::from(path);
        let module = read(&path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let edit = editor.edit(&name, &module, argument);
        for line in String::from_utf8_lossy(&edit.said).lines() {
            eprintln!("{name} says: {line}");
        }
        if let Err(misbehaviour) = edit.outcome {
            eprintln!("plug-in '{name}' misbehaved, and its edit is discarded: {misbehaviour}");
            all_stand = false;
        }
    }
    // Whoever has closed standard output does not want the text.
    let _ = io::stdout().write_all(editor.text());
    Ok(all_stand)
}
