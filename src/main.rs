//! The `landwaiter` program: everything it does lives in [`landwaiter::cli`].

fn main() -> std::process::ExitCode {
    landwaiter::cli::main()
}
