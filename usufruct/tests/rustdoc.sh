#!/bin/sh
# A rustdoc that looks at the numbers of errors in `misuse.md`, which it else leaves to a
# nightly one; that the compiler is a stable one, and which, stays as it is.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
