//! Placeholder until the board lands.
fn main() {}
