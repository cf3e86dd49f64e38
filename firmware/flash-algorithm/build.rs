//! Gives the linker the layout of a flash algorithm: one piece of code at address 0.

use std::{env, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=algorithm.ld");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none") {
        let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo:rustc-link-arg-bins=-T{}", Path::new(&folder).join("algorithm.ld").display());
    }
}
