//! The build script of every Arm board: hands the linker the scripts of the board when the target is the board.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=memory.x");
    println!("cargo::rerun-if-changed=image.x");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
        println!("cargo::rustc-link-search={}", folder.display());
        println!("cargo::rustc-link-arg-bins=-Tlink.x");
        println!("cargo::rustc-link-arg-bins=-Timage.x");
    }
}
