//! The last words of a bare program.

use core::fmt::{self, Write as _};
use core::panic::{Location, PanicInfo};

use spin::Mutex;

type LastWords = fn(Option<&Location<'_>>);

static LAST_WORDS: Mutex<Option<LastWords>> = Mutex::new(None);

pub(super) fn set(last_words: LastWords) {
    *LAST_WORDS.lock() = Some(last_words);
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // Taken: if the words panic themselves, there are no more.
    let last_words = LAST_WORDS.lock().take();
    match last_words {
        Some(say) if !is_want_of_memory(info) => say(info.location()),
        _ => crate::eprintln!("{info}"),
    }
    super::abort()
}

/// `alloc` panics where no memory is to be had, and says it in these words alone. It is no
/// panic on machines with a standard library.
fn is_want_of_memory(info: &PanicInfo<'_>) -> bool {
    let mut rest = Expected("memory allocation of ");
    let _ = write!(rest, "{}", info.message());
    rest.0.is_empty()
}

/// What of these words has not been written yet.
struct Expected(&'static str);

impl fmt::Write for Expected {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let common = self.0.len().min(text.len());
        let (now, later) = self.0.split_at_checked(common).ok_or(fmt::Error)?;
        if !text.starts_with(now) {
            return Err(fmt::Error);
        }
        self.0 = later;
        if later.is_empty() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}
