//! The self-test of the air.

use crate::CardBoard;
use wire::loopback::{PATIENCE_US, Tally};

/// The self-test of the air, with its transmitter wired to its receiver.
pub(crate) fn looped<B: CardBoard>(board: &B, blocks: u16) -> Tally {
    // What a reader said before is none of it.
    while board.air_read().is_some() {}
    let next = || {
        let until = board.now_us() + PATIENCE_US;
        loop {
            match board.air_read() {
                None if board.now_us() < until && !board.stopped() => board.sleep(until),
                byte => return byte,
            }
        }
    };
    Tally::of(blocks.into(), |bytes| board.air_write(bytes), next)
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;
    use wire::link::{Report, Request};

    #[test]
    fn a_board_whose_air_is_wired_to_itself_counts_what_comes_back() {
        let mut bench = Bench::new();
        bench.reports();
        bench.order(Request::Loopback(3));
        assert_eq!(bench.reports(), [Report::Looped { sent: 768, back: 0, wrong: 0 }, Report::Done(1)]);
        bench.desk.wired_to_itself.set(true);
        bench.order(Request::Loopback(3));
        assert_eq!(bench.reports(), [Report::Looped { sent: 768, back: 768, wrong: 0 }, Report::Done(2)]);
    }
}
