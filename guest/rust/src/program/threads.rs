//! Threads of this task.

use core::fmt;

#[cfg(not(target_os = "none"))]
use super::hosted as machine;
#[cfg(target_os = "none")]
use super::stacks as machine;

/// A thread that was started. It runs on when the value is dropped.
#[derive(Debug)]
pub struct Thread<T>(machine::Running<T>);

/// There is no room for another thread: on bare x86-64 its places or the memory are used up,
/// on WebAssembly there is always one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoThread;

/// Starts a thread that does this, on a stack of its own: 256 KiB on bare x86-64, with a page
/// below that nobody has. A panic there ends the task, as any does.
///
/// # Errors
///
/// There is no room for it; what was to be done is dropped.
///
/// # Example
///
/// ```
/// # #[cfg(not(target_family = "wasm"))] {
/// let numbers = vec![1, 2, 3];
/// let sum = usufruct_guest::program::spawn(move || numbers.iter().sum::<i32>()).unwrap();
/// assert_eq!(sum.join(), 6);
/// # }
/// ```
pub fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Thread<T>, NoThread> {
    machine::spawn(work).map(Thread)
}

impl<T> Thread<T> {
    /// Waits until it has done its work: what that came to.
    #[must_use]
    pub fn join(self) -> T {
        self.0.join()
    }
}

impl fmt::Display for NoThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no room for another thread")
    }
}

impl core::error::Error for NoThread {}
