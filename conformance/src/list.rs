//! Every script, and the sentence of `docs/calls.md` that it holds.

/// One entry of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script {
    /// The module that it stands in.
    pub part: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it holds, in the words of `docs/calls.md`.
    pub sentence: &'static str,
}

/// Makes the scripts of a machine's [`Rig`](crate::Rig) tests: all of them, or those of some
/// parts.
#[macro_export]
macro_rules! suite {
    ($rig:ty) => {
        $crate::suite!($rig; share);
    };
    ($rig:ty; $($part:ident),+) => {
        $($crate::scripts!($part each_test $rig);)+
    };
}

/// One `#[test]` for each script of a part.
#[doc(hidden)]
#[macro_export]
macro_rules! each_test {
    ($part:ident [$rig:ty] $($name:ident: $sentence:literal;)*) => {
        mod $part {
            use super::*;
            $(
                #[doc = $sentence]
                #[test]
                fn $name() {
                    $crate::perform::<$rig>($crate::$part::$name);
                }
            )*
        }
    };
}

/// Hands the list of one part to a macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! scripts {
    (share $then:ident $($context:tt)*) => {
        $crate::$then! { share [$($context)*]
            perms_are_read_write_or_both: "`perms` is READ 2, WRITE 4 or both 6; anything else is refused.";
        }
    };
}
