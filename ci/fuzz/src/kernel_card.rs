//! A card that answers anything: the kernel ends in an outcome, and no ride comes of it without a signature.

use kernel::{
    CaKey, Card, Environment, LinkError, Mode, Outcome, OutcomeKind, Pan, Rid, Ride, Settings, Transaction, UiRequest,
};

/// Answers are cut out of the input: two bytes of length, then the bytes.
struct Anything<'a>(&'a [u8]);

impl Card for Anything<'_> {
    fn transmit(&mut self, _: &[u8], response: &mut wire::Response) -> Result<(), LinkError> {
        let Some((len, rest)) = self.0.split_first_chunk::<2>() else { return Err(LinkError::Timeout) };
        let len = usize::from(u16::from_be_bytes(*len)) % (wire::MAX_RESPONSE + 1);
        let (answer, rest) = rest.split_at(len.min(rest.len()));
        self.0 = rest;
        response.clear();
        response.extend_from_slice(answer).map_err(|_| LinkError::Protocol)
    }
}

struct World;

impl Environment for World {
    fn ca_key(&self, _: &Rid, _: u8) -> Option<CaKey> {
        None
    }
    fn has_sm2_key(&self, _: &Rid) -> bool {
        false
    }
    fn revoked(&self, _: &Rid, _: u8, _: &[u8; 3]) -> bool {
        false
    }
    fn denied(&self, _: &Pan, _: Option<u8>) -> bool {
        false
    }
    fn rode(&self, _: &Pan, _: Option<u8>) -> bool {
        false
    }
    // Each card has left a payment whose end is lost, so a lower balance counts as paid if the card is authenticated.
    fn torn(&self, _: &Pan, _: Option<u8>) -> Option<u64> {
        Some(500)
    }
    fn about_to_pay(&mut self, _: &Ride, _: u64) -> bool {
        true
    }
    fn journal_has_room(&self) -> bool {
        true
    }
    fn ui(&mut self, _: &UiRequest) {}
}

/// One input.
pub fn run(input: &[u8]) {
    let Some((&choice, answers)) = input.split_first() else { return };
    let mode = [Mode::BusOda, Mode::Offline, Mode::Online][usize::from(choice) % 3];
    let settings = Settings { mode, ..Settings::default() };
    let time = kernel::DateTime { date: kernel::Date { year: 2018, month: 5, day: 21 }, hour: 8, minute: 0, second: 0 };
    let transaction = Transaction { amount: 100, time, unpredictable_number: [1, 2, 3, 4] };
    let outcome: Outcome = kernel::run(&mut Anything(answers), &mut World, &settings, &transaction);
    // Without a CA key no signature can be right.
    assert!(mode == Mode::Online || outcome.kind != OutcomeKind::Approved);
}
