//! Tests with a program that answers as `labgrid-client` 26.0 does. `ci/labgrid` repeats them with a real coordinator.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;

use super::*;

/// Keeps the name of the owner in a file. It refuses and succeeds when `labgrid-client` does.
const CLIENT: &str = r#"#!/bin/sh
owner=$(cat owner 2>/dev/null)
echo "$LG_USERNAME $3" >>log
[ ! -e away ] || { echo "Server error: Error: Could not connect to coordinator" >&2; exit 1; }
case $3 in
acquire)
    [ -z "$owner" ] || { echo "labgrid-client: Error: Place $2 is already acquired by $owner." >&2; exit 1; }
    echo "$LG_HOSTNAME/$LG_USERNAME" >owner
    echo "acquired place $2" ;;
release-from)
    [ -n "$owner" ] || { echo "labgrid-client: Error: place $2 is not acquired" >&2; exit 1; }
    [ "$owner" != "$4" ] || rm owner
    echo "$4 has released place $2" ;;
show)
    echo "Place '$2':"
    echo "  acquired: ${owner:-None}" ;;
reserve)
    echo "  token: ABC"
    echo "Waiting for allocation..."
    while [ -s owner ]; do read -r _ <freed; done ;;
cancel-reservation) echo "$4" >>cancelled ;;
esac
"#;

struct Lab {
    folder: tempfile::TempDir,
    labgrid: Labgrid,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client = folder.path().join("labgrid-client");
        std::fs::write(&client, CLIENT).unwrap();
        std::fs::set_permissions(&client, PermissionsExt::from_mode(0o755)).unwrap();
        let labgrid = Labgrid { place: "desk-3".parse().unwrap(), coordinator: None, client };
        Self { folder, labgrid }
    }

    fn acquire(&self, wait: Duration) -> Result<Place, BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = self.folder.path();
        runtime.block_on(Place::acquire(&self.labgrid, folder, folder, wait))
    }

    fn owner(&self) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join("owner")).ok().map(|owner| owner.trim().to_owned())
    }

    fn put(&self, file: &str, text: &str) {
        std::fs::write(self.folder.path().join(file), text).unwrap();
    }

    fn has(&self, file: &str) -> bool {
        self.folder.path().join(file).exists()
    }
}

#[test]
fn a_place_is_acquired_under_a_name_of_its_own_and_released() {
    let lab = Lab::new();
    let place = lab.acquire(Duration::ZERO).unwrap();
    let first = lab.owner().unwrap();
    assert!(first.contains("/taprig-") && lab.has(TOKEN), "{first}");
    place.release().unwrap();
    assert!(lab.owner().is_none() && !lab.has(TOKEN));
    // A run that ends early drops it.
    let place = lab.acquire(Duration::ZERO).unwrap();
    assert_ne!(lab.owner().unwrap(), first);
    drop(place);
    assert!(lab.owner().is_none());
}

#[test]
fn somebody_elses_place_is_told_and_left_alone() {
    let lab = Lab::new();
    lab.put("owner", "lab/ann\n");
    let error = lab.acquire(Duration::ZERO).unwrap_err();
    assert_eq!(error.to_string(), "the place desk-3 is not acquired: Place desk-3 is already acquired by lab/ann.");
    assert_eq!(lab.owner().unwrap(), "lab/ann");
    assert!(!lab.has(TOKEN));
}

#[test]
fn what_a_killed_run_left_is_released_by_the_next_one_and_nothing_else() {
    let lab = Lab::new();
    // Both processes are gone: the token and the place stay.
    let owner = Owner { host: "lab".into(), user: "taprig-0011".into() };
    let left = || serde_json::to_string(&Left { labgrid: lab.labgrid.clone(), owner: owner.clone() }).unwrap();
    lab.put(TOKEN, &left());
    lab.put("owner", "lab/taprig-0011\n");
    drop(lab.acquire(Duration::ZERO).unwrap());
    assert!(lab.owner().is_none());

    // Another run of taprig has it, on a bench of another name.
    lab.put(TOKEN, &left());
    lab.put("owner", "lab/taprig-ffff\n");
    let error = lab.acquire(Duration::ZERO).unwrap_err().to_string();
    assert!(error.contains("already acquired by lab/taprig-ffff"), "{error}");
    assert_eq!(lab.owner().unwrap(), "lab/taprig-ffff");

    // A coordinator that is away knows nothing, so the token stays.
    lab.put(TOKEN, &left());
    lab.put("away", "");
    let error = lab.acquire(Duration::ZERO).unwrap_err().to_string();
    assert_eq!(error, "the place desk-3 is not acquired: Server error: Error: Could not connect to coordinator");
    assert!(lab.has(TOKEN));
}

#[test]
fn a_place_that_is_not_released_is_told_and_tried_again() {
    let lab = Lab::new();
    let place = lab.acquire(Duration::ZERO).unwrap();
    lab.put("away", "");
    let error = place.release().unwrap_err().to_string();
    assert!(error.starts_with("the place desk-3 is not released: Server error"), "{error}");
    std::fs::remove_file(lab.folder.path().join("away")).unwrap();
    drop(lab.acquire(Duration::ZERO).unwrap());
    assert!(lab.owner().is_none() && !lab.has(TOKEN));
}

#[test]
fn a_run_waits_in_the_queue_and_leaves_it_in_time() {
    let lab = Lab::new();
    let made = Command::new("mkfifo").arg(lab.folder.path().join("freed")).status().unwrap();
    assert!(made.success());
    lab.put("owner", "lab/ann\n");
    let error = lab.acquire(Duration::from_millis(1500)).unwrap_err().to_string();
    assert!(error.contains("already acquired by lab/ann"), "{error}");
    assert!(lab.has("cancelled"), "the reservation would keep the place for another minute");

    let folder = lab.folder.path().to_owned();
    let ann = std::thread::spawn(move || {
        // The pipe opens when the run waits.
        let mut freed = std::fs::OpenOptions::new().write(true).open(folder.join("freed")).unwrap();
        std::fs::remove_file(folder.join("owner")).unwrap();
        freed.write_all(b"\n").unwrap();
    });
    let place = lab.acquire(Duration::from_secs(30)).unwrap();
    ann.join().unwrap();
    assert!(lab.owner().unwrap().contains("/taprig-"));
    drop(place);
}

#[test]
fn a_client_that_is_missing_is_told() {
    let mut lab = Lab::new();
    lab.labgrid.client = "no-such-labgrid-client".into();
    let error = lab.acquire(Duration::ZERO).unwrap_err().to_string();
    assert!(error.contains("no-such-labgrid-client: not found"), "{error}");
}
