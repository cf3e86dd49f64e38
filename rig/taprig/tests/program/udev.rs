//! `ci/udev` on a folder of the test's own: what it says it would do, does, and leaves alone. What the rules do is udev's.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::place::{Ran, repository};

fn udev(folder: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(repository().join("ci/udev"));
    Ran::of(&command.args(args).env("TAPRIG_UDEV_DIR", folder).output().unwrap())
}

#[test]
fn rules_are_installed_only_on_request_and_can_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("70-taprig.rules");
    let shown = udev(folder.path(), &[]);
    shown.expect(0, &["nothing was changed", "would create"]);
    assert!(!file.exists());

    udev(folder.path(), &["--install"]).expect(0, &["creating "]);
    assert_eq!(fs::read_to_string(&file).unwrap(), shown.out);
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    udev(folder.path(), &["--install"]).expect(0, &["has these rules already; nothing was changed"]);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);

    // What would differ is told first.
    udev(folder.path(), &["--group", "root"]).expect(0, &["would replace", "GROUP=\"root\""]);
    udev(folder.path(), &["--install", "--group", "root"]).expect(0, &["replacing ", "GROUP=\"root\""]);
    assert!(fs::read_to_string(&file).unwrap().contains(r#"MODE="0660", GROUP="root", TAG+="uaccess""#));

    udev(folder.path(), &["--remove"]).expect(0, &["is removed"]);
    udev(folder.path(), &["--remove"]).expect(0, &["is not there; nothing was changed"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_somebody_else_wrote_and_a_group_that_does_not_exist_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("70-taprig.rules");
    fs::write(&file, "# mine\n").unwrap();
    for args in [&["--install"][..], &["--remove"], &[]] {
        udev(folder.path(), args).expect(2, &["was not written by this script, so it stays as it is"]);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "# mine\n");
    fs::remove_file(&file).unwrap();
    udev(folder.path(), &["--install", "--group", "no-such-group"]).expect(2, &["there is no group `no-such-group`"]);
    udev(folder.path(), &["--frobnicate"]).expect(2, &["unknown argument `--frobnicate`"]);
    assert!(!file.exists());
}
