//! The `landwaiter` program.

fn main() {}
