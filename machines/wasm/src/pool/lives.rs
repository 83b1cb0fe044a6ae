//! Ten thousand lives in one place: each leaves pages that it may store to, each
//! ends in one of the ways in which tasks end, and the next may store to none.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use wasmtime::{Engine, Instance, Linker, Memory as WasmMemory, Module, Result, Store};

use super::tests::WAYS;
use super::{Guarded, Pool, Verdict, View, judge_stores};
use crate::engine::{self, Beginning};
use crate::place::{Places, in_place};
use crate::space::Memory;

const LIVES: usize = 10_000;
const PAGES: u32 = 8;
const HEAP_BYTES: usize = 64 << 10;
const STOPPED_NOWHERE: usize = usize::MAX;

const GUEST: &str = r#"(module
    (import "host" "wait" (func $wait))
    (import "host" "panic" (func $panic))
    (memory (export "memory") 1)
    (func (export "store") (i32.store (i32.const 0x80002004) (i32.const 7)))
    (func (export "load") (drop (i32.load (i32.const 0x80002004))))
    (func (export "leave") (i32.store (i32.const 60000) (i32.const 7)))
    (func (export "look") (if (i32.load (i32.const 60000)) (then unreachable)))
    (func (export "exit"))
    (func (export "trap") unreachable)
    (func (export "spin") (loop (br 0)))
    (func (export "wait") (call $wait))
    (func (export "panic") (call $panic)))"#;

/// Its instance never comes to be, but has had the memory.
const STILLBORN: &str = r#"(module
    (memory (export "memory") 1)
    (func $start (i32.store (i32.const 0) (i32.const 1)) unreachable)
    (start $start))"#;

/// A Store with a view, and an instance.
pub(super) struct Guest {
    store: Guarded<()>,
    pub(super) view: Arc<View>,
    memory: WasmMemory,
    instance: Instance,
    stopped_at: Arc<AtomicUsize>,
}

fn ready<R>(future: impl Future<Output = R>) -> R {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing waits here"),
    }
}

fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, wat::parse_str(text).unwrap()).unwrap()
}

fn linker(engine: &Engine) -> Linker<()> {
    let mut linker = Linker::new(engine);
    linker
        .func_wrap_async("host", "wait", |_, ()| {
            Box::new(std::future::pending::<()>())
        })
        .unwrap();
    linker
        .func_wrap("host", "panic", || -> () {
            std::panic::resume_unwind(Box::new("a host's"))
        })
        .unwrap();
    linker
}

fn call(store: &mut Store<()>, instance: Instance, name: &str) -> Result<()> {
    let function = instance.get_typed_func::<(), ()>(&mut *store, name)?;
    ready(function.call_async(store, ()))
}

/// A Store in a place, and what comes of the module there.
fn born(
    linker: &Linker<()>,
    places: &Places,
    module: &Module,
    is_attached: bool,
) -> (Guarded<()>, Result<Instance>) {
    let mut store = Guarded::new(Store::new(linker.engine(), ()));
    store.set_epoch_deadline(1);
    let held = places.take(HEAP_BYTES, is_attached).unwrap();
    let place = held.place();
    store.hold(held);
    let instance = ready(in_place(
        place,
        linker.instantiate_async(&mut *store, module),
    ));
    (store, instance)
}

impl Guest {
    pub(super) fn new(engine: &Engine, pool: &Arc<Pool>, text: &str) -> Self {
        Self::of(
            &linker(engine),
            &Places::default(),
            pool,
            &module(engine, text),
        )
    }

    fn of(linker: &Linker<()>, places: &Places, pool: &Arc<Pool>, module: &Module) -> Self {
        let (mut store, instance) = born(linker, places, module, true);
        let instance = instance.unwrap();
        let memory = instance.get_memory(&mut *store, "memory").unwrap();
        let base = Memory::of(&memory, &*store).base;
        let view = store.held().unwrap().show(pool, base).unwrap();
        store.attach(view.clone());
        let stopped_at = Arc::new(AtomicUsize::new(STOPPED_NOWHERE));
        let seen = stopped_at.clone();
        judge_stores(&mut store, view.window(), move |offset| {
            seen.store(offset, Ordering::Relaxed);
            Verdict::Forbidden
        });
        Self {
            store,
            view,
            memory,
            instance,
            stopped_at,
        }
    }

    pub(super) fn call(&mut self, name: &str) -> Result<()> {
        call(&mut self.store, self.instance, name)
    }

    /// The life's end, in one of the ways.
    fn end(mut self, way: usize) {
        match way {
            0 => self.call("exit").unwrap(),
            1 => assert!(self.call("trap").is_err()),
            2 => {
                self.store.engine().increment_epoch();
                assert!(self.call("spin").is_err());
            }
            3 => {
                let store = &mut *self.store;
                let function = self
                    .instance
                    .get_typed_func::<(), ()>(&mut *store, "wait")
                    .unwrap();
                let mut waiting = Box::pin(function.call_async(store, ()));
                let mut context = Context::from_waker(Waker::noop());
                assert!(waiting.as_mut().poll(&mut context).is_pending());
            }
            _ => {
                let panics = catch_unwind(AssertUnwindSafe(move || self.call("panic")));
                assert!(panics.is_err());
            }
        }
    }
}

/// One that is not attached: it sees nothing of the pool, whoever had its place.
fn look_as_a_stranger(linker: &Linker<()>, places: &Places, module: &Module) {
    let (mut store, instance) = born(linker, places, module, false);
    let instance = instance.unwrap();
    call(&mut store, instance, "look").unwrap();
    for access in ["load", "store"] {
        let outcome = call(&mut store, instance, access);
        assert!(outcome.is_err(), "a task without a view can {access}");
    }
}

#[test]
fn a_newcomer_inherits_no_right_and_no_byte_however_the_last_life_ended() {
    for way in WAYS {
        let engine = engine::new(Beginning::Copied, None).unwrap();
        let places = Places::default();
        let linker = linker(&engine);
        let pool = Pool::new(u64::from(PAGES) << 12, way).unwrap();
        let mortal = module(&engine, GUEST);
        let stillborn = module(&engine, STILLBORN);
        let mut addresses = Vec::new();
        for life in 0..LIVES {
            if life % 6 == 5 {
                let (_store, instance) = born(&linker, &places, &stillborn, true);
                assert!(instance.is_err());
                continue;
            }
            if life % 100 == 7 {
                look_as_a_stranger(&linker, &places, &mortal);
            }
            let mut guest = Guest::of(&linker, &places, &pool, &mortal);
            assert!(
                guest.call("store").is_err(),
                "{way}: life {life} stores by right of another"
            );
            assert_eq!(guest.stopped_at.load(Ordering::Relaxed), 0x2004);
            guest.call("look").unwrap();
            guest.call("leave").unwrap();
            addresses.push(guest.memory.data_ptr(&*guest.store).addr());
            guest.view.allow(&(0..PAGES)).unwrap();
            guest.call("store").unwrap();
            guest.end(life % 6);
        }
        addresses.dedup();
        assert_eq!(addresses.len(), 1, "all lives had the same place");
    }
}
