//! Measures a deny list of a million cards on a hosted board, whose memory is a file:
//! `cargo run --release -p board-sim --example deny_list [CARDS] [FILE]`.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use kernel::Pan;
use validator::board::{Board, ResetCause};
use validator::store::Store;

/// Bytes of memory for each card that the list takes.
const BYTES_A_CARD: usize = 128;

/// Look-ups of each kind.
const LOOK_UPS: u32 = 100_000;

/// A board that has memory and nothing else.
struct Memory {
    file: File,
    size: usize,
}

impl Board for Memory {
    fn name(&self) -> &'static str {
        "memory"
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
    // A list is downloaded into a second table, which only a board with such a port has.
    fn has_uplink_port(&self) -> bool {
        true
    }

    fn nvm_size(&self) -> usize {
        self.size
    }
    fn nvm_read(&self, offset: usize, buffer: &mut [u8]) {
        self.file.read_exact_at(buffer, offset as u64).expect("the file is as long as the memory");
    }
    fn nvm_write(&self, offset: usize, bytes: &[u8]) {
        self.file.write_all_at(bytes, offset as u64).expect("the file can be written");
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

/// The card with this number.
fn card(number: u32) -> Pan {
    Pan::from_digits(&format!("62260000{number:08}")).expect("16 digits")
}

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let cards: u32 = args.next().map_or(1_000_000, |text| text.parse().expect("a number of cards"));
    let path = args.next().unwrap_or_else(|| "target/deny-list.bin".into());
    let size = (cards as usize * BYTES_A_CARD).max(1 << 20);
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    file.set_len(size as u64)?;
    let memory = Memory { file, size };
    let began = Instant::now();
    let (mut store, _) = Store::open(&memory);
    let mut download = store.begin_deny().expect("the memory keeps what is written");
    for number in 0..cards {
        store.load_deny(&mut download, &card(number)).expect("room");
    }
    store.finish_deny(download, 1).expect("the memory keeps what is written");
    println!("{cards} cards loaded in {:.1} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let (store, _) = Store::open(&memory);
    println!("opened in {:.2} s", began.elapsed().as_secs_f64());
    for (kind, first, expected) in [("barred", 0, true), ("other", 50_000_000, false)] {
        let mut times: Vec<Duration> = (0..LOOK_UPS)
            .map(|n| {
                // All over the list, by a step that shares no factor with it.
                let card = card(first + u32::try_from(u64::from(n) * 7_919 % u64::from(cards)).expect("below cards"));
                let began = Instant::now();
                let denied = store.denied(&card, Some(1));
                let took = began.elapsed();
                assert_eq!(denied, expected, "{kind} card {n}");
                took
            })
            .collect();
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
        println!("{kind} card: median {:.1} us, 99.9 % {:.1} us, longest {:.1} us", at(0.5), at(0.999), at(1.0));
    }
    std::fs::remove_file(path)
}
