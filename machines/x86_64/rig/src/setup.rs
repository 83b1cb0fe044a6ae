//! Which machine is to be emulated.

/// A machine of QEMU's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The name that QEMU has for it.
    pub machine: &'static str,
    /// Processors.
    pub processors: usize,
    /// Memory, in MiB.
    pub megabytes: u32,
    /// Whether its clock counts instructions, and not time.
    pub counts_instructions: bool,
}

impl Setup {
    /// What the suite runs on if nothing else is said: the smallest machine that QEMU has,
    /// with two processors.
    pub const USUAL: Self = Self {
        machine: "microvm",
        processors: 2,
        megabytes: 64,
        counts_instructions: false,
    };

    /// [`Setup::USUAL`], unless the environment says something else: `USUFRUCT_X86_64_MACHINE`
    /// (`microvm` or `q35`) and `USUFRUCT_X86_64_PROCESSORS`.
    ///
    /// # Panics
    ///
    /// If it says nonsense.
    #[must_use]
    pub fn stated() -> Self {
        let said = |name| std::env::var(name).ok();
        let machine = match said("USUFRUCT_X86_64_MACHINE").as_deref() {
            None => Self::USUAL.machine,
            Some("microvm") => "microvm",
            Some("q35") => "q35",
            Some(other) => panic!("USUFRUCT_X86_64_MACHINE={other} is neither microvm nor q35"),
        };
        let processors = said("USUFRUCT_X86_64_PROCESSORS").map_or(
            Self::USUAL.processors,
            |number| match number.parse() {
                Ok(number @ 1..=8) => number,
                _ => panic!("USUFRUCT_X86_64_PROCESSORS={number} is not 1 to 8"),
            },
        );
        Self {
            machine,
            processors,
            ..Self::USUAL
        }
    }

    /// QEMU's options for it.
    pub(crate) fn options(self) -> String {
        let Self {
            machine,
            processors,
            megabytes,
            counts_instructions,
        } = self;
        let clock = if counts_instructions {
            "-icount shift=0,sleep=off"
        } else {
            ""
        };
        format!("-machine {machine} -smp {processors} -m {megabytes}M {clock}")
    }
}
