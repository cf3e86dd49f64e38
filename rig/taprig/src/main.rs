//! taprig: the command line.
//!
//! Exit codes: 0 all passed, 1 a case failed, 2 bad input and nothing was run, 3 the rig failed.

#![deny(clippy::print_stderr, reason = "it panics when standard error can't be written: `cli::say` does not")]

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
