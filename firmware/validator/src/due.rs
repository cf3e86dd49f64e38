//! What a tap has to pay: the fare policy, put together with the memory.

use kernel::Ride;

use crate::board::Board;
use crate::clock;
use crate::fares::quote::{Kind, Quote, Tap};
use crate::journal::{Purpose, Record};
use crate::store::cards::Remembered;
use crate::store::{Store, StoreError};

/// What this card has to pay now; nothing if its account is not known. `stop` is where the bus is. Without a policy it has to pay
/// what it signed, `signed` in fen.
pub(crate) fn quote<B: Board>(store: &Store<'_, B>, stop: Option<u16>, ride: &Ride, signed: u32) -> Option<Quote> {
    let pan = ride.pan.as_ref()?;
    if store.policy().is_flat() {
        return Some(Quote::flat(signed));
    }
    let state = if store.policy().remembers() { store.card_state(pan, ride.psn) } else { None };
    let now_s = clock::to_seconds(ride.time);
    let tap = Tap { now_s, stop, aid: Some(ride.aid.as_bytes()), trace: store.next_trace() };
    Some(store.tariff().quote(state.as_ref(), &tap))
}

/// Another amount than the one that the card signed, if it has to sign that.
pub(crate) fn other_amount<B: Board>(store: &Store<'_, B>, stop: Option<u16>, ride: &Ride) -> Option<u32> {
    let (pan, due) = (ride.pan.as_ref()?, quote(store, stop, ride, ride.amount)?);
    // A card that may not pay now is refused with whatever it signed.
    let refused = due.kind == Kind::Debt && !store.may_pay_debt(pan, ride.psn);
    (due.claim > 0 && due.claim != ride.amount && !refused).then_some(due.claim)
}

/// Records a ride, and what is remembered of its card.
///
/// # Errors
/// [`StoreError`]; everything is as it was.
pub(crate) fn record<B: Board>(
    store: &mut Store<'_, B>,
    stop: Option<u16>,
    ride: &Ride,
    due: &Quote,
    record: Record,
) -> Result<(), StoreError> {
    let stop = stop.unwrap_or_default();
    let purpose = match due.kind {
        Kind::Ride => Purpose::Ride,
        Kind::On { within_s } => Purpose::On { within_s, stop },
        Kind::Off { on } => Purpose::Off { on, stop },
        Kind::Debt => Purpose::Debt,
    };
    let record = Record { fare: due.claim, purpose, ..record };
    match &ride.pan {
        Some(pan) if store.policy().remembers() => {
            let card = Remembered { pan: pan.clone(), psn: ride.psn, state: due.after };
            store.append_remembered(&record, &card)
        }
        _ => store.append_ride(&record),
    }
}
