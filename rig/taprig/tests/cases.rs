//! The cases as tests: filled in with the run engine.
fn main() {}
