//! What a card asks for in the standard debit/credit flow (JR/T 0025.5, EMV Book 3).

use crate::tlv::{DolEntry, data_object_list};
use taprig_model::card;

/// What a card without a list of its own signs: the reader's unpredictable number.
const DEFAULT_DDOL: [DolEntry; 1] = [DolEntry { tag: 0x9F37, length: 4 }];

/// What the card asks for in this flow.
#[derive(Debug, Clone)]
pub(crate) struct Standard {
    cdol1: Vec<DolEntry>,
    ddol: Vec<DolEntry>,
}

fn length(list: &[DolEntry]) -> usize {
    list.iter().map(|entry| entry.length).sum()
}

impl Standard {
    /// `None` if a list ends within an entry.
    pub(crate) fn new(image: &card::Standard) -> Option<Self> {
        let ddol = image.ddol.as_ref().map(|list| data_object_list(&list.0));
        Some(Self {
            cdol1: data_object_list(&image.cdol1.0)?,
            ddol: match ddol {
                Some(list) => list?,
                None => DEFAULT_DDOL.to_vec(),
            },
        })
    }

    pub(crate) fn authenticates(&self, data: &[u8]) -> bool {
        data.len() == length(&self.ddol)
    }

    pub(crate) fn generates(&self, data: &[u8]) -> bool {
        data.len() == length(&self.cdol1)
    }

    /// The value of a tag in the data of GENERATE AC, `wanted` bytes long.
    pub(crate) fn of_reader(&self, data: &[u8], tag: u32, wanted: usize) -> Vec<u8> {
        let mut at = 0;
        let mut found = Vec::new();
        for entry in &self.cdol1 {
            if entry.tag == tag {
                found = data.get(at..at + entry.length).unwrap_or_default().to_vec();
            }
            at += entry.length;
        }
        found.resize(wanted, 0);
        found
    }
}
