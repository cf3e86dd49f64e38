//! What the three sides have of one item.

use crate::class::{Acquirer, Clearing, class};
use crate::group::GroupNames;
use crate::names::Name;
use crate::place::Place;
use crate::time::Moment;
use taprig_model::acquirer::ResponseCode;
use taprig_model::acquirer::log::State;
use taprig_model::books::result::{Class, Side, Sums};

/// What an item is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) merchant: Name,
    pub(crate) terminal: Name,
    pub(crate) batch: u32,
    pub(crate) trace: u32,
}

/// A ride in the journal.
#[derive(Debug, Clone)]
pub(crate) struct Ridden {
    pub(crate) fen: u64,
    pub(crate) state: State,
    pub(crate) code: Option<Box<ResponseCode>>,
    pub(crate) at: Option<Moment>,
    pub(crate) line: Option<Name>,
    pub(crate) bus: Option<Name>,
    pub(crate) product: Option<Name>,
    pub(crate) place: Option<Place>,
}

/// A claim in the acquirer's log.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) fen: u64,
    pub(crate) state: State,
    /// When the acquirer heard of it first.
    pub(crate) at: Option<Moment>,
    pub(crate) place: Option<Place>,
}

/// A payment in the clearing file.
#[derive(Debug, Clone)]
pub(crate) struct Paid {
    pub(crate) fen: u64,
    pub(crate) at: Option<Moment>,
    pub(crate) line: Option<Name>,
    pub(crate) product: Option<Name>,
    pub(crate) place: Option<Place>,
}

/// What the sides have of an item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    pub(crate) journal: Option<Ridden>,
    pub(crate) acquirer: Option<Claimed>,
    pub(crate) clearing: Option<Paid>,
}

impl Entries {
    /// The amount that a side has.
    pub(crate) fn fen(&self, side: Side) -> Option<u64> {
        match side {
            Side::Journal => self.journal.as_ref().map(|ride| ride.fen),
            Side::Acquirer => self.acquirer.as_ref().map(|claim| claim.fen),
            Side::Clearing => self.clearing.as_ref().map(|paid| paid.fen),
        }
    }

    /// Whether two sides have different amounts.
    pub(crate) fn amounts_differ(&self) -> bool {
        let mut amounts = Side::ALL.iter().filter_map(|side| self.fen(*side));
        amounts.next().is_some_and(|first| amounts.any(|other| other != first))
    }

    /// When the ride took place, as well as the sides know it.
    pub(crate) fn at(&self) -> Option<Moment> {
        let ride = self.journal.as_ref().and_then(|ride| ride.at);
        ride.or_else(|| self.clearing.as_ref()?.at).or_else(|| self.acquirer.as_ref()?.at)
    }

    /// The line.
    pub(crate) fn line(&self) -> Option<Name> {
        self.journal.as_ref().and_then(|ride| ride.line).or_else(|| self.clearing.as_ref()?.line)
    }

    /// The product.
    pub(crate) fn product(&self) -> Option<Name> {
        self.journal.as_ref().and_then(|ride| ride.product).or_else(|| self.clearing.as_ref()?.product)
    }

    /// The class of an item on whose end all sides agree: neither a day of clearing nor other items can change it. All three sides are
    /// given.
    pub(crate) fn settled(&self) -> Option<Class> {
        let (Some(ride), Some(claim)) = (&self.journal, &self.acquirer) else { return None };
        // A ride without a day may be from before the journal.
        if self.amounts_differ() || ride.at.is_none() {
            return None;
        }
        let of = |clearing| class(Some(ride.state), Acquirer::Has(claim.state), clearing);
        let class = match &self.clearing {
            Some(_) => of(Clearing::Has),
            None => of(Clearing::Missing).filter(|class| of(Clearing::NotDue) == Some(*class)),
        };
        class.filter(|class| !class.differs() && *class != Class::Waiting)
    }

    /// What it is added to if it is of this class.
    pub(crate) fn group(&self, key: Key, class: Class) -> GroupNames {
        let day = self.at().map(|at| at.day);
        let Key { merchant, terminal, batch, .. } = key;
        GroupNames { day, merchant, terminal, batch, line: self.line(), product: self.product(), class }
    }

    /// Adds the amounts of the sides.
    pub(crate) fn add_to(&self, sums: &mut Sums) {
        for side in Side::ALL {
            if let Some(fen) = self.fen(side) {
                sums.of_mut(side).add(fen);
            }
        }
    }
}
