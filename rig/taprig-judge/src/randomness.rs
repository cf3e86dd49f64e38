//! Whether the values of a data object over many taps look random.
//!
//! The four looks find what field devices use in place of a random number: a constant, a counter, the time, a sequence with a
//! constant step, and a generator with bits that stand still or alternate. They don't prove that nobody can foresee a value.
//!
//! A right generator of four-byte values fails about once in 40,000 cases of 96 taps: each of 64 sums may be [`SIGMAS`] standard
//! deviations away from its mean.

/// The fewest values by which a bit that stands still differs from chance.
const FEWEST: usize = 32;

/// How many standard deviations a sum may be away from its mean.
const SIGMAS: f64 = 5.0;

/// What was looked at, or what is wrong. `values` are in the order of the taps.
pub(crate) fn look(values: &[&[u8]]) -> Result<String, String> {
    let [first, rest @ ..] = values else { return Err("no value".into()) };
    if values.len() < FEWEST {
        return Err(format!("{} values, and {FEWEST} are needed", values.len()));
    }
    if let Some(other) = rest.iter().find(|value| value.len() != first.len()) {
        return Err(format!("values of {} and of {} bytes", first.len(), other.len()));
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(format!("one of {} values came twice", values.len()));
    }
    let mut steps: Vec<Vec<u8>> = values.windows(2).map(|pair| step(pair[0], pair[1])).collect();
    steps.sort_unstable();
    if steps.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("two values follow the ones before them by the same step".into());
    }
    let bits: Vec<Vec<bool>> = values.iter().map(|value| bits(value)).collect();
    for bit in 0..first.len() * 8 {
        let name = || format!("bit {} of byte {}", 8 - bit % 8, bit / 8 + 1);
        let set = bits.iter().filter(|bits| bits[bit]).count();
        if !is_likely(set, bits.len()) {
            return Err(format!("{} is set in {set} of {} values", name(), bits.len()));
        }
        let turns = bits.windows(2).filter(|pair| pair[0][bit] != pair[1][bit]).count();
        if !is_likely(turns, bits.len() - 1) {
            return Err(format!("{} changes {turns} times in {} values", name(), bits.len()));
        }
    }
    Ok(format!("{} values that look random", values.len()))
}

/// The bits of a value, from the highest bit of its first byte on.
fn bits(value: &[u8]) -> Vec<bool> {
    value.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0)).collect()
}

/// Whether a fair coin may show this number of heads.
fn is_likely(heads: usize, throws: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a case has fewer taps than 2^52")]
    let (heads, throws) = (heads as f64, throws as f64);
    (heads - throws / 2.0).abs() <= SIGMAS * throws.sqrt() / 2.0
}

/// The difference of two values of equal length, as numbers.
fn step(from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut borrow = false;
    let mut step: Vec<u8> = from
        .iter()
        .zip(to)
        .rev()
        .map(|(&from, &to)| {
            let (less, first) = to.overflowing_sub(from);
            let (less, second) = less.overflowing_sub(borrow.into());
            borrow = first || second;
            less
        })
        .collect();
    step.reverse();
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: impl IntoIterator<Item = u32>) -> Result<String, String> {
        let values: Vec<[u8; 4]> = numbers.into_iter().map(u32::to_be_bytes).collect();
        look(&values.iter().map(|value| &value[..]).collect::<Vec<_>>())
    }

    /// Numbers of a good generator (xorshift, whose upper half is used).
    fn good(count: usize, seed: u64) -> Vec<u32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            u32::try_from(state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32).ok()
        };
        std::iter::from_fn(next).take(count).collect()
    }

    #[test]
    fn random_numbers_look_random() {
        for seed in 1..500 {
            for count in [FEWEST, 96, 300] {
                assert!(of(good(count, seed)).is_ok(), "{seed}: {:?}", of(good(count, seed)));
            }
        }
    }

    #[test]
    fn what_devices_use_in_their_place_does_not() {
        let words = |found: Result<String, String>, part: &str| {
            let why = found.unwrap_err();
            assert!(why.contains(part), "{why}");
        };
        words(of([7; 96]), "came twice");
        words(of(0..96), "same step");
        words(of((0..96_u32).map(|n| n.wrapping_mul(0x9E37_79B9))), "same step");
        // A time that does not run evenly.
        words(of((0..96_u32).map(|n| 1_000_000 + n * n * 2000)), "is set in 0 of 96");
        // The upper half is random, the lower half is a counter.
        words(of((0..).zip(good(96, 3)).map(|(n, random)| random & 0xFFFF_0000 | n)), "byte 3");
        // One bit that stands still, and one that alternates.
        words(of(good(96, 4).into_iter().map(|n| n | 1)), "bit 1 of byte 4 is set in 96 of 96");
        words(of((0..).zip(good(96, 5)).map(|(n, random)| random & !1 | n & 1)), "bit 1 of byte 4 changes 95 times");
        words(of(good(FEWEST - 1, 6)), "31 values, and 32 are needed");
        words(of([]), "no value");
        words(look(&[&[1, 2][..], &[3]].repeat(20)), "values of 2 and of 1 bytes");
    }

    #[test]
    fn a_step_is_a_difference_of_numbers() {
        assert_eq!(step(&[0x00, 0xFF], &[0x01, 0x00]), [0, 1]);
        assert_eq!(step(&[0x01, 0x00], &[0x00, 0xFF]), [0xFF, 0xFF]);
    }
}
