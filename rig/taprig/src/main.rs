//! taprig: the command line.
fn main() {}
