//! Frames on a byte stream: COBS, closed by a zero byte.
//!
//! A zero byte never occurs inside a frame, so a receiver that joins in the middle, or that lost bytes, is
//! back in step at the next zero.

use heapless::Vec;

/// Space that COBS and the closing zero need for `n` bytes: one, one more for every 254, and the zero.
#[must_use]
pub const fn encoded_len(n: usize) -> usize {
    n + 2 + n / 254
}

/// A frame could not be packed: it does not fit the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Appends `body` to `out` as one frame.
///
/// # Errors
/// [`TooLong`] when `out` has no room; `out` is then as it was.
pub fn encode<const N: usize>(body: &[u8], out: &mut Vec<u8, N>) -> Result<(), TooLong> {
    let start = out.len();
    let need = encoded_len(body.len());
    out.resize(start + need, 0).map_err(|_| TooLong)?;
    let written = cobs::encode(body, &mut out[start..]);
    out.truncate(start + written + 1);
    if let Some(end) = out.last_mut() {
        *end = 0;
    }
    Ok(())
}

/// Collects the bytes of a stream into frames of at most `N` encoded bytes.
#[derive(Debug)]
pub struct Collector<const N: usize> {
    bytes: Vec<u8, N>,
    /// The frame in `bytes` was handed out: the next byte starts anew.
    done: bool,
    /// More than `N` bytes came without a zero.
    overrun: bool,
}

/// What [`Collector::push`] found at a closing zero.
#[derive(Debug, PartialEq, Eq)]
pub enum Collected<'a> {
    /// A whole frame, unpacked.
    Frame(&'a [u8]),
    /// Bytes that are no frame: damaged on the line, or longer than the receiver takes.
    Garbage,
}

impl<const N: usize> Default for Collector<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Collector<N> {
    /// An empty collector.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), done: false, overrun: false }
    }

    /// Takes one byte; at the zero that closes a frame, hands out what came before it.
    /// Zeros in a row mean nothing: a sender may open with one.
    pub fn push(&mut self, byte: u8) -> Option<Collected<'_>> {
        if core::mem::take(&mut self.done) {
            self.bytes.clear();
        }
        if byte != 0 {
            self.overrun |= self.bytes.push(byte).is_err();
            return None;
        }
        if self.bytes.is_empty() {
            return None;
        }
        self.done = true;
        if core::mem::take(&mut self.overrun) {
            return Some(Collected::Garbage);
        }
        match cobs::decode_in_place(&mut self.bytes) {
            Ok(n) => Some(Collected::Frame(&self.bytes[..n])),
            Err(_) => Some(Collected::Garbage),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec as StdVec;

    fn collect(stream: &[u8]) -> StdVec<Option<StdVec<u8>>> {
        let mut collector = Collector::<64>::new();
        let mut found = StdVec::new();
        for &byte in stream {
            match collector.push(byte) {
                Some(Collected::Frame(body)) => found.push(Some(body.to_vec())),
                Some(Collected::Garbage) => found.push(None),
                None => {}
            }
        }
        found
    }

    #[test]
    fn a_receiver_that_joins_late_is_in_step_at_the_next_zero() {
        let mut stream = Vec::<u8, 64>::new();
        encode(&[1, 2, 0, 3], &mut stream).expect("fits");
        encode(&[9, 9], &mut stream).expect("fits");
        let found = collect(&stream[2..]);
        assert_eq!(found.last(), Some(&Some(std::vec![9, 9])));
    }

    #[test]
    fn what_is_longer_than_the_buffer_is_garbage_and_the_next_frame_is_whole() {
        let mut stream = std::vec![7u8; 100];
        stream.push(0);
        stream.extend([3, 1, 2, 0]);
        assert_eq!(collect(&stream), [None, Some(std::vec![1, 2])]);
    }

    #[test]
    fn a_full_buffer_refuses_and_keeps_what_it_had() {
        let mut out = Vec::<u8, 8>::new();
        encode(&[1, 2, 3], &mut out).expect("fits");
        let before = out.clone();
        assert_eq!(encode(&[1, 2, 3], &mut out), Err(TooLong));
        assert_eq!(out, before);
    }

    proptest! {
        #[test]
        fn every_body_comes_back(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..6)) {
            let mut stream = Vec::<u8, 512>::new();
            for body in &bodies {
                encode(body, &mut stream).expect("fits");
            }
            let found = collect(&stream);
            prop_assert_eq!(found, bodies.into_iter().map(Some).collect::<StdVec<_>>());
        }

        #[test]
        fn no_stream_of_bytes_panics(stream in prop::collection::vec(any::<u8>(), 0..400)) {
            collect(&stream);
        }
    }
}
