//! Numbers that depend on a seed and on nothing else, on every machine and with every version of a library.

/// The generator SplitMix64 (Steele, Lea and Flood, 2014). Its state is the seed.
#[derive(Debug, Clone)]
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    /// The next number. All 64 bits are equally good.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_papers_authors() {
        assert_eq!(SplitMix64(1_234_567).draw(), 6_457_827_717_110_365_317);
        let mut zero = SplitMix64(0);
        assert_eq!([zero.draw(), zero.draw()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }
}
