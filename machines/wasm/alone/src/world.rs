//! A kernel with its host, and tasks whose code is the test's: what they do to each other
//! and to the host goes through the kernel and the machine's own border.

use std::sync::{Arc, Mutex};

use usufruct_abi::Number;
use usufruct_core::{
    Copier, Ending, Kernel, Limits, PoolQuota, Quota, Reason, Reply, TaskId, Thread, end_task,
    serve,
};

use crate::clock::Clock;
use crate::copier::Stock;
use crate::fences::{Fences, Order, STREAK};
use crate::flight::Flights;
use crate::host::{Arena, Host, SEATS};
use crate::layout::WASM_PAGE_BYTES;
use crate::machine::{Border, Shared, Trace};
use crate::mapping::Mapping;
use crate::place::Places;
use crate::pool::{Pool, Views};
use crate::space::{Memory, Spaces};
use crate::wake::Wakers;

/// Tasks of a test that make calls; each has a copier of its own.
const WORKERS: u32 = 2;

pub(crate) struct World {
    pub(crate) shared: Arc<Shared>,
    pub(crate) host: Host,
    copiers: Mutex<Vec<Copier>>,
}

impl World {
    /// With a pool of so many pages.
    pub(crate) fn new(pages: u32) -> Self {
        let pool = Arc::new(Pool::new(pages));
        let limits = Limits {
            tasks: 4,
            smos: 32,
            messages: 32,
            processors: WORKERS + SEATS,
            pool: pool.place(),
        };
        let (kernel, copiers) = Kernel::new(limits, Trace::default()).unwrap();
        let mut copiers = copiers.into_vec();
        let of_workers = copiers.split_off(SEATS as usize);
        let shared = Arc::new(Shared {
            plane: kernel.plane(),
            kernel: Mutex::new(kernel),
            fences: Fences::new(Order::Fenced, STREAK),
            trace: Trace::default(),
            spaces: Spaces::new(limits.tasks),
            wakers: Wakers::default(),
            clock: Clock,
            arena: Arena::new().unwrap(),
            copiers: Stock::new(Vec::new()),
            pool: Some(pool),
            views: Views::new(limits.tasks),
            places: Places,
            flights: Flights::new(limits.tasks),
            protects: true,
        });
        let host = Host::new(shared.clone(), copiers);
        Self {
            shared,
            host,
            copiers: Mutex::new(of_workers),
        }
    }

    /// A task that sees the pool, with one WebAssembly page of memory.
    pub(crate) fn task(&self, name: &str) -> Guest {
        let quota = Quota {
            pool: Some(PoolQuota::default()),
            ..Quota::default()
        };
        let mut kernel = self.shared.kernel();
        let thread = kernel.start_task(name.as_bytes(), quota).unwrap();
        drop(kernel);
        let mapping = Mapping::reserved(usize::try_from(WASM_PAGE_BYTES).unwrap()).unwrap();
        let memory = Memory {
            base: mapping.start(),
            len_bytes: WASM_PAGE_BYTES,
        };
        self.shared.spaces.publish(thread.key(), memory);
        Guest {
            shared: self.shared.clone(),
            copier: self.copiers.lock().unwrap().pop().unwrap(),
            thread,
            memory,
            _mapping: mapping,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(self.shared.kernel().invariants_hold());
    }
}

/// A task. Dropped, it ends.
pub(crate) struct Guest {
    shared: Arc<Shared>,
    copier: Copier,
    thread: Thread,
    memory: Memory,
    _mapping: Mapping,
}

impl Guest {
    pub(crate) fn id(&self) -> TaskId {
        self.thread.task()
    }

    /// A call, as its code would make it. (`link.rs`)
    pub(crate) fn call(&mut self, number: Number, words: [i32; 4]) -> i32 {
        let border = Border {
            shared: &self.shared,
            caller: Some((self.thread.key(), &self.memory)),
            restores: false,
        };
        let (copier, thread) = (&mut self.copier, &mut self.thread);
        let words = words.map(|word| u64::from(word.cast_unsigned()));
        match serve(&border, copier, thread, number, words) {
            Reply::Word(word) => word,
            Reply::Block(_) => panic!("{number:?} waits"),
        }
    }

    /// The four bytes at an address of its memory.
    pub(crate) fn load(&self, address: usize) -> [u8; 4] {
        let mut bytes = [0; 4];
        let from = self.memory.base.wrapping_add(address);
        // SAFETY: it lies in the memory, of which there are no Rust references.
        unsafe { crate::bytes::move_bytes(bytes.as_mut_ptr(), from, bytes.len()) };
        bytes
    }

    /// Stores at an address of its memory, as its code would.
    pub(crate) fn store(&self, address: usize, bytes: &[u8]) {
        assert!(address + bytes.len() <= 4096);
        // SAFETY: as in `load`.
        unsafe { crate::bytes::store_bytes(self.memory.base.wrapping_add(address), bytes) };
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let ending = Ending {
            status: 0,
            reason: Reason::Exit,
        };
        let border = Border {
            shared: &self.shared,
            caller: None,
            restores: false,
        };
        end_task(&border, self.thread.task(), ending).unwrap();
    }
}
