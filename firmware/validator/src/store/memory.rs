//! What lies where in the memory that outlives power, and how each piece is sealed.
//!
//! Two copies of the settings, then tables of records of equal size. A record is valid when its check sum
//! fits its contents, its table, its place **and the table's epoch**. Clearing a table means a new epoch in
//! the settings, one safe write, whatever the table's size; a torn record is just not valid yet.

use core::ops::Range;

use crc::{CRC_32_ISO_HDLC, Crc};

use crate::board::Board;

const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Smallest memory that a board may have, in bytes.
pub const MIN_SIZE: usize = 4096;

/// Room for one copy of the settings.
pub const SETTINGS_SLOT: usize = 448;

/// The same in a memory of less than 64 KiB: the longest settings of today, rounded up.
pub const SMALL_SETTINGS_SLOT: usize = 360;

/// Bytes a record of the journal, check sum included.
pub const JOURNAL_SLOT: usize = 208;

/// Bytes a rule of the fare policy, check sum included.
pub const FARE_SLOT: usize = 24;

/// Rules of the fare policy. A line of 64 stops with everything else fits.
pub const MAX_FARE_RULES: u32 = 112;

/// Bytes that are kept of a card, check sum included.
pub const CARD_SLOT: usize = 96;

/// Cards that are remembered, at most: they are looked through at each tap.
const MAX_CARDS: u32 = 1024;

/// Bytes of a payment under way, check sum included: a ride, the balance before it, and its place in the journal.
pub const PAYMENT_SLOT: usize = 208;

/// Payments under way that a large memory keeps.
pub const PAYMENTS: u32 = 8;

/// Bytes a record of the table of claims, check sum included. A ride has two of them.
pub const CLAIM_SLOT: usize = 16;

/// Longest record of any table, check sum included.
pub const MAX_RECORD: usize = 272;

/// Bytes of a table that are read at once.
const PIECE: usize = 512;

/// A table of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Mixed into each check sum.
    pub kind: u8,
    /// First byte.
    pub offset: usize,
    /// Bytes a record, check sum included.
    pub slot: usize,
    /// Records.
    pub capacity: u32,
}

/// Where everything lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The two copies of the settings.
    pub settings: [usize; 2],
    /// Keys of certification authorities.
    pub keys: Table,
    /// The two deny lists: one is in force, and the other one is filled by a download. A small memory has no second one.
    pub deny: [Table; 2],
    /// Cards that a deny list takes. A large table is filled to a half at most.
    pub deny_cards: u32,
    /// Revoked issuer certificates.
    pub revoked: Table,
    /// Payments of electronic cash under way. A small memory has no room for any.
    pub payments: Table,
    /// Rules of the fare policy. A small memory has none.
    pub fares: Table,
    /// What is remembered of cards. A small memory has none.
    pub cards: Table,
    /// Rides.
    pub journal: Table,
    /// What became of the claims of the rides: two records for each ride. A small memory has none.
    pub claims: Table,
}

impl Layout {
    /// The layout of a memory of `size` bytes on a board with a port for an uplink; the journal takes what the rest leaves.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self::of(size, true)
    }

    /// The same on a board that may have no port for an uplink. Nobody downloads a list there, and no claim is sent, so that
    /// memory is for rides.
    #[must_use]
    pub fn of(size: usize, has_port: bool) -> Self {
        let large = size >= 64 * 1024;
        let uplink = large && has_port;
        // Four keys are what a deployment has, and a fifth comes before an old one goes. On a small memory rides pay for it.
        let (keys, revoked) = if large { (32, 64) } else { (5, 8) };
        // Of a very large memory the two lists take half: a card has two places of 16 bytes in each list.
        let share = u32::try_from(size / 128).unwrap_or(u32::MAX / 2);
        let deny_cards = if size >= 1 << 20 {
            share
        } else if size >= 128 * 1024 {
            512
        } else if large {
            256
        } else {
            16
        };
        let deny = if large { 2 * deny_cards } else { deny_cards };
        let copy = if large { SETTINGS_SLOT } else { SMALL_SETTINGS_SLOT };
        let table = |kind, offset, slot, capacity| Table { kind, offset, slot, capacity };
        let end = |table: Table| table.offset + table.slot * table.capacity as usize;
        let keys = table(1, 2 * copy, 264, keys);
        let first = table(2, end(keys), 16, deny);
        let second = table(5, end(first), 16, if uplink { deny } else { 0 });
        let revoked = table(3, end(second), 16, revoked);
        let payments = table(7, end(revoked), PAYMENT_SLOT, if large { PAYMENTS } else { 0 });
        let fares = table(8, end(payments), FARE_SLOT, if uplink { MAX_FARE_RULES } else { 0 });
        // Trips need the states of claims. Where there is little room, rides need it more.
        let cards = if size < 256 * 1024 { size / 4096 } else { size / 1024 };
        let cards = u32::try_from(cards).unwrap_or(MAX_CARDS).min(MAX_CARDS);
        let cards = table(9, end(fares), CARD_SLOT, if uplink { cards } else { 0 });
        let journal = table(4, end(cards), JOURNAL_SLOT, 0);
        let claims = if uplink { 2 * CLAIM_SLOT } else { 0 };
        let room = size.saturating_sub(journal.offset) / (journal.slot + claims);
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let journal = Table { capacity: room, ..journal };
        let claims = table(6, end(journal), CLAIM_SLOT, if uplink { 2 * room } else { 0 });
        Self {
            settings: [0, copy],
            keys,
            deny: [first, second],
            deny_cards,
            revoked,
            payments,
            fares,
            cards,
            journal,
            claims,
        }
    }

    /// Whether the memory has what an uplink needs: a second deny list, and the state of each claim.
    #[must_use]
    pub fn has_uplink(&self) -> bool {
        self.claims.capacity > 0
    }

    /// Whether the memory has room for a fare policy and for cards.
    #[must_use]
    pub fn has_fares(&self) -> bool {
        self.cards.capacity > 0
    }
}

/// The check sum of settings.
#[must_use]
pub fn check_sum(bytes: &[u8]) -> [u8; 4] {
    CRC32.checksum(bytes).to_be_bytes()
}

impl Table {
    fn seal(&self, epoch: u32, index: u32, body: &[u8]) -> [u8; 4] {
        let mut digest = CRC32.digest();
        digest.update(&[self.kind]);
        digest.update(&epoch.to_be_bytes());
        digest.update(&index.to_be_bytes());
        digest.update(body);
        digest.finalize().to_be_bytes()
    }

    /// Whether these bytes, read from this place, are a record.
    #[must_use]
    pub fn is_sound(&self, epoch: u32, index: u32, record: &[u8]) -> bool {
        record.split_last_chunk::<4>().is_some_and(|(body, sum)| self.seal(epoch, index, body) == *sum)
    }

    /// Looks at the bytes of each of these places, which are read in pieces, until `look` says that it is enough. Returns whether
    /// it has looked at all of them.
    pub fn look_at<B: Board>(&self, board: &B, places: Range<u32>, mut look: impl FnMut(u32, &[u8]) -> bool) -> bool {
        let mut buffer = [0; PIECE];
        let mut first = places.start;
        while first < places.end {
            // At least one, as a record is shorter than a piece.
            let count = (places.end - first).min((PIECE / self.slot) as u32);
            let read = &mut buffer[..count as usize * self.slot];
            board.nvm_read(self.at(first), read);
            if !(first..).zip(read.chunks_exact(self.slot)).all(|(index, record)| look(index, record)) {
                return false;
            }
            first += count;
        }
        true
    }

    /// Number of records, wherever they lie.
    pub fn count<B: Board>(&self, board: &B, epoch: u32) -> u32 {
        let mut count = 0;
        self.look_at(board, 0..self.capacity, |index, record| {
            count += u32::from(self.is_sound(epoch, index, record));
            true
        });
        count
    }

    fn at(&self, index: u32) -> usize {
        self.offset + self.slot * index as usize
    }

    /// The body of a record, or nothing when it is not valid. `buffer` is [`MAX_RECORD`] long.
    pub fn read<'a, B: Board>(
        &self,
        board: &B,
        epoch: u32,
        index: u32,
        buffer: &'a mut [u8; MAX_RECORD],
    ) -> Option<&'a [u8]> {
        if index >= self.capacity {
            return None;
        }
        let record = &mut buffer[..self.slot];
        board.nvm_read(self.at(index), record);
        let (body, sum) = record.split_last_chunk::<4>()?;
        (self.seal(epoch, index, body) == *sum).then_some(body)
    }

    /// Writes a record, filled up with zeros, and reads it back. False when it is too long, out of place or the
    /// memory did not keep it.
    #[must_use]
    pub fn write<B: Board>(&self, board: &B, epoch: u32, index: u32, body: &[u8]) -> bool {
        let mut record = [0; MAX_RECORD];
        let length = self.slot - 4;
        if index >= self.capacity || body.len() > length {
            return false;
        }
        record[..body.len()].copy_from_slice(body);
        let sum = self.seal(epoch, index, &record[..length]);
        record[length..self.slot].copy_from_slice(&sum);
        board.nvm_write(self.at(index), &record[..self.slot]);
        let mut kept = [0; MAX_RECORD];
        self.read(board, epoch, index, &mut kept).is_some()
    }

    /// Destroys a record: what its place holds is not valid any more, at any byte of this write.
    pub fn erase<B: Board>(&self, board: &B, index: u32) {
        if index < self.capacity {
            board.nvm_write(self.at(index), &[0; MAX_RECORD][..self.slot]);
        }
    }

    /// Number of places up to the last valid record, and how many of them are damaged. A record behind a
    /// damaged one still counts.
    pub fn scan<B: Board>(&self, board: &B, epoch: u32) -> (u32, u32) {
        let mut buffer = [0; MAX_RECORD];
        let (mut count, mut good) = (0, 0);
        for index in 0..self.capacity {
            if self.read(board, epoch, index, &mut buffer).is_some() {
                good += 1;
                count = index + 1;
            }
        }
        (count, count - good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testboard::TestBoard;

    #[test]
    fn everything_fits_the_memory_it_was_made_for() {
        for (size, port) in
            [MIN_SIZE, 8192, 65_536, 262_144, 1 << 27].into_iter().flat_map(|size| [(size, true), (size, false)])
        {
            let layout = Layout::of(size, port);
            assert_eq!(layout.has_uplink(), port && size >= 65_536);
            let Layout { keys, deny: [deny, loaded], revoked, payments, fares, cards, journal, claims, .. } = layout;
            assert!(journal.capacity >= 8, "{size}: {}", journal.capacity);
            assert!(claims.capacity == 0 || claims.capacity == 2 * journal.capacity);
            let mut end = layout.settings[1] + layout.settings[1];
            for table in [keys, deny, loaded, revoked, payments, fares, cards, journal, claims] {
                assert!(table.slot <= MAX_RECORD);
                assert_eq!(table.offset, end, "{size}");
                end += table.slot * table.capacity as usize;
            }
            assert!(end <= size);
        }
        assert_eq!(Layout::new(1 << 27).deny_cards, 1 << 20, "a million cards");
        // The table in the README.
        let capacities = |size, port| {
            let Layout { keys, deny_cards, revoked, cards, journal, .. } = Layout::of(size, port);
            [keys.capacity, deny_cards, revoked.capacity, cards.capacity, journal.capacity]
        };
        assert_eq!(capacities(4096, false), [5, 16, 8, 0, 8]);
        assert_eq!(capacities(65_536, false), [32, 256, 64, 0, 217]);
        assert_eq!(capacities(262_144, true), [32, 512, 64, 256, 792]);
    }

    #[test]
    fn a_record_belongs_to_its_place_and_epoch() {
        let board = TestBoard::new(4096);
        let [table, _] = Layout::new(4096).deny;
        let mut buffer = [0; MAX_RECORD];
        assert!(table.write(&board, 7, 0, &[1, 2, 3]));
        assert_eq!(table.read(&board, 7, 0, &mut buffer), Some(&[1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0][..]));
        assert_eq!(table.read(&board, 8, 0, &mut buffer), None, "epoch");
        let copy = board.nvm.borrow()[table.offset..table.offset + table.slot].to_vec();
        board.nvm_write(table.offset + table.slot, &copy);
        assert_eq!(table.read(&board, 7, 1, &mut buffer), None, "place");
        assert_eq!(table.scan(&board, 7), (1, 0));
        assert!(table.write(&board, 7, 2, &[9]));
        assert_eq!(table.scan(&board, 7), (3, 1), "a hole hides nothing behind it");
        assert!(!table.write(&board, 7, table.capacity, &[1]));
        assert!(!table.write(&board, 7, 0, &[1; 13]));
    }
}
