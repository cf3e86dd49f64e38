//! Lists that terminals download.

use super::request::Request;
use super::{Host, Reply};
use crate::codec::Message;
use crate::codec::lists::{self, AuthorityKey, Page};
use std::borrow::Cow;
use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::rules::{Action, DenyList, Part};

/// The network code of a request for a key of an authority.
const KEY: u16 = 370;

/// Cards in a page unless the rules file says otherwise.
const CARDS_IN_A_PAGE: usize = 20;

/// The deny list of a host.
#[derive(Debug, Clone)]
pub(super) struct Deny {
    version: u32,
    page: usize,
    cards: Vec<String>,
}

impl Deny {
    pub(super) fn new(list: Option<DenyList>) -> Self {
        let Some(list) = list else { return Self { version: 0, page: CARDS_IN_A_PAGE, cards: Vec::new() } };
        Self {
            version: list.version.0,
            page: list.page.map_or(CARDS_IN_A_PAGE, |page| page.0 as usize),
            cards: list.cards.iter().map(|card| card.digits().to_owned()).collect(),
        }
    }

    pub(super) fn has(&self, card: &str) -> bool {
        self.cards.iter().any(|listed| listed == card)
    }

    /// Adds a card, and returns the version that has it.
    pub(super) fn add(&mut self, card: &str) -> u32 {
        if !self.has(card) {
            self.cards.push(card.to_owned());
            self.version = (self.version + 1) % 100_000_000;
        }
        self.version
    }

    fn page(&self, cursor: u64) -> Page {
        let from = usize::try_from(cursor).unwrap_or(usize::MAX);
        let left = self.cards.get(from..).unwrap_or_default();
        let cards = left[..left.len().min(self.page)].to_vec();
        let next = (cards.len() < left.len()).then(|| cursor + cards.len() as u64);
        Page { next, version: self.version, cards }
    }
}

/// What a rule makes different in a list that a terminal downloads.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Twist {
    /// A page of the deny list says that the next one begins here.
    next: Option<u64>,
    /// The check sum of a key is wrong.
    check_sum: bool,
    /// Another key takes the place of the one that was asked for.
    other_key: bool,
}

impl Twist {
    pub(super) fn of(actions: &[Action]) -> Self {
        Self {
            next: actions.iter().find_map(|action| match action {
                Action::NextPage(cursor) => Some(u64::from(cursor.0)),
                _ => None,
            }),
            check_sum: actions.contains(&Action::Wrong(Part::CheckSum)),
            other_key: actions.contains(&Action::Wrong(Part::Key)),
        }
    }

    /// What the rule asks for and the answer does not have.
    pub(super) fn misses(self, kind: Option<MessageKind>, code: u16) -> Option<&'static str> {
        if self.next.is_some() && kind != Some(MessageKind::ListPage) {
            return Some("the answer is no page of the deny list, so it names no next page");
        }
        let is_key = kind == Some(MessageKind::KeyPage) && code == KEY;
        ((self.check_sum || self.other_key) && !is_key)
            .then_some("the answer has no key of an authority that could be wrong")
    }

    /// Makes a key wrong. `all` are the keys of the host.
    fn key<'k>(self, asked: Option<&'k AuthorityKey>, all: &'k [AuthorityKey]) -> Option<Cow<'k, AuthorityKey>> {
        let mut key = Cow::Borrowed(asked?);
        if self.other_key
            && let Some(other) = all.iter().find(|other| other.name != key.name)
        {
            key = Cow::Borrowed(other);
        }
        if self.check_sum
            && let Some(first) = key.to_mut().check_sum.first_mut()
        {
            *first ^= 1;
        }
        Some(key)
    }
}

impl Host {
    pub(super) fn list_page(&mut self, request: &Request, twist: Twist) -> Reply {
        let asked = match lists::page_request(request.message.data(63).unwrap_or_default()) {
            Ok(asked) => asked,
            Err(error) => return Reply::new("30", error),
        };
        let mut page = self.deny.page(asked.cursor);
        page.next = twist.next.or(page.next);
        let why = format!(
            "version {}: {} cards from {} on, {}",
            page.version,
            page.cards.len(),
            asked.cursor,
            if page.next.is_some() { "more follow" } else { "no more" }
        );
        Reply { add: Message::default().bytes(63, page.field()), ..Reply::new("00", why) }
    }

    pub(super) fn key_page(&mut self, request: &Request, twist: Twist) -> Reply {
        let field = request.message.data(62).unwrap_or_default();
        let keys = self.setup.authorities();
        let (field, why) = match request.code {
            371 => return Reply::new("00", "the download of keys has ended"),
            372 => match lists::list_request(field) {
                Ok(from) => (lists::list_answer(keys, from), format!("{} keys in all, from {from} on", keys.len())),
                Err(error) => return Reply::new("30", error),
            },
            _ => match lists::key_request(field) {
                Ok(name) => {
                    let key = keys.iter().find(|key| key.name == name);
                    let what = if key.is_some() { "the key with index" } else { "there is no key with index" };
                    (lists::key_answer(twist.key(key, keys).as_deref()), format!("{what} {:02X}", name.index))
                }
                Err(error) => return Reply::new("30", error),
            },
        };
        Reply { add: Message::default().bytes(62, field), ..Reply::new("00", why) }
    }
}
