//! The board's main loop: reader on one side, host on the other, the card between them.

use crate::card::{Card, Event, FromReader, OnAir};
use crate::{Board, FIRMWARE, MAX_FRAME, loopback};
use heapless::{String, Vec};
use sha2::{Digest, Sha256};
use wire::air::Message;
use wire::frame::{Collected, Collector};
use wire::link::{AirFrame, Front, Identity, Note, Order, PROTOCOL, Refusal, Report, Request};

/// Runs the card emulator on a board. Returns when the board is [stopped](Board::stopped).
pub fn run<B: Board>(board: &B) {
    let mut air = Collector::<{ wire::air::MAX_PACKED }>::new();
    let mut link = Collector::<{ wire::link::MAX_PACKED }>::new();
    let mut relay = Relay::start(board);
    while !board.stopped() {
        // The reader first: it waits with a clock of its own.
        while let Some(byte) = board.air_read() {
            match air.push(byte) {
                Some(Collected::Frame(body)) => relay.air(board, body),
                // No exchange number to answer: the reader's guard time ends its wait.
                Some(Collected::Garbage) | None => {}
            }
        }
        if let Some(byte) = board.link_read() {
            match link.push(byte) {
                Some(Collected::Frame(body)) => relay.link(board, body),
                Some(Collected::Garbage) => relay.damaged(board),
                None => {}
            }
            continue;
        }
        let deadline = relay.serve(board);
        board.sleep(deadline);
    }
}

/// A frame of the reader that waits for the host's answer.
#[derive(Debug)]
struct Waiting {
    exchange: u8,
    /// When S(WTX) is due, on the board's clock.
    extend_at_us: u64,
}

/// The card emulator without its input loop.
#[derive(Debug)]
pub struct Relay {
    /// What the next card looks like.
    front: Option<Front>,
    /// The card in the field.
    card: Option<Card>,
    /// Modelled time at the end of the card before.
    air_us: u32,
    field: bool,
    trace: bool,
    waiting: Option<Waiting>,
    /// Number of the last command that went to the host.
    command: u16,
    /// Number of the next note.
    note: u16,
    digest: Option<[u8; 32]>,
}

impl Relay {
    /// Tells the host that the board has started.
    pub fn start<B: Board>(board: &B) -> Self {
        let mut relay = Self {
            front: None,
            card: None,
            air_us: 0,
            field: false,
            trace: false,
            waiting: None,
            command: 0,
            note: 0,
            digest: None,
        };
        // Closes what the host may have of a note that a reset cut off.
        board.link_write(&[0]);
        relay.tell(board, Report::Started);
        relay
    }

    /// Does what is due, and returns when something will be due next, on the board's clock.
    pub fn serve<B: Board>(&mut self, board: &B) -> u64 {
        let Some(waiting) = &self.waiting else { return u64::MAX };
        if board.now_us() < waiting.extend_at_us {
            return waiting.extend_at_us;
        }
        let exchange = waiting.exchange;
        self.waiting = None;
        let on_air = self.card.as_mut().map_or(OnAir::Silence, |card| card.extend(B::PATIENCE_US));
        self.send(board, exchange, &on_air);
        u64::MAX
    }

    /// One message from the air.
    pub fn air<B: Board>(&mut self, board: &B, body: &[u8]) {
        match Message::decode(body) {
            Ok(Message::FieldOn) => self.field(board, true),
            Ok(Message::FieldOff) => self.field(board, false),
            Ok(Message::Short { exchange, bits }) => self.hear(board, exchange, FromReader::Short(bits)),
            Ok(Message::Command { exchange, bytes }) => self.hear(board, exchange, FromReader::Bytes(bytes)),
            // No reader says anything else.
            Ok(_) | Err(_) => {}
        }
    }

    fn field<B: Board>(&mut self, board: &B, on: bool) {
        if !on {
            self.give_up(board);
            if let Some(event) = self.card.as_mut().and_then(Card::field_off) {
                self.event(board, event);
            }
        }
        if core::mem::replace(&mut self.field, on) != on {
            self.tell(board, Report::Field(on));
        }
    }

    /// Every frame gets one answer, the one before too, should the reader not have waited for it.
    fn give_up<B: Board>(&mut self, board: &B) {
        if let Some(waiting) = self.waiting.take() {
            self.send(board, waiting.exchange, &OnAir::Silence);
        }
    }

    fn hear<B: Board>(&mut self, board: &B, exchange: u8, frame: FromReader<'_>) {
        self.give_up(board);
        // A reader that was running before this board started has its field on.
        self.field(board, true);
        self.trace(board, frame);
        let Some(card) = &mut self.card else {
            self.send(board, exchange, &OnAir::Silence);
            return;
        };
        let (on_air, event) = card.hear(frame);
        if on_air == OnAir::Later {
            let extend_at_us = board.now_us().saturating_add(B::PATIENCE_US);
            self.waiting = Some(Waiting { exchange, extend_at_us });
        } else {
            self.send(board, exchange, &on_air);
        }
        if let Some(event) = event {
            self.event(board, event);
        }
    }

    fn send<B: Board>(&mut self, board: &B, exchange: u8, on_air: &OnAir) {
        let message = match on_air {
            OnAir::Silence | OnAir::Later => Message::Silence { exchange },
            OnAir::Collision => Message::Collision { exchange },
            OnAir::Frame { delay_us, frame } => Message::Answer { exchange, delay_us: *delay_us, bytes: frame },
        };
        to_air(board, &message);
        if let (true, OnAir::Frame { frame, .. }) = (self.trace, on_air) {
            let bytes = frame.iter().copied().collect();
            self.tell(board, Report::Frame(AirFrame { from_card: true, short: false, bytes }));
        }
    }

    fn trace<B: Board>(&mut self, board: &B, frame: FromReader<'_>) {
        if self.trace {
            let (short, bytes) = match frame {
                FromReader::Short(bits) => (true, Vec::from_iter([bits])),
                FromReader::Bytes(bytes) => (false, bytes.iter().copied().take(MAX_FRAME).collect()),
            };
            self.tell(board, Report::Frame(AirFrame { from_card: false, short, bytes }));
        }
    }

    fn event<B: Board>(&mut self, board: &B, event: Event) {
        let report = match event {
            Event::Activated { fsd } => Report::Activated { fsd },
            Event::Released(release) => Report::Released(release),
            Event::Command(command) => {
                // From 1, also after 65535.
                self.command = self.command.checked_add(1).unwrap_or(1);
                Report::Command { number: self.command, command }
            }
            Event::Left => {
                self.take_away(board);
                return;
            }
        };
        self.tell(board, report);
    }

    /// The card leaves the field.
    fn take_away<B: Board>(&mut self, board: &B) {
        self.give_up(board);
        let card = self.card.take();
        let traffic = card.as_ref().map(Card::traffic).unwrap_or_default();
        if let Some(card) = card {
            self.air_us = card.air_us();
            to_air(board, &Message::Load { card: false });
        }
        self.tell(board, Report::Removed(traffic));
    }

    /// One message from the host.
    pub fn link<B: Board>(&mut self, board: &B, body: &[u8]) {
        let Ok(Order { number, request }) = wire::link::decode(body) else {
            self.damaged(board);
            return;
        };
        let carried_out = match request {
            Request::Identify => {
                let identity = self.identity(board);
                self.tell(board, Report::Identity(identity));
                Ok(())
            }
            Request::Echo(bytes) => {
                self.tell(board, Report::Echo(bytes));
                Ok(())
            }
            Request::Configure(front) => self.configure(front),
            Request::Present => self.present(board),
            Request::Remove => {
                self.take_away(board);
                Ok(())
            }
            Request::Answer { command, answer } => match &mut self.card {
                Some(card) if card.is_awaiting() && command == self.command => {
                    let (on_air, event) = card.answer(answer);
                    // Nobody may wait: S(WTX) is on its way, or the reader gave up.
                    if on_air != OnAir::Later
                        && let Some(waiting) = self.waiting.take()
                    {
                        self.send(board, waiting.exchange, &on_air);
                    }
                    if let Some(event) = event {
                        self.event(board, event);
                    }
                    Ok(())
                }
                _ => Err(Refusal::NotAwaited),
            },
            Request::Trace(on) => {
                self.trace = on;
                Ok(())
            }
            Request::Loopback(blocks) => {
                let wire::loopback::Tally { sent, back, wrong } = loopback::looped(board, blocks);
                self.tell(board, Report::Looped { sent, back, wrong });
                Ok(())
            }
        };
        let report = match carried_out {
            Ok(()) => Report::Done(number),
            Err(why) => Report::Refused { order: number, why },
        };
        self.tell(board, report);
    }

    fn configure(&mut self, front: Front) -> Result<(), Refusal> {
        if !matches!(front.uid.len(), 4 | 7 | 10) {
            return Err(Refusal::Uid);
        }
        self.front = Some(front);
        Ok(())
    }

    fn present<B: Board>(&mut self, board: &B) -> Result<(), Refusal> {
        let front = self.front.clone().ok_or(Refusal::NoCard)?;
        self.give_up(board);
        self.card = Some(Card::new(front));
        to_air(board, &Message::Load { card: true });
        Ok(())
    }

    /// Bytes from the host that are no order.
    pub fn damaged<B: Board>(&mut self, board: &B) {
        self.tell(board, Report::Damaged);
    }

    fn identity<B: Board>(&mut self, board: &B) -> Identity {
        let digest = *self.digest.get_or_insert_with(|| match board.image() {
            [] => [0; 32],
            image => Sha256::digest(image).into(),
        });
        Identity {
            protocol: PROTOCOL,
            firmware: text(FIRMWARE),
            version: text(env!("CARGO_PKG_VERSION")),
            board: text(board.name()),
            digest,
        }
    }

    fn tell<B: Board>(&mut self, board: &B, report: Report) {
        let air_us = self.card.as_ref().map_or(self.air_us, Card::air_us);
        let note = Note { number: self.note, at_us: board.now_us(), air_us, report };
        self.note = self.note.wrapping_add(1);
        // No note exceeds the longest message; the host would see a gap in the numbers.
        if let Ok(packed) = wire::link::encode(&note) {
            board.link_write(&packed);
        }
    }
}

fn to_air<B: Board>(board: &B, message: &Message<'_>) {
    // A frame of the card is at most what a message carries.
    if let Ok(packed) = message.encode() {
        board.air_write(&packed);
    }
}

/// As much of `text` as fits.
fn text<const N: usize>(text: &str) -> String<N> {
    let mut fitting = String::new();
    for letter in text.chars() {
        if fitting.push(letter).is_err() {
            break;
        }
    }
    fitting
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::testing::{Bench, Desk, Got, front};
    use crate::with_crc;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec as StdVec;
    use wire::Response;
    use wire::link::{Answer, Fault, Release, Traffic};

    const SELECT: [u8; 6] = [0x02, 0x00, 0xA4, 0x04, 0x00, 0x00];

    fn answer(fault: Option<Fault>) -> Answer {
        Answer { response: Response::from_slice(&[0x90, 0x00]).expect("fits"), delay_us: 1000, fault }
    }

    fn bytes(got: &[Got]) -> &[u8] {
        let [Got::Answer { bytes, .. }] = got else { panic!("no answer but {got:?}") };
        bytes
    }

    #[test]
    fn a_whole_tap_is_told_in_order_and_numbered() {
        let mut bench = Bench::with(front());
        bench.activate();
        assert_eq!(bench.send(&SELECT), [], "the host thinks");
        let notes = bench.notes();
        let [field, activated, command] = &notes[..] else { panic!("{notes:?}") };
        assert_eq!(field.report, Report::Field(true));
        assert_eq!(activated.report, Report::Activated { fsd: 256 });
        assert_eq!(
            command.report,
            Report::Command { number: 1, command: wire::Command::from_slice(&SELECT[1..]).expect("fits") }
        );
        assert_eq!(command.number, activated.number + 1);
        assert!(command.air_us > activated.air_us);

        bench.answer(1, answer(None));
        let exchange = bench.exchange();
        let bytes = with_crc(&[0x02, 0x90, 0x00]).to_vec();
        assert_eq!(bench.got(), [Got::Answer { exchange, delay_us: 92 + 100 + 1000, bytes }]);
        bench.notes();

        bench.send(&[0xC2]);
        assert_eq!(bench.reports(), [Report::Released(Release::Deselected)]);
        bench.order(Request::Remove);
        assert_eq!(bench.got(), [Got::Load(false)]);
        let traffic = Traffic { from_reader: 6, from_card: 6, retries: 0, wtx: 0 };
        assert_eq!(bench.reports(), [Report::Removed(traffic), Report::Done(3 + 1)]);
    }

    #[test]
    fn air_time_of_a_tap_is_what_the_standard_makes_of_it() {
        let mut bench = Bench::with(front());
        bench.activate();
        bench.send(&SELECT);
        bench.answer(1, answer(None));
        bench.order(Request::Echo([0; 8]));
        let air_us = bench.notes().last().expect("a note").air_us;
        // Five exchanges, by hand: 128/fc = 9.4395 us, nine etu a byte and two around; seven bits are nine etu.
        let etu = |bytes: f64| (bytes * 9.0 + 2.0) * 9.4395;
        let up = 9.0 * 9.4395 + etu(2.0) + etu(9.0) + etu(4.0) + etu(8.0);
        let down = etu(2.0) + etu(5.0) + etu(3.0) + etu(7.0) + etu(5.0);
        let delays = 3.0 * 92.0 + 192.0 + 1192.0 + 4.0 * 500.0;
        assert!((f64::from(air_us) - up - down - delays).abs() < 3.0, "{air_us} us");
    }

    #[test]
    fn a_slow_host_makes_the_card_ask_for_time() {
        let mut bench = Bench::with(front());
        bench.activate();
        bench.send(&SELECT);
        assert_eq!(bench.relay.serve(&bench.desk), Desk::PATIENCE_US);
        assert_eq!(bench.got(), [], "not yet");
        bench.desk.now_us.set(Desk::PATIENCE_US);
        bench.relay.serve(&bench.desk);
        // 750 ms are twenty times FWT of FWI 7, begun.
        assert_eq!(bytes(&bench.got()), &with_crc(&[0xF2, 20])[..]);
        assert_eq!(bench.send(&[0xF2, 20]), [], "the host still thinks");
        bench.answer(1, answer(None));
        assert_eq!(bytes(&bench.got()), &with_crc(&[0x02, 0x90, 0x00])[..]);
        bench.order(Request::Remove);
        let removed = bench.reports();
        assert!(removed.iter().any(|report| matches!(report, Report::Removed(Traffic { wtx: 1, .. }))), "{removed:?}");
    }

    #[test]
    fn a_cut_takes_the_card_away_after_the_command() {
        let mut bench = Bench::with(front());
        bench.activate();
        bench.send(&SELECT);
        bench.notes();
        bench.answer(1, answer(Some(Fault::Cut)));
        let exchange = bench.exchange();
        assert_eq!(bench.got(), [Got::Silence(exchange), Got::Load(false)]);
        assert!(matches!(bench.reports()[..], [Report::Removed(_), Report::Done(_)]));
        assert_eq!(bench.short(0x52), [Got::Silence(exchange + 1)]);
    }

    #[test]
    fn a_mute_card_stays_and_says_nothing() {
        let mut bench = Bench::with(front());
        bench.activate();
        bench.send(&SELECT);
        bench.answer(1, answer(Some(Fault::Mute)));
        bench.got();
        bench.reader(&Message::FieldOff);
        bench.reader(&Message::FieldOn);
        assert!(matches!(bench.short(0x52)[..], [Got::Silence(_)]));
    }

    #[test]
    fn answers_that_nobody_waits_for_are_refused() {
        let mut bench = Bench::with(front());
        bench.answer(1, answer(None));
        assert!(matches!(bench.reports()[..], [Report::Refused { why: Refusal::NotAwaited, .. }]));
        bench.activate();
        bench.send(&SELECT);
        bench.notes();
        bench.answer(2, answer(None));
        assert!(matches!(bench.reports()[..], [Report::Refused { why: Refusal::NotAwaited, .. }]));
        bench.reader(&Message::FieldOff);
        let exchange = bench.exchange();
        assert_eq!(bench.got(), [Got::Silence(exchange)], "the exchange is closed");
        assert_eq!(bench.reports(), [Report::Released(Release::FieldOff), Report::Field(false)]);
        bench.answer(1, answer(None));
        assert!(matches!(bench.reports()[..], [Report::Refused { why: Refusal::NotAwaited, .. }]));
    }

    #[test]
    fn a_reader_that_asks_again_while_the_host_thinks_gets_the_answer_on_its_last_frame() {
        let mut bench = Bench::with(front());
        bench.activate();
        bench.send(&SELECT);
        let first = bench.exchange();
        assert_eq!(bench.send(&[0xB2]), [Got::Silence(first)]);
        bench.answer(1, answer(None));
        let got = bench.got();
        assert!(matches!(got[..], [Got::Answer { exchange, .. }] if exchange == first + 1), "{got:?}");
    }

    #[test]
    fn orders_are_checked() {
        let mut bench = Bench::new();
        assert_eq!(bench.reports(), [Report::Started]);
        bench.order(Request::Present);
        assert_eq!(bench.reports(), [Report::Refused { order: 1, why: Refusal::NoCard }]);
        bench.order(Request::Configure(Front { uid: Vec::from_slice(&[1, 2]).expect("fits"), ..front() }));
        assert_eq!(bench.reports(), [Report::Refused { order: 2, why: Refusal::Uid }]);
        bench.order(Request::Echo(*b"taprig!!"));
        assert_eq!(bench.reports(), [Report::Echo(*b"taprig!!"), Report::Done(3)]);
        bench.relay.link(&bench.desk, &[1, 2, 3]);
        assert_eq!(bench.reports(), [Report::Damaged]);
    }

    #[test]
    fn identity_carries_the_digest_of_the_image() {
        let mut bench = Bench::new();
        bench.notes();
        bench.order(Request::Identify);
        let reports = bench.reports();
        let [Report::Identity(identity), Report::Done(1)] = &reports[..] else { panic!("{reports:?}") };
        assert_eq!(identity.firmware, FIRMWARE);
        assert_eq!(identity.board, "desk");
        // FIPS 180-4's example: SHA-256 of "abc".
        assert_eq!(identity.digest[..4], [0xBA, 0x78, 0x16, 0xBF]);
    }

    #[test]
    fn frames_are_told_while_traced() {
        let mut bench = Bench::with(front());
        bench.order(Request::Trace(true));
        bench.notes();
        bench.short(0x52);
        let frames: StdVec<_> = bench
            .reports()
            .into_iter()
            .filter_map(|report| match report {
                Report::Frame(frame) => Some((frame.from_card, frame.short, frame.bytes.to_vec())),
                _ => None,
            })
            .collect();
        assert_eq!(frames, [(false, true, vec![0x52]), (true, false, vec![0x04, 0x00])]);
    }

    /// What a reader or a host may do, sensible or not.
    #[derive(Debug, Clone)]
    enum Act {
        Short(u8),
        Raw(StdVec<u8>),
        Crc(StdVec<u8>),
        Field(bool),
        Answer(StdVec<u8>, Option<Fault>),
        Present,
        Remove,
        Wait,
    }

    fn acts() -> impl Strategy<Value = Act> {
        let fault = prop_oneof![
            Just(None),
            (0..3u8).prop_map(|times| Some(Fault::Drop { times })),
            (any::<u32>(), 0..3u8).prop_map(|(seed, times)| Some(Fault::Corrupt { seed, times })),
            any::<u32>().prop_map(|delay_us| Some(Fault::Late { delay_us })),
            (0..3u8, any::<u8>()).prop_map(|(times, multiplier)| Some(Fault::Wtx { times, multiplier })),
            any::<u8>().prop_map(|size| Some(Fault::Chain { size })),
            any::<u8>().prop_map(|pcb| Some(Fault::Pcb(pcb))),
            prop::sample::select(vec![Fault::Cut, Fault::Mute, Fault::BlockNumber, Fault::Oversize]).prop_map(Some),
        ];
        let pcb = prop::sample::select(vec![0x02, 0x03, 0x12, 0x13, 0xA2, 0xA3, 0xB2, 0xB3, 0xC2, 0xF2, 0xE0, 0x50]);
        let block = (pcb, prop::collection::vec(any::<u8>(), 0..6)).prop_map(|(pcb, inf)| {
            let mut block = vec![pcb];
            block.extend(inf);
            Act::Crc(block)
        });
        prop_oneof![
            1 => prop::sample::select(vec![0x26, 0x52, 0x00]).prop_map(Act::Short),
            1 => prop::collection::vec(any::<u8>(), 0..280).prop_map(Act::Raw),
            8 => block,
            1 => prop::sample::select(vec![vec![0xA2], vec![0xA3], vec![0xB2], vec![0xB3]]).prop_map(Act::Crc),
            1 => any::<bool>().prop_map(Act::Field),
            6 => (prop::collection::vec(any::<u8>(), 0..258), fault).prop_map(|(bytes, fault)| Act::Answer(bytes, fault)),
            1 => Just(Act::Present),
            1 => Just(Act::Remove),
            2 => Just(Act::Wait),
        ]
    }

    proptest! {
        #[test]
        fn every_frame_gets_exactly_one_answer(activate: bool, acts in prop::collection::vec(acts(), 0..60)) {
            let mut bench = Bench::with(front());
            if activate {
                bench.activate();
            }
            let mut open: StdVec<u8> = StdVec::new();
            let mut command = 0;
            for act in acts {
                let mut got = match act {
                    Act::Short(bits) => { let got = bench.short(bits); open.push(bench.exchange()); got }
                    Act::Raw(bytes) => { let got = bench.raw(&bytes); open.push(bench.exchange()); got }
                    Act::Crc(body) => { let got = bench.send(&body); open.push(bench.exchange()); got }
                    Act::Field(true) => { bench.reader(&Message::FieldOn); bench.got() }
                    Act::Field(false) => { bench.reader(&Message::FieldOff); bench.got() }
                    Act::Answer(bytes, fault) => {
                        let response = Response::from_slice(&bytes).expect("fits");
                        bench.answer(command, Answer { response, delay_us: 0, fault });
                        bench.got()
                    }
                    Act::Present => { bench.order(Request::Present); bench.got() }
                    Act::Remove => { bench.order(Request::Remove); bench.got() }
                    Act::Wait => {
                        bench.desk.now_us.set(bench.desk.now_us.get() + Desk::PATIENCE_US);
                        bench.relay.serve(&bench.desk);
                        bench.got()
                    }
                };
                got.retain(|got| !matches!(got, Got::Load(_)));
                for got in got {
                    let (Got::Answer { exchange, .. } | Got::Silence(exchange) | Got::Collision(exchange)) = got else {
                        unreachable!()
                    };
                    prop_assert_eq!(open.first(), Some(&exchange), "answered once, and in order");
                    open.remove(0);
                }
                prop_assert!(open.len() <= 1, "only the last frame may wait: {:?}", open);
                prop_assert_eq!(open.is_empty(), bench.relay.waiting.is_none());
                for report in bench.reports() {
                    if let Report::Command { number, .. } = report {
                        command = number;
                    }
                }
            }
            bench.reader(&Message::FieldOff);
            prop_assert_eq!(bench.got().len(), open.len());
        }
    }
}
