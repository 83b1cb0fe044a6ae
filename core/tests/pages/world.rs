//! Tasks that see a pool, their calls, and their calls step by step.

use usufruct_abi::{Number, PortfolioError};
use usufruct_core::{
    Copier, Denied, Ending, Kernel, Limits, Machine, PageRequest, Pool, PoolQuota, Progress, Quota,
    Reason, Reply, Request, Span, Step, Thread, Work, carry_out, control_at_once, serve, touch,
};

use crate::machine::Paged;

pub(crate) const PAGE: u64 = 64;
pub(crate) const PAGES: u32 = 96;
pub(crate) const START: u64 = 0x8000_0000;
pub(crate) const TASKS: u32 = 8;

pub(crate) const BAD_PTR: i32 = PortfolioError::BadPtr.code();
pub(crate) const NO_MEM: i32 = PortfolioError::NoMem.code();

/// The first three tasks.
pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
pub(crate) const C: usize = 2;

/// Enough for the end of a task here, if nothing is in its way.
const SOME_STEPS: u32 = 100;
/// More steps than any call here needs; who needs them waits for ever.
const MANY_STEPS: u32 = 100_000;

/// Three tasks, A, B and C, and more that are born later, of `tasks` that can be.
pub(crate) struct World {
    pub(crate) machine: Paged,
    pub(crate) threads: Vec<Thread>,
    copier: Copier,
    births: u32,
}

pub(crate) fn word(int: i32) -> u64 {
    u64::from(int.cast_unsigned())
}

/// As many bytes, as a call names them.
pub(crate) fn size(bytes: u64) -> i32 {
    i32::try_from(bytes).unwrap()
}

impl World {
    pub(crate) fn new(tasks: u32) -> Self {
        Self::with_pool(tasks, PAGE, PAGES)
    }

    pub(crate) fn with_pool(tasks: u32, page_bytes: u64, pages: u32) -> Self {
        let limits = Limits {
            tasks,
            smos: tasks * 8,
            messages: tasks * 8,
            processors: 1,
            pool: Pool {
                start: u32::try_from(START).unwrap(),
                page_bytes: u32::try_from(page_bytes).unwrap(),
                pages,
            },
        };
        let (kernel, copiers) = Kernel::new(limits, ()).unwrap();
        let mut world = Self {
            machine: Paged::new(kernel, tasks, limits.pool),
            copier: copiers.into_vec().pop().unwrap(),
            threads: Vec::new(),
            births: 0,
        };
        for _ in [A, B, C] {
            world.join(PoolQuota::default());
        }
        world
    }

    /// A new task under a name of its own, if there is room for it.
    pub(crate) fn start(&mut self, pool: PoolQuota) -> Result<Thread, Denied> {
        let quota = Quota {
            pool: Some(pool),
            ..Quota::default()
        };
        let name = self.births.to_le_bytes();
        self.births += 1;
        let thread = self
            .machine
            .with_kernel(|kernel| kernel.start_task(&name, quota))?;
        self.machine.bear(thread.key());
        Ok(thread)
    }

    /// A new task, and where it stands among `threads`.
    pub(crate) fn join(&mut self, pool: PoolQuota) -> usize {
        let thread = self.start(pool).unwrap();
        self.threads.push(thread);
        self.threads.len() - 1
    }

    pub(crate) fn books_hold(&self) -> bool {
        self.machine.with_kernel(|kernel| kernel.invariants_hold())
    }

    pub(crate) fn call(&mut self, who: usize, number: Number, words: [u64; 4]) -> i32 {
        let answer = self.call_amid_others(who, number, words);
        assert!(self.books_hold(), "after {number:?} {words:x?}");
        answer
    }

    /// A call while others are under way, whose half is in the books.
    pub(crate) fn call_amid_others(&mut self, who: usize, number: Number, words: [u64; 4]) -> i32 {
        let thread = &mut self.threads[who];
        let at_once = (number == Number::ControlMem)
            .then(|| control_at_once(&self.machine, thread, words))
            .flatten();
        if let Some(answer) = at_once {
            return answer;
        }
        match serve(&self.machine, &mut self.copier, thread, number, words) {
            Reply::Word(answer) => answer,
            Reply::Block(_) => panic!("{number:?} does not wait"),
        }
    }

    pub(crate) fn id(&self, who: usize) -> i32 {
        self.threads[who].task().raw()
    }

    pub(crate) fn control(
        &mut self,
        who: usize,
        (at, size): (u64, i32),
        command: i32,
        task: i32,
    ) -> i32 {
        let words = [at, word(size), word(command), word(task)];
        self.call(who, Number::ControlMem, words)
    }

    /// Where the pages are that a task gets, or 0.
    pub(crate) fn allocate(&mut self, who: usize, pages: u32) -> u64 {
        let words = [u64::from(pages) * PAGE, 0, 0, 0];
        word(self.call(who, Number::AllocMemBlocks, words))
    }

    /// Whether a task owns, or may write, the page at an address: what it is told.
    pub(crate) fn is(&mut self, who: usize, question: Number, at: u64) -> bool {
        self.call(who, question, [at, 1, 0, 0]) == 1
    }

    /// Whether the hardware lets a store through as it is.
    pub(crate) fn is_mapped(&self, who: usize, at: u64) -> bool {
        let pool = self.machine.plane().pool();
        let page = (at - START) / u64::from(pool.page_bytes);
        let page = u32::try_from(page).unwrap();
        self.machine.lets_through(self.threads[who].key(), page)
    }

    /// What a machine does that can not split a mapping when it protects a part of it.
    pub(crate) fn protect_too_much(&self, who: usize) {
        let key = self.threads[who].key();
        let pool = self.machine.plane().pool();
        let all = pool.run_of(Span::new(START, pool.bytes(pool.pages)).unwrap());
        let shut = self.machine.protect(key, all.unwrap(), false);
        assert_eq!(shut, Ok(()));
    }

    /// A store as the hardware sees it: whether it lands.
    pub(crate) fn stores(&self, who: usize, at: u64) -> bool {
        if self.is_mapped(who, at) {
            return true;
        }
        let touched = touch(&self.machine, self.threads[who].key(), at).is_ok();
        assert_eq!(self.is_mapped(who, at), touched);
        touched
    }

    pub(crate) fn end(&self, who: usize) {
        assert_eq!(self.finish(self.begin_end(who)), Ok(0));
        assert!(self.books_hold());
    }

    /// Begins the end of a task.
    pub(crate) fn begin_end(&self, who: usize) -> Progress {
        let ending = Ending {
            status: 0,
            reason: Reason::Killed,
        };
        let task = self.threads[who].task();
        self.machine
            .with_kernel(|kernel| kernel.end_task(task, ending))
    }

    /// Begins a call about pages.
    pub(crate) fn begin(&self, who: usize, request: PageRequest) -> Progress {
        let request = Request::Page(request);
        self.machine
            .with_kernel(|kernel| kernel.begin(&self.threads[who], &request))
    }

    /// Has the machine carry out one step, and begins the next.
    pub(crate) fn go_on(&self, step: Step) -> Progress {
        let outcome = carry_out(&self.machine, step.work());
        self.machine
            .with_kernel(|kernel| kernel.done(step, outcome))
    }

    /// Goes on up to the first step like this, which is not carried out.
    pub(crate) fn until(&self, mut progress: Progress, is_it: fn(&Work) -> bool) -> Step {
        for _ in 0..MANY_STEPS {
            progress = match progress {
                Progress::Do(step) if is_it(step.work()) => return step,
                Progress::Do(step) => self.go_on(step),
                over => panic!("{over:?} before that step"),
            };
        }
        panic!("it waits for ever");
    }

    /// Goes on until it is over, or waits for others that do not go on.
    pub(crate) fn some_steps(&self, mut progress: Progress) -> Progress {
        for _ in 0..SOME_STEPS {
            progress = match progress {
                Progress::Do(step) => self.go_on(step),
                over => return over,
            };
        }
        progress
    }

    /// Goes on to the answer.
    pub(crate) fn finish(&self, mut progress: Progress) -> Result<i32, Denied> {
        for _ in 0..MANY_STEPS {
            progress = match progress {
                Progress::Do(step) => self.go_on(step),
                Progress::Answer(answer) => return answer,
                Progress::Block(wait) => panic!("{wait:?}"),
            };
        }
        panic!("it waits for ever");
    }
}

/// The first step of a call that has not answered at once.
pub(crate) fn first_step(progress: Progress) -> Step {
    match progress {
        Progress::Do(step) => step,
        over => panic!("{over:?} at once"),
    }
}
