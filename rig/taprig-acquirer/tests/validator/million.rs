//! A deny list of a million cards on a hosted validator. It takes a minute and 300 MB, so it runs only when it is asked for:
//! `cargo test --release -p taprig-acquirer --test validator million -- --ignored --nocapture`.
//!
//! The list comes over the line from the acquirer's host, page after page, through the validator's own download. Then its memory
//! becomes the file of a hosted board, and cards are looked up there as a tap does it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use board_sim::Nvm;
use kernel::Pan;
use serde_json::json;
use validator::board::{Board, ResetCause};
use validator::store::Store;

use super::board::Bench;
use super::{host, memory_of};

/// Cards on the list.
const CARDS: u32 = 1_000_000;

/// Bytes of the memory: half of it is for the two lists, and a card has 64 bytes.
const SIZE: u32 = 128 << 20;

/// Cards in a page: the most that a host may send.
const PAGE: u32 = 51;

/// Look-ups of each kind that are measured.
const LOOK_UPS: u32 = 100_000;

/// The longest time that half of the look-ups, and 99 of 100, may take.
const LIMIT: Duration = Duration::from_micros(50);

/// The number of a card on the list.
fn number(card: u32) -> String {
    taprig_model::units::Pan::made_up(card).to_string()
}

/// The number that has another last digit. No card has it, because the check digit would be wrong.
fn neighbour(number: &str) -> String {
    let (rest, last) = number.split_at(number.len() - 1);
    format!("{rest}{}", (last.parse::<u32>().unwrap() + 1) % 10)
}

fn pan(number: &str) -> Pan {
    Pan::from_digits(number).unwrap()
}

/// A board with the memory of a hosted board, and nothing else.
struct Shelf(Nvm);

impl Board for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }
    fn now_us(&self) -> u64 {
        0
    }
    fn sleep(&self, _until_us: u64) {}
    fn console_read(&self) -> Option<u8> {
        None
    }
    fn console_write(&self, _bytes: &[u8]) {}
    fn air_read(&self) -> Option<u8> {
        None
    }
    fn air_write(&self, _bytes: &[u8]) {}
    // As a hosted board has one: the layout of the memory depends on it.
    fn has_uplink_port(&self) -> bool {
        true
    }
    fn nvm_size(&self) -> usize {
        self.0.size()
    }
    fn nvm_read(&self, offset: usize, buffer: &mut [u8]) {
        self.0.read(offset, buffer).unwrap();
    }
    fn nvm_write(&self, offset: usize, bytes: &[u8]) {
        self.0.write(offset, bytes).unwrap();
    }
    fn rtc(&self) -> Option<u64> {
        None
    }
    fn set_rtc(&self, _seconds: u64) {}
    fn entropy(&self) -> u32 {
        0x1234_5678
    }
    fn image(&self) -> &[u8] {
        &[]
    }
    fn reset_cause(&self) -> ResetCause {
        ResetCause::Power
    }
    fn reset(&self) {}
}

/// The memory of a validator that has downloaded the whole list.
fn downloaded() -> Vec<u8> {
    let cards: Vec<String> = (0..CARDS).map(number).collect();
    let desk = host(json!({ "schema": 1, "deny-list": { "version": 7, "page": PAGE, "cards": cards } }));
    let mut bench = Bench::new(memory_of(SIZE as usize, &desk, &[]), &desk);
    bench.nvm.forgets_writes = true;
    let began = Instant::now();
    let said = bench.run(&["download deny"], 1);
    assert!(matches!(said.as_slice(), [line] if line.contains("result=done")), "{said:?}");
    let pages = desk.borrow().heard.len();
    println!(
        "{CARDS} cards came in {pages} messages with {} bytes over the line, in {:.1} s of this computer",
        bench.received.get(),
        began.elapsed().as_secs_f64()
    );
    assert!(pages >= (CARDS / PAGE) as usize, "{pages} messages");
    bench.nvm.take()
}

/// Times of look-ups, sorted. Each answer must be right.
fn look_up(store: &Store<'_, Shelf>, barred: bool) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..LOOK_UPS)
        .map(|turn| {
            // All over the list, by a step that shares no factor with it.
            let card = u32::try_from(u64::from(turn) * 7_919 % u64::from(CARDS)).unwrap();
            let number = number(card);
            let pan = if barred { pan(&number) } else { pan(&neighbour(&number)) };
            let began = Instant::now();
            let denied = store.denied(&pan, Some(1));
            let took = began.elapsed();
            assert_eq!(denied, barred, "{card}");
            took
        })
        .collect();
    times.sort_unstable();
    times
}

#[test]
#[ignore = "takes a minute and 300 MB, in release"]
fn a_deny_list_of_a_million_cards_is_downloaded_exact_and_fast() {
    let memory = downloaded();
    let path = std::env::temp_dir().join(format!("taprig-million-{}", std::process::id()));
    std::fs::write(&path, memory).unwrap();
    let shelf = Shelf(Nvm::open(&path, SIZE).unwrap());
    let began = Instant::now();
    let (store, _) = Store::open(&shelf);
    println!("the validator knows its memory after {:.2} s", began.elapsed().as_secs_f64());
    assert_eq!(store.deny_version(), 7);

    // Each card of the list, and the one behind each.
    for card in 0..CARDS {
        let listed: u64 = number(card).parse().unwrap();
        assert!(store.denied(&pan(&listed.to_string()), Some(1)), "{listed}");
        assert!(!store.denied(&pan(&(listed + 1).to_string()), Some(1)), "{listed} + 1");
    }
    // The first one, the last one, those beside a page's end, and one in the middle; and their neighbours.
    let edges: BTreeSet<u32> = [0, 1, PAGE - 1, PAGE, CARDS / 2, CARDS - 2, CARDS - 1].into();
    for card in edges {
        let listed = number(card).parse::<u64>().unwrap();
        for (number, barred) in [(listed - 1, false), (listed, true), (listed + 1, false), (listed + 9, false)] {
            assert_eq!(store.denied(&pan(&number.to_string()), Some(1)), barred, "{number}");
        }
        // Longer and shorter numbers are other cards.
        assert!(!store.denied(&pan(&format!("{listed}0")), Some(1)));
        assert!(!store.denied(&pan(&(listed / 10).to_string()), Some(1)));
    }

    for (kind, barred) in [("a barred card", true), ("another card", false)] {
        let times = look_up(&store, barred);
        let at = |of_thousand: usize| times[(times.len() - 1) * of_thousand / 1000];
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        println!(
            "{kind}: median {:.1} us, 99 % {:.1} us, 99.9 % {:.1} us, longest {:.1} us; {} of {LOOK_UPS} took longer than 50 us",
            us(at(500)),
            us(at(990)),
            us(at(999)),
            us(at(1000)),
            times.iter().filter(|time| **time > LIMIT).count()
        );
        // The longest ones are those in which the operating system ran something else.
        assert!(at(500) <= LIMIT && at(990) <= LIMIT, "{kind}");
    }
    std::fs::remove_file(path).unwrap();
}
