//! Functions of the host's that a program may import beside usufruct's calls and
//! WASI. They see their caller's memory as copies: a slice of it would be a data
//! race, for other tasks may be storing there.

use std::error::Error;
use std::fmt;
use std::future::ready;
use std::sync::Arc;

use usufruct_core::{Access, Denied, Machine as _, Span, TaskId};
use wasmtime::{Linker, WasmRet, WasmTyList};

use crate::host::HostError;
use crate::program::USUFRUCT;
use crate::state::Guest;

/// Why a function of the host's ends the task that has called it.
pub type Trap = Box<dyn Error + Send + Sync>;

/// The parameters of a function of the host's: a tuple of `i32`, `u32`, `i64`,
/// `u64`, `f32` and `f64`, empty or not.
pub trait Parameters: WasmTyList + 'static {}

impl<T: WasmTyList + 'static> Parameters for T {}

/// What a function of the host's returns: one such number, or nothing.
pub trait Results: WasmRet + Send + 'static {}

impl<T: WasmRet + Send + 'static> Results for T {}

type Define = dyn Fn(&mut Linker<Guest>) -> wasmtime::Result<()> + Send + Sync;

/// Functions of the host's, by module and name.
///
/// ```
/// use usufruct_wasm::Imports;
///
/// let imports = Imports::new().with("clock", "now", |_, (): ()| Ok(42_u64));
/// ```
#[derive(Clone, Default)]
pub struct Imports(Vec<Import>);

#[derive(Clone)]
struct Import {
    module: String,
    name: String,
    define: Arc<Define>,
}

impl Imports {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function. It runs on a worker in the task's turn, so it must not
    /// block; an error, and a panic, end the task.
    #[must_use]
    pub fn with<P: Parameters, R: Results>(
        mut self,
        module: &str,
        name: &str,
        function: impl Fn(&mut Caller<'_>, P) -> Result<R, Trap> + Send + Sync + 'static,
    ) -> Self {
        let function = Arc::new(function);
        let names = (module.to_owned(), name.to_owned());
        let define = move |linker: &mut Linker<Guest>| {
            let function = function.clone();
            linker.func_wrap_async(&names.0, &names.1, move |caller, parameters: P| {
                let answer = function(&mut Caller(caller), parameters);
                Box::new(ready(answer.map_err(wasmtime::Error::from_boxed)))
            })?;
            Ok(())
        };
        self.0.push(Import {
            module: module.to_owned(),
            name: name.to_owned(),
            define: Arc::new(define),
        });
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Defines all of them; the module and name of one that can not be.
    pub(crate) fn define(&self, linker: &mut Linker<Guest>) -> Result<(), (String, String)> {
        for import in &self.0 {
            let is_ours = import.module == USUFRUCT;
            if is_ours || (import.define)(linker).is_err() {
                return Err((import.module.clone(), import.name.clone()));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Imports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|import| (&import.module, &import.name));
        f.debug_list().entries(names).finish()
    }
}

/// The task that calls a function of the host's.
pub struct Caller<'call>(wasmtime::Caller<'call, Guest>);

impl Caller<'_> {
    /// Which task it is: its id, as other tasks see it.
    #[must_use]
    pub fn task(&self) -> TaskId {
        self.0.data().task()
    }

    /// Copies bytes out of its memory, pages of the pool included that it sees.
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`]: not all of the range is memory of the task's.
    pub fn read(&mut self, address: u32, into: &mut [u8]) -> Result<(), HostError> {
        Guest::look_at_memory(&mut self.0);
        let (border, thread) = self.0.data_mut().border();
        border
            .load(thread.key(), u64::from(address), into)
            .map_err(|_| Denied::CallerMemory.into())
    }

    /// Copies bytes into its private memory.
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`]: not all of the range is private memory of the
    /// task's. Nothing was copied.
    pub fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), HostError> {
        Guest::look_at_memory(&mut self.0);
        let (border, thread) = self.0.data_mut().border();
        let key = thread.key();
        let span = Span::new(u64::from(address), bytes.len() as u64);
        let is_private = span.is_some_and(|span| border.reaches(key, span, Access::Store));
        if !is_private || border.store(key, u64::from(address), bytes).is_err() {
            return Err(Denied::CallerMemory.into());
        }
        Ok(())
    }
}

impl fmt::Debug for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caller({:?})", self.task())
    }
}
