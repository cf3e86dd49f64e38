//! Links the program to a fixed address where that is known to work.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |what: &str| env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        // A hosted board is this program, started at each power-on. One that can lie anywhere has 30,000 addresses to be
        // put right at its start, a third of what a start costs.
        println!("cargo::rustc-link-arg-bin=taprig=-no-pie");
    }
}
