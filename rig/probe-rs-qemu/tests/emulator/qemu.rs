//! Which QEMU the tests run on; also used by the tests of `taprig`.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

/// The QEMU that the environment variable `TAPRIG_QEMU` names, else `qemu-system-arm`.
///
/// `None` only where `TAPRIG_WITHOUT_QEMU` is set: the test is left out, and standard error says so. A test can't tell
/// its harness that it was left out, so the line goes past the harness, which hides what a passing test prints.
///
/// # Panics
/// When that QEMU does not run: a test that did nothing must not look like one that passed.
#[track_caller]
pub(crate) fn qemu() -> Option<PathBuf> {
    if std::env::var_os("TAPRIG_WITHOUT_QEMU").is_some_and(|value| !value.is_empty() && value != "0") {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "left out, as TAPRIG_WITHOUT_QEMU is set: {test}");
        return None;
    }
    let qemu = std::env::var_os("TAPRIG_QEMU").map_or_else(|| "qemu-system-arm".into(), PathBuf::from);
    match Command::new(&qemu).arg("--version").stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Some(qemu),
        failed => {
            let why = failed.map_or_else(|error| error.to_string(), |status| status.to_string());
            panic!(
                "running `{} --version` failed: {why}; install qemu-system-arm (ci/setup does), name another QEMU in \
                 TAPRIG_QEMU, or leave out the tests that need one with TAPRIG_WITHOUT_QEMU=1",
                qemu.display()
            );
        }
    }
}
