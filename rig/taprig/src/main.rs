//! taprig: the command line.
//!
//! Exit codes: 0 if all cases passed, 1 if a case failed, 2 if the input was wrong and nothing was run, 3 if the rig
//! failed.

#![deny(clippy::print_stderr, reason = "it panics when standard error can't be written: `cli::say` does not")]

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
