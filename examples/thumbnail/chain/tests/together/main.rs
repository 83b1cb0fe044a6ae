//! The four programs together, on the real machine: what a person sees who runs them.

mod hostile;
mod pages;
mod pictures;
mod run;
