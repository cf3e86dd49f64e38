//! Lists that terminals download.

use super::request::Request;
use super::{Host, Reply};
use crate::codec::Message;
use crate::codec::lists::{self, Page};
use taprig_model::acquirer::rules::DenyList;

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

impl Host {
    pub(super) fn list_page(&mut self, request: &Request) -> Reply {
        let asked = match lists::page_request(request.message.data(63).unwrap_or_default()) {
            Ok(asked) => asked,
            Err(error) => return Reply::new("30", error),
        };
        let page = self.deny.page(asked.cursor);
        let why = format!(
            "version {}: {} cards from {} on, {}",
            page.version,
            page.cards.len(),
            asked.cursor,
            if page.next.is_some() { "more follow" } else { "no more" }
        );
        Reply { add: Message::default().bytes(63, page.field()), ..Reply::new("00", why) }
    }

    pub(super) fn key_page(&mut self, request: &Request) -> Reply {
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
                    (lists::key_answer(key), format!("{what} {:02X}", name.index))
                }
                Err(error) => return Reply::new("30", error),
            },
        };
        Reply { add: Message::default().bytes(62, field), ..Reply::new("00", why) }
    }
}
