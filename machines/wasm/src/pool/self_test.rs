//! What the pool takes for granted about the engine and the kernel, looked at
//! when a system starts.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::{
    Engine, Error, Instance, Module, Result, Store, StoreLimits, StoreLimitsBuilder, Trap,
    TypedFunc,
};

use super::{Guarded, Pool, Protection, Verdict, View, judge_stores};
use crate::layout::{HEAP_LIMIT_BYTES, POOL_START, WASM_PAGE_BYTES};
use crate::space::Memory;

/// A guest that does what it is told. The last store's address is a constant,
/// for which the compiler has other code.
const SUBJECT: &str = r#"(module
    (memory (export "memory") 1)
    (data $word "\01\02\03\04")
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "fill") (param i32 i32)
        (memory.fill (local.get 0) (i32.const 0) (local.get 1)))
    (func (export "init") (param i32 i32)
        (memory.init $word (local.get 0) (i32.const 0) (local.get 1)))
    (func (export "store_first") (param i32 i32)
        (i32.store offset=0x80000000 (i32.const 0) (local.get 0))))"#;

/// Pages of the pool that is tried out.
const PAGES: u32 = 8;

/// No store has been stopped since the last look.
const NOWHERE: usize = usize::MAX;

/// Looks whether engine and kernel keep to what the pool assumes.
///
/// # Errors
///
/// The assumption that does not hold, as a sentence.
pub(crate) fn run(engine: &Engine, way: Protection) -> Result<(), String> {
    let trial = Trial::new(engine, way)
        .map_err(|error| format!("the pool's test program does not start: {error:#}"))?;
    let tests: [(Test, &str); 7] = [
        (loads_what_the_kernel_stores, "a task does not see the pool"),
        (
            is_stopped_at_the_address,
            "a forbidden store to the pool lands, or its address is not reported",
        ),
        (
            stores_where_it_may,
            "an allowed store to the pool does not land, or one beside it does",
        ),
        (
            is_stopped_again,
            "a store to the pool lands after the right to it was taken",
        ),
        (
            is_retried,
            "a store that was stopped is not executed again when it may",
        ),
        (
            bulk_stays_outside,
            "a bulk operation of the engine reaches into the pool",
        ),
        (
            growth_stays_outside,
            "a memory grows into the pool, or its growth opens the pool's pages",
        ),
    ];
    let mut subject = trial
        .subject()
        .map_err(|error| format!("the pool's test program does not start: {error:#}"))?;
    for (test, sentence) in tests {
        judge(test(&mut subject), sentence)?;
    }
    let sentence = "rights to the pool outlive their task";
    judge(nothing_is_inherited(&trial, subject), sentence)
}

fn judge(outcome: Result<bool>, sentence: &str) -> Result<(), String> {
    match outcome {
        Ok(true) => Ok(()),
        Ok(false) => Err(sentence.to_owned()),
        Err(error) => Err(format!("{sentence}: {error:#}")),
    }
}

type Test = fn(&mut Subject) -> Result<bool>;

pub(super) struct Trial {
    engine: Engine,
    module: Module,
    pool: Arc<Pool>,
}

impl Trial {
    fn new(engine: &Engine, way: Protection) -> Result<Self> {
        let page_bytes = u64::from(super::host_page_bytes()?);
        Self::of(engine, Pool::new(page_bytes * u64::from(PAGES), way)?)
    }

    pub(super) fn of(engine: &Engine, pool: Arc<Pool>) -> Result<Self> {
        Ok(Self {
            engine: engine.clone(),
            module: Module::new(engine, wat::parse_str(SUBJECT)?)?,
            pool,
        })
    }

    pub(super) fn subject(&self) -> Result<Subject> {
        let limit = usize::try_from(HEAP_LIMIT_BYTES)?;
        let limits = StoreLimitsBuilder::new().memory_size(limit).build();
        let mut store = Guarded::new(Store::new(&self.engine, limits));
        store.limiter(|limits| limits);
        store.set_epoch_deadline(1 << 40);
        let instance = Instance::new(&mut *store, &self.module, &[])?;
        let memory = instance
            .get_memory(&mut *store, "memory")
            .ok_or_else(|| Error::msg("an exported memory is not found"))?;
        let base = Memory::of(&memory, &*store).base;
        // SAFETY: the engine's memories reserve 4 GiB, and this one's heap ends
        // below the pool by the Store's limit.
        let view = unsafe { View::open(&self.pool, base) }
            .map_err(|_| Error::msg("there is no mapping for the pool"))?;
        store.attach(view.clone());
        let faults = Arc::new(Faults::default());
        let judge = {
            let (faults, view) = (faults.clone(), view.clone());
            move |offset| faults.judge(&view, offset)
        };
        judge_stores(&mut store, view.window(), judge);
        Ok(Subject {
            load: instance.get_typed_func(&mut *store, "load")?,
            write: instance.get_typed_func(&mut *store, "store")?,
            write_first: instance.get_typed_func(&mut *store, "store_first")?,
            fill: instance.get_typed_func(&mut *store, "fill")?,
            init: instance.get_typed_func(&mut *store, "init")?,
            grow: instance.get_typed_func(&mut *store, "grow")?,
            store,
            view,
            faults,
        })
    }
}

/// What the handler has seen, and what it is to do.
struct Faults {
    /// Where in the pool the last store was stopped.
    stopped_at: AtomicUsize,
    /// A page that is opened when a store to it is stopped.
    opens: AtomicUsize,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            stopped_at: AtomicUsize::new(NOWHERE),
            opens: AtomicUsize::new(NOWHERE),
        }
    }
}

impl Faults {
    fn judge(&self, view: &View, offset: usize) -> Verdict {
        self.stopped_at.store(offset, Ordering::Relaxed);
        let page = offset / view.pool().bytes().page_bytes() as usize;
        if self.opens.swap(NOWHERE, Ordering::Relaxed) != page {
            return Verdict::Forbidden;
        }
        let page = u32::try_from(page).unwrap_or(u32::MAX);
        match view.allow(&(page..page + 1)) {
            Ok(()) => Verdict::Retry,
            Err(_) => Verdict::Forbidden,
        }
    }
}

/// One task of the trial.
pub(super) struct Subject {
    pub(super) view: Arc<View>,
    faults: Arc<Faults>,
    load: TypedFunc<i32, i32>,
    write: TypedFunc<(i32, i32), ()>,
    write_first: TypedFunc<(i32, i32), ()>,
    fill: TypedFunc<(i32, i32), ()>,
    init: TypedFunc<(i32, i32), ()>,
    grow: TypedFunc<i32, i32>,
    pub(super) store: Guarded<StoreLimits>,
}

impl Subject {
    /// The guest's address of a byte of the pool.
    fn address(offset: usize) -> i32 {
        let offset = u32::try_from(offset).unwrap_or(0);
        (u32::try_from(POOL_START).unwrap_or(0) + offset).cast_signed()
    }

    pub(super) fn page_bytes(&self) -> usize {
        self.view.pool().bytes().page_bytes() as usize
    }

    /// A word of the pool, as the kernel sees it.
    fn kernels(&self, offset: usize) -> u32 {
        self.view.pool().bytes().word(offset)
    }

    /// Whether the guest's store is stopped there, changes nothing, and is
    /// reported with that very place.
    pub(super) fn is_stopped(&mut self, at: usize, reported: usize) -> Result<bool> {
        let before = self.kernels(at);
        self.faults.stopped_at.store(NOWHERE, Ordering::Relaxed);
        let value = (before ^ u32::MAX).cast_signed();
        let outcome = self
            .write
            .call(&mut *self.store, (Self::address(at), value));
        let seen = self.faults.stopped_at.load(Ordering::Relaxed);
        Ok(traps(outcome) && seen == reported && self.kernels(at) == before)
    }

    pub(super) fn lands(&mut self, at: usize, value: i32) -> Result<bool> {
        self.write
            .call(&mut *self.store, (Self::address(at), value))?;
        Ok(self.kernels(at).cast_signed() == value)
    }
}

fn traps<R>(outcome: Result<R>) -> bool {
    outcome.is_err_and(|error| error.downcast_ref() == Some(&Trap::MemoryOutOfBounds))
}

fn loads_what_the_kernel_stores(subject: &mut Subject) -> Result<bool> {
    let page = subject.page_bytes();
    subject.view.pool().bytes().fill(1..2, 0x5A);
    subject.view.pool().bytes().label(2..3);
    let mut load = |at| subject.load.call(&mut *subject.store, Subject::address(at));
    let seen = load(page)? == 0x5A5A_5A5A && load(0)? == 0;
    let is_labelled = usize::try_from(load(2 * page)?)? == page;
    let behind = load(page * PAGES as usize);
    Ok(seen && is_labelled && traps(behind))
}

fn is_stopped_at_the_address(subject: &mut Subject) -> Result<bool> {
    let page = subject.page_bytes();
    let before = subject.kernels(0);
    let at_constant = subject.write_first.call(&mut *subject.store, (77, 0));
    let is_constant_stopped = traps(at_constant) && subject.kernels(0) == before;
    Ok(is_constant_stopped
        && subject.is_stopped(0, 0)?
        && subject.is_stopped(page + 12, page + 12)?
        && subject.is_stopped(PAGES as usize * page - 4, PAGES as usize * page - 4)?)
}

fn stores_where_it_may(subject: &mut Subject) -> Result<bool> {
    let page = subject.page_bytes();
    let allowed: Range<u32> = 2..4;
    if subject.view.allow(&allowed).is_err() {
        return Ok(false);
    }
    Ok(subject.lands(2 * page, 11)?
        && subject.lands(3 * page - 2, 12)?
        && subject.lands(4 * page - 4, 13)?
        && subject.is_stopped(2 * page - 4, 2 * page - 4)?
        && subject.is_stopped(4 * page, 4 * page)?
        && subject.is_stopped(4 * page - 2, 4 * page)?)
}

fn is_stopped_again(subject: &mut Subject) -> Result<bool> {
    let page = subject.page_bytes();
    subject.view.forbid(&(3..4));
    Ok(subject.is_stopped(3 * page, 3 * page)? && subject.lands(2 * page, 14)?)
}

fn is_retried(subject: &mut Subject) -> Result<bool> {
    let page = subject.page_bytes();
    subject.faults.opens.store(6, Ordering::Relaxed);
    Ok(subject.lands(6 * page, 15)? && subject.is_stopped(5 * page, 5 * page)?)
}

/// Also where the task may store: the loader's own loops are for that.
fn bulk_stays_outside(subject: &mut Subject) -> Result<bool> {
    let page = subject.page_bytes();
    let before = (subject.kernels(2 * page), subject.kernels(5 * page));
    for at in [2 * page, 5 * page] {
        let filled = subject
            .fill
            .call(&mut *subject.store, (Subject::address(at), 4));
        let initialised = subject
            .init
            .call(&mut *subject.store, (Subject::address(at), 4));
        if !traps(filled) || !traps(initialised) {
            return Ok(false);
        }
    }
    Ok(before == (subject.kernels(2 * page), subject.kernels(5 * page)))
}

fn growth_stays_outside(subject: &mut Subject) -> Result<bool> {
    let page = subject.page_bytes();
    let pages = i32::try_from(HEAP_LIMIT_BYTES / WASM_PAGE_BYTES)?;
    let to_the_limit = subject.grow.call(&mut *subject.store, pages - 1)?;
    let beyond = [1, 2, pages].map(|more| subject.grow.call(&mut *subject.store, more));
    let is_refused = beyond
        .into_iter()
        .all(|answer| answer.is_ok_and(|pages| pages == -1));
    Ok(to_the_limit == 1
        && is_refused
        && subject.is_stopped(0, 0)?
        && subject.is_stopped(5 * page, 5 * page)?
        && subject.lands(2 * page, 16)?)
}

/// With a memory that has just been given back, most likely at the same place.
fn nothing_is_inherited(trial: &Trial, mut subject: Subject) -> Result<bool> {
    if !subject.lands(2 * subject.page_bytes(), 17)? {
        return Ok(false);
    }
    drop(subject);
    let mut next = trial.subject()?;
    let page = next.page_bytes();
    Ok(next.is_stopped(2 * page, 2 * page)? && next.is_stopped(6 * page, 6 * page)?)
}
