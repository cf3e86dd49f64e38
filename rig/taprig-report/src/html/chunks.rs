//! What the page unpacks on demand: the details of the cases, in chunks of compressed lines.
//!
//! The first line of a chunk is its table: everything that its cases refer to. The other lines are cases, which consist mostly of
//! numbers that refer to a table. An entry that occurs in more than one chunk goes to a table that all chunks share, so that the
//! certificates of a card are not repeated in each chunk. A number from 0 on refers to the table of the chunk, and a negative number to
//! the shared table (-1 is its first entry).

use std::collections::HashMap;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Cases in a chunk. More cases make the file smaller, and a case opens more slowly.
const CASES: usize = 20;

/// Bytes of a chunk before it is compressed. Large cases make smaller chunks.
const CHUNK: usize = 320 * 1024;

/// Bytes of the shared table before it is compressed. It is unpacked when the first case is opened.
const SHARED: usize = 1024 * 1024;

/// Shorter entries are not worth an entry in the shared table.
const SHORTEST: usize = 24;

/// Where an entry was seen so far.
#[derive(Debug, Clone, Copy)]
enum Seen {
    /// In the table of this chunk.
    In(usize),
    /// In the shared table.
    Shared(i64),
}

/// Where the details of a case are: number of the chunk, and number of the line in it.
pub(super) type Place = (usize, usize);

/// Collects cases.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    packed: Vec<String>,
    shared: Vec<String>,
    shared_bytes: usize,
    seen: HashMap<[u8; 16], Seen>,
    /// The chunk that is being filled.
    table: Vec<String>,
    known: HashMap<String, i64>,
    cases: Vec<String>,
    bytes: usize,
}

impl Chunks {
    /// A number that refers to this entry.
    pub(super) fn refer(&mut self, entry: &Value) -> i64 {
        let text = entry.to_string();
        if let Some(known) = self.known.get(&text) {
            return *known;
        }
        let reference = self.shared(&text).unwrap_or_else(|| {
            self.bytes += text.len();
            self.table.push(text.clone());
            i64::try_from(self.table.len() - 1).unwrap_or(i64::MAX)
        });
        self.known.insert(text, reference);
        reference
    }

    /// A number that refers to a text.
    pub(super) fn text(&mut self, text: &str) -> i64 {
        self.refer(&Value::from(super::text::visible(text)))
    }

    /// The number of an entry in the shared table, if it belongs there.
    fn shared(&mut self, text: &str) -> Option<i64> {
        if text.len() < SHORTEST {
            return None;
        }
        // Half of the digest: no record can be made so that two entries are taken for one.
        let mut key = [0; 16];
        key.copy_from_slice(&Sha256::digest(text)[..16]);
        let chunk = self.packed.len();
        match self.seen.get(&key) {
            Some(Seen::Shared(reference)) => Some(*reference),
            Some(Seen::In(other)) if *other != chunk && self.shared_bytes + text.len() <= SHARED => {
                self.shared.push(text.to_owned());
                self.shared_bytes += text.len();
                let reference = -i64::try_from(self.shared.len()).unwrap_or(i64::MAX);
                self.seen.insert(key, Seen::Shared(reference));
                Some(reference)
            }
            Some(Seen::In(_)) => None,
            None => {
                self.seen.insert(key, Seen::In(chunk));
                None
            }
        }
    }

    /// Adds the details of a case.
    pub(super) fn add(&mut self, case: &Value) -> Place {
        let line = case.to_string();
        self.bytes += line.len();
        self.cases.push(line);
        let place = (self.packed.len(), self.cases.len());
        if self.cases.len() == CASES || self.bytes >= CHUNK {
            self.close();
        }
        place
    }

    fn close(&mut self) {
        if self.cases.is_empty() {
            return;
        }
        let cases = std::mem::take(&mut self.cases);
        let table = format!("[{}]", std::mem::take(&mut self.table).join(","));
        self.packed.push(pack(&[&[table], &cases[..]].concat().join("\n")));
        self.known.clear();
        self.bytes = 0;
    }

    /// Bytes of all that is packed so far.
    pub(super) fn size(&self) -> usize {
        self.packed.iter().map(String::len).sum()
    }

    /// The chunks and the shared table.
    pub(super) fn finish(mut self) -> (Vec<String>, String) {
        self.close();
        let shared = pack(&format!("[{}]", self.shared.join(",")));
        (self.packed, shared)
    }
}

/// Compressed, and in letters that HTML takes as they are.
fn pack(text: &str) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory can't fail.
    let _ = encoder.write_all(text.as_bytes());
    STANDARD.encode(encoder.finish().unwrap_or_default())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read as _;

    /// The lines of a chunk.
    pub(in crate::html) fn unpack(packed: &str) -> Vec<Value> {
        let mut text = String::new();
        GzDecoder::new(&STANDARD.decode(packed).unwrap()[..]).read_to_string(&mut text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What a number refers to.
    pub(in crate::html) fn entry(reference: i64, table: &Value, shared: &Value) -> Value {
        match usize::try_from(reference) {
            Ok(place) => table[place].clone(),
            Err(_) => shared[usize::try_from(-reference - 1).unwrap()].clone(),
        }
    }

    #[test]
    fn every_reference_leads_to_what_was_referred_to() {
        let mut chunks = Chunks::default();
        let (mut wanted, mut places) = (vec![], vec![]);
        for number in 0..2 * CASES + 7 {
            let texts = [format!("short {}", number % 3), "a text that all cases share with each other".to_owned()];
            let own = format!("a text that only case number {number} has in it");
            let texts: Vec<_> = texts.into_iter().chain([own]).collect();
            let references: Vec<_> = texts.iter().map(|text| chunks.text(text)).collect();
            places.push(chunks.add(&Value::from(references)));
            wanted.push(texts);
        }
        let (packed, shared) = chunks.finish();
        assert_eq!(packed.len(), 3);
        let shared = unpack(&shared).remove(0);
        assert_eq!(shared.as_array().unwrap().len(), 1, "only one text occurs in several chunks and is long enough");
        let packed: Vec<_> = packed.iter().map(|chunk| unpack(chunk)).collect();
        for ((chunk, line), wanted) in places.into_iter().zip(wanted) {
            let found = packed[chunk][line].as_array().unwrap().iter();
            let found: Vec<_> =
                found.map(|reference| entry(reference.as_i64().unwrap(), &packed[chunk][0], &shared)).collect();
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn the_shared_table_has_a_limit() {
        let mut chunks = Chunks::default();
        for number in 0..2 * CASES {
            let entry = Value::from("x".repeat(SHARED / CASES + number % CASES));
            let reference = chunks.refer(&entry);
            chunks.add(&Value::from(vec![reference]));
        }
        assert!(chunks.shared_bytes <= SHARED && chunks.shared.len() < CASES, "{}", chunks.shared.len());
    }
}
