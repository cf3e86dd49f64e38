//! The serial number that the maker of a chip has written into it.

use super::{FlashError, Target, job};
use taprig_model::units::Hex;

/// The chips whose number the rig can read: the beginning of the name that probe-rs gives a chip, the address of the number,
/// and how many words it has. By RM0090 (STM32F405), RM0351 (STM32L475), and the product specification of the nRF52840.
const CHIPS: [(&str, u64, u64); 3] =
    [("stm32f405", 0x1FFF_7A10, 3), ("stm32l475", 0x1FFF_7590, 3), ("nrf52840", 0x1000_0060, 2)];

/// The addresses of the words of a chip's number.
fn words(chip: &str) -> Option<Vec<u64>> {
    let chip = chip.to_lowercase();
    let (_, first, count) = CHIPS.iter().find(|(name, ..)| chip.starts_with(name))?;
    Some((0..*count).map(|word| first + 4 * word).collect())
}

/// The words as bytes: in the order of their addresses, each with its most significant byte first.
fn number(words: &[u32]) -> Hex {
    Hex(words.iter().flat_map(|word| word.to_be_bytes()).collect())
}

/// Whether the rig can read the number of this chip.
#[must_use]
pub fn has_serial(chip: &str) -> bool {
    words(chip).is_some()
}

/// Reads the number through the debug probe. `None` if the rig does not know where this chip has it.
///
/// # Errors
/// See [`super::Cause`].
pub fn chip_serial(target: &Target) -> Result<Option<Hex>, FlashError> {
    let Target::Real { chip, .. } = target else { return Ok(None) };
    let Some(addresses) = words(chip) else { return Ok(None) };
    job::read(target, &addresses).map(|words| Some(number(&words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_chip_is_its_words_in_a_row() {
        assert_eq!(words("STM32F405RGTx").unwrap(), [0x1FFF_7A10, 0x1FFF_7A14, 0x1FFF_7A18]);
        assert_eq!(words("nRF52840_xxAA").unwrap(), [0x1000_0060, 0x1000_0064]);
        assert!(has_serial("STM32L475VGTx") && !has_serial("RP2040"));
        assert_eq!(number(&[0x0032_0041, 0x3434_5107]).to_string(), "0032004134345107");
        // This is how a bench file writes it.
        assert_eq!("00320041 34345107".parse::<Hex>().unwrap(), number(&[0x0032_0041, 0x3434_5107]));
    }
}
