use super::*;
use crate::samples::Nights;
use proptest::prelude::*;
use std::io::Seek as _;

fn nights(count: usize) -> Vec<Night> {
    Nights::of("BUS-001", &"P".repeat(count)).nights
}

/// Adds one night.
fn add(path: &Path, night: &Night) -> Result<Added, FileError> {
    super::add(path, std::slice::from_ref(night)).map(|(all, _)| all[0])
}

#[test]
fn many_nights_are_added_at_once_and_each_run_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let nights = nights(2);
    let (all, _) = super::add(&path, &[nights[0].clone(), nights[1].clone(), nights[0].clone()]).unwrap();
    assert_eq!(all, [Added::New, Added::New, Added::Known]);
    assert_eq!(History::read(&path).unwrap().nights, nights);
    assert_eq!(super::add(&path, &nights).unwrap().0, [Added::Known; 2]);
}

#[test]
fn what_is_added_is_read_in_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let nights = nights(3);
    for night in [&nights[2], &nights[0], &nights[1]] {
        assert_eq!(add(&path, night).unwrap(), Added::New);
    }
    let history = History::read(&path).unwrap();
    assert_eq!((history.nights, history.broken), (nights, vec![]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_record_that_is_there_is_not_added_again_and_a_resumed_one_replaces_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let mut night = nights(1).remove(0);
    add(&path, &night).unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(add(&path, &night).unwrap(), Added::Known);
    assert_eq!(fs::read(&path).unwrap(), before);
    night.content = "more".into();
    assert_eq!(add(&path, &night).unwrap(), Added::Continued);
    assert_eq!(History::read(&path).unwrap().nights, [night]);
    assert!(fs::read(&path).unwrap().starts_with(&before), "nothing is written over");
}

#[test]
fn a_broken_line_is_named_and_stays_and_all_others_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let nights = nights(3);
    let [first, second, third] = [0, 1, 2].map(|at| String::from_utf8(line(&nights[at])).unwrap());
    let half = &second[..second.len() / 2];
    fs::write(&path, format!("{first}{half}\n\nnot json\n{{\"schema\":9}}\n{third}").trim_end()).unwrap();
    let before = fs::read(&path).unwrap();
    let history = History::read(&path).unwrap();
    assert_eq!(history.nights, [nights[0].clone(), nights[2].clone()]);
    let broken: Vec<_> = history.broken.iter().map(|broken| broken.line).collect();
    assert_eq!(broken, [2, 4, 5]);
    let first = &history.broken[0].why;
    assert!(first.starts_with("the line ends too early") && !first.contains("line 1"), "{first}");
    assert!(history.broken[1].why.contains("at column 2"), "{:?}", history.broken);
    assert_eq!(history.broken[2].why, "schema 9 is later than 1; read it with a newer taprig");
    assert_eq!(add(&path, &nights[1]).unwrap(), Added::New);
    assert!(fs::read(&path).unwrap().starts_with(&before), "the broken line stays as it is");
    assert_eq!(History::read(&path).unwrap().nights, nights, "a last line without its end spoils no other");
}

#[test]
fn adders_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let nights = nights(24);
    std::thread::scope(|threads| {
        for part in nights.chunks(6) {
            threads.spawn(|| part.iter().for_each(|night| assert_eq!(add(&path, night).unwrap(), Added::New)));
        }
    });
    assert_eq!(History::read(&path).unwrap(), History { nights, broken: vec![] });
}

#[test]
fn a_writer_that_was_killed_before_it_renamed_its_file_leaves_the_history_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let nights = nights(2);
    add(&path, &nights[0]).unwrap();
    fs::write(folder.path().join("history.jsonl.part"), "{\"schema\":1,\"run\":\"ha").unwrap();
    assert_eq!(History::read(&path).unwrap().nights, nights[..1]);
    add(&path, &nights[1]).unwrap();
    assert_eq!(History::read(&path).unwrap(), History { nights, broken: vec![] });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_history_that_can_not_be_written_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let nights = nights(2);
    add(&path, &nights[0]).unwrap();
    // A folder of this name keeps the new file from being made.
    fs::create_dir(folder.path().join("history.jsonl.part")).unwrap();
    let error = add(&path, &nights[1]).unwrap_err();
    assert!(error.to_string().starts_with("writing ") && !error.is_missing(), "{error}");
    assert_eq!(History::read(&path).unwrap().nights, nights[..1]);
}

#[test]
fn a_link_to_a_history_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.jsonl"), folder.path().join("link.jsonl"));
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let nights = nights(2);
    add(&link, &nights[0]).unwrap();
    add(&link, &nights[1]).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(History::read(&real).unwrap().nights, nights);
}

#[test]
fn a_rebuilt_history_has_the_records_and_the_runs_whose_records_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let mut nights = nights(3);
    add(&path, &nights[0]).unwrap();
    add(&path, &nights[2]).unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.seek(io::SeekFrom::End(0)).unwrap();
    file.write_all(b"broken\n").unwrap();
    let before = fs::read(&path).unwrap();
    nights[2].content = "read again".into();
    let rebuilt = rebuild(&path, vec![nights[2].clone(), nights[1].clone()]).unwrap();
    assert_eq!((rebuilt.from_records, rebuilt.kept, rebuilt.broken.len()), (2, 1, 1));
    assert_eq!(fs::read(rebuilt.old.unwrap()).unwrap(), before, "nothing is lost");
    assert_eq!(History::read(&path).unwrap(), History { nights: nights.clone(), broken: vec![] });
    let again = rebuild(&path, nights.clone()).unwrap();
    assert!(again.old.unwrap().display().to_string().ends_with("history.jsonl.old-2"));
}

#[test]
fn a_missing_file_is_told_from_others() {
    let folder = tempfile::tempdir().unwrap();
    assert!(History::read(&folder.path().join("none.jsonl")).unwrap_err().is_missing());
    assert!(!History::read(folder.path()).unwrap_err().is_missing());
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_lose_no_whole_line(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let nights = nights(2);
        let text = [&line(&nights[0]), &noise[..], b"\n", &line(&nights[1])].concat();
        let history = History::of(&text);
        // Noise that begins or ends with a line end spoils no line; other noise is on a line of its own.
        prop_assert_eq!(history.nights, nights);
    }

    #[test]
    fn cut_off_anywhere_all_lines_before_are_read(cut in 0usize..4000) {
        let nights = nights(3);
        let text: Vec<u8> = nights.iter().flat_map(line).collect();
        let cut = cut.min(text.len());
        let history = History::of(&text[..cut]);
        let whole = text[..cut].iter().filter(|&&byte| byte == b'\n').count();
        prop_assert!(history.nights.len() >= whole && history.nights.len() <= whole + 1);
        prop_assert!(history.broken.len() <= 1);
    }
}
