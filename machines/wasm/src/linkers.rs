//! Everything that modules may import, for each of the engines that they may be
//! compiled by.

use std::sync::Arc;

use usufruct_core::Thread;
use wasmtime::{Engine, ExternType, Linker, Store};

use crate::config::Config;
use crate::engine::Beginning;
use crate::import::Imports;
use crate::link;
use crate::machine::Shared;
use crate::program::{Known, LoadError, USUFRUCT};
use crate::state::Guest;
use crate::wasi;

/// The same functions twice, and what they are.
pub(crate) struct Linkers {
    copied: Linker<Guest>,
    shared: Linker<Guest>,
    /// As a list for the validator.
    pub(crate) known: Known,
}

impl Linkers {
    /// What every module may import.
    pub(crate) fn new(
        engines: &[Engine; 2],
        config: &Config,
        shared: &Arc<Shared>,
    ) -> wasmtime::Result<Self> {
        let [of_copied, of_shared] = engines;
        let linker = linker(of_copied, config)?;
        Ok(Self {
            known: known(&linker, shared),
            copied: linker,
            shared: self::linker(of_shared, config)?,
        })
    }

    /// The same, and functions of the host's besides.
    ///
    /// # Errors
    ///
    /// [`LoadError::NameTaken`].
    pub(crate) fn with(&self, imports: &Imports, shared: &Arc<Shared>) -> Result<Self, LoadError> {
        let with = |linker: &Linker<Guest>| {
            let mut linker = linker.clone();
            let defined = imports.define(&mut linker);
            defined.map_err(|(module, name)| LoadError::NameTaken { module, name })?;
            Ok(linker)
        };
        let copied = with(&self.copied)?;
        Ok(Self {
            known: known(&copied, shared),
            copied,
            shared: with(&self.shared)?,
        })
    }

    pub(crate) fn of(&self, beginning: Beginning) -> &Linker<Guest> {
        match beginning {
            Beginning::Copied => &self.copied,
            Beginning::Shared => &self.shared,
        }
    }
}

fn linker(engine: &Engine, config: &Config) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    link::add_to_linker(&mut linker)?;
    wasi::add_to_linker(&mut linker)?;
    if let Some(add) = &config.imports {
        add(&mut linker)?;
    }
    Ok(linker)
}

/// usufruct's own calls are listed as modules import them, before the loader
/// changes the copies.
fn known(linker: &Linker<Guest>, shared: &Arc<Shared>) -> Known {
    let mut known = Known::usufruct();
    let mut store = idle_store(linker.engine(), shared);
    let functions: Vec<_> = linker.iter(&mut store).collect();
    for (module, name, item) in functions {
        if let ExternType::Func(ty) = item.ty(&store)
            && module != USUFRUCT
        {
            known.insert_wasmtime(module, name, &ty);
        }
    }
    known
}

/// A Store that runs nothing: the linker shows its types in one only.
pub(crate) fn idle_store(engine: &Engine, shared: &Arc<Shared>) -> Store<Guest> {
    let host: Thread = shared.kernel().host();
    let bell = Arc::default();
    Store::new(engine, Guest::new(shared.clone(), host, bell, None, 0))
}
