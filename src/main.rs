//! The `landwaiter` program: everything it does lives in [`landwaiter::cli`].

/// musl's own allocator takes twice the time of a whole run where threads share it.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    landwaiter::cli::main()
}
