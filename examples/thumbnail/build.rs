//! Tells the linker where a program lies, on machines where nobody else does.

fn main() {
    // From the guest library's own build script; nothing where a standard library is.
    if let Ok(arguments) = std::env::var("DEP_USUFRUCT_GUEST_LINK_ARGUMENTS") {
        for argument in arguments.split_whitespace() {
            println!("cargo::rustc-link-arg-bins={argument}");
        }
    }
}
