//! Which QEMU the tests run on; also used by the tests of `taprig`.

use std::{
    ffi::OsStr,
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
    which(std::env::var_os("TAPRIG_WITHOUT_QEMU").as_deref(), std::env::var_os("TAPRIG_QEMU").as_deref())
}

/// The same for these values of `TAPRIG_WITHOUT_QEMU` and `TAPRIG_QEMU`.
#[track_caller]
fn which(without: Option<&OsStr>, named: Option<&OsStr>) -> Option<PathBuf> {
    if without.is_some_and(|value| !value.is_empty() && value != "0") {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "left out, as TAPRIG_WITHOUT_QEMU is set: {test}");
        return None;
    }
    let qemu = named.map_or_else(|| "qemu-system-arm".into(), PathBuf::from);
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

/// A QEMU that is missing, or does not run, fails the tests that need it, unless they are left out on purpose.
#[test]
fn a_missing_qemu_fails_the_tests_that_need_it() {
    let value = |text: &'static str| Some(OsStr::new(text));
    for without in [None, value(""), value("0")] {
        for named in ["/nonexistent/qemu-system-arm", "/bin/false"] {
            let failure = std::panic::catch_unwind(|| which(without, value(named))).unwrap_err();
            let text = failure.downcast_ref::<String>().unwrap();
            assert!(text.contains(named) && text.contains("TAPRIG_WITHOUT_QEMU=1"), "{text}");
        }
        assert_eq!(which(without, value("/bin/true")).unwrap(), PathBuf::from("/bin/true"));
    }
    assert_eq!(which(value("1"), value("/nonexistent/qemu-system-arm")), None);
}

/// The same for a whole test, in a process of its own whose environment names no QEMU that there is.
#[test]
fn a_test_that_needs_qemu_fails_without_it() {
    // Where this file is a module depends on the tests that use it.
    let (_, module) = module_path!().split_once("::").unwrap();
    let run = |without: &str| {
        let mut tests = Command::new(std::env::current_exe().unwrap());
        tests.args(["--exact", &format!("{module}::qemu_is_there")]);
        tests.env("TAPRIG_QEMU", "/nonexistent/qemu-system-arm").env("TAPRIG_WITHOUT_QEMU", without);
        let output = tests.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("running 1 test"), "{text}");
        (output.status.success(), text)
    };
    let (passed, text) = run("");
    assert!(!passed && text.contains("install qemu-system-arm"), "{text}");
    let (passed, text) = run("1");
    assert!(passed, "it is left out: {text}");
}

/// The tests that need QEMU begin like this one.
#[test]
fn qemu_is_there() {
    let Some(qemu) = qemu() else { return };
    assert!(Command::new(qemu).arg("--version").output().unwrap().status.success());
}
