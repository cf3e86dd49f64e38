//! Checks of real boards through their debug probes: the chip is the one of the bench file, and it is not protected.

use taprig_model::bench::{Bench, BoardConfig, Probe};

use super::{CheckStep, Finding, part};
use crate::flash::{self, FlashError, Target};
use taprig_model::units::Hex;

/// What a chip tells about itself in registers that a debugger can read.
#[derive(Debug, Clone, Copy)]
struct Chip {
    /// The beginning of the name that probe-rs gives the chip.
    name: &'static str,
    /// Address of the word that identifies the chip, its bits that count, and their value.
    id: (u64, u32, u32),
    /// Address of the word with the size of the flash in KB, and how far its 16 bits are shifted.
    size: (u64, u32),
    /// Address of the word with the level of protection, how far its byte is shifted, and the byte of an open chip.
    protection: (u64, u32, u8),
}

/// The chips whose registers the check knows: by RM0090 (STM32F405), RM0351 (STM32L475), and the product specification of
/// the nRF52840.
const CHIPS: [Chip; 3] = [
    Chip {
        name: "STM32F405",
        id: (0xE004_2000, 0xFFF, 0x413),
        size: (0x1FFF_7A20, 16),
        protection: (0x4002_3C14, 8, 0xAA),
    },
    Chip {
        name: "STM32L475",
        id: (0xE004_2000, 0xFFF, 0x415),
        size: (0x1FFF_75E0, 0),
        protection: (0x4002_2020, 0, 0xAA),
    },
    Chip {
        name: "nRF52840",
        id: (0x1000_0100, u32::MAX, 0x5_2840),
        size: (0x1000_0110, 0),
        // A chip whose port is locked lets no debugger in. FF is an erased word.
        protection: (0x1000_1208, 0, 0xFF),
    },
];

/// The words to read of a chip, in their order: identity, size, protection.
fn words(chip: &Chip) -> [u64; 3] {
    [chip.id.0, chip.size.0, chip.protection.0]
}

/// What the words say.
fn judge(of: &str, chip: &Chip, words: [u32; 3]) -> Vec<Finding> {
    let id = words[0] & chip.id.1;
    let size = (words[1] >> chip.size.1) & 0xFFFF;
    if id != chip.id.2 {
        let seen = format!("the chip says that it is {id:X}, and a {} is {:X}", chip.name, chip.id.2);
        let advice = "check that the probe is wired to this board, and that `chip` in the bench file is right";
        return vec![Finding::failed(CheckStep::Attach, of, seen, advice)];
    }
    let attached = Finding::ok(CheckStep::Attach, of, format!("chip {id:X} ({}) with {size} KB of flash", chip.name));
    let level = (words[2] >> chip.protection.1).to_le_bytes()[0];
    let protection = if level == chip.protection.2 {
        Finding::ok(CheckStep::Protection, of, "the chip is not protected")
    } else {
        let seen = format!("the chip is protected: its level is {level:02X}, and {:02X} is none", chip.protection.2);
        Finding::failed(
            CheckStep::Protection,
            of,
            seen,
            "remove the protection with the maker's tool; this erases the chip",
        )
    };
    vec![attached, protection]
}

/// The real boards of a bench that the rig flashes.
fn probes(bench: &Bench) -> impl Iterator<Item = (&'static str, &Probe)> {
    bench.boards().into_iter().filter_map(|(role, board)| match board {
        BoardConfig::Probe(probe) => Some((part(role), probe)),
        _ => None,
    })
}

fn read(probe: &Probe, addresses: &[u64]) -> Result<Vec<u32>, FlashError> {
    flash::read(&Target::Real { chip: probe.chip.clone(), probe: probe.probe.clone() }, addresses)
}

fn not_reached(step: CheckStep, of: &str, error: &FlashError) -> Finding {
    let advice = error.cause.advice().unwrap_or("check power and wires of the probe");
    Finding::failed(step, of, format!("{error} ({})", error.details()), advice)
}

/// The serial number of a chip, compared with the one in the bench file if it gives one. `None` if the rig can't read it.
fn serial_number(of: &str, probe: &Probe) -> Option<Finding> {
    if !flash::has_serial(&probe.chip) {
        return None;
    }
    let target = Target::Real { chip: probe.chip.clone(), probe: probe.probe.clone() };
    Some(match flash::chip_serial(&target) {
        Err(error) => not_reached(CheckStep::Attach, of, &error),
        Ok(seen) => compared(of, &seen?, probe.chip_serial.as_ref()),
    })
}

/// What a serial number says about the board.
fn compared(of: &str, seen: &Hex, wanted: Option<&Hex>) -> Finding {
    match wanted {
        None => Finding::ok(CheckStep::Attach, of, format!("the chip has the serial number {seen} (`chip-serial`)")),
        Some(wanted) if wanted == seen => {
            Finding::ok(CheckStep::Attach, of, format!("it is the chip {seen} of the bench file"))
        }
        Some(wanted) => Finding::failed(
            CheckStep::Attach,
            of,
            format!("the chip has the serial number {seen}, but the bench file says {wanted}"),
            "connect the probe to the right board, or correct `probe` or `chip-serial` in the bench file",
        ),
    }
}

/// Attaches to each real board and reads its identity and its protection. The function blocks.
#[must_use]
pub fn check(bench: &Bench) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (of, probe) in probes(bench) {
        let chip = CHIPS.iter().find(|chip| probe.chip.to_uppercase().starts_with(&chip.name.to_uppercase()));
        let wanted = chip.map(words);
        findings.extend(match (read(probe, wanted.as_ref().map_or(&[], |words| words)), chip) {
            (Err(error), _) => vec![not_reached(CheckStep::Attach, of, &error)],
            (Ok(words), Some(chip)) if words.len() == 3 => {
                let mut findings = judge(of, chip, [words[0], words[1], words[2]]);
                findings.extend(serial_number(of, probe));
                findings
            }
            (Ok(_), _) => {
                let why = format!("the check does not know the registers of the {}", probe.chip);
                vec![
                    Finding::ok(CheckStep::Attach, of, "the chip answers"),
                    Finding::not_applicable(CheckStep::Protection, of, why),
                ]
            }
        });
    }
    findings
}

/// Attaches to each real board `times` times while its firmware runs and mostly sleeps. The function blocks.
#[must_use]
pub fn check_asleep(bench: &Bench, times: u32) -> Vec<Finding> {
    let attaches = |(of, probe): (&'static str, &Probe)| {
        for time in 1..=times {
            if let Err(error) = read(probe, &[]) {
                return not_reached(CheckStep::Asleep, of, &error).among(&format!("attach {time} of {times}"));
            }
        }
        Finding::ok(CheckStep::Asleep, of, format!("attached {times} times while the firmware slept"))
    };
    probes(bench).map(attaches).collect()
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_chip_is_the_right_one_and_open_or_it_is_told() {
        let f405 = &CHIPS[0];
        let states = |words| judge("validator", f405, words).iter().map(|finding| finding.state).collect::<Vec<_>>();
        // Revision bits are above those that count.
        let findings = judge("validator", f405, [0x1007_6413, 0x0400_0000, 0x0FFF_AAED]);
        assert_eq!(findings[0].seen, "chip 413 (STM32F405) with 1024 KB of flash");
        assert_eq!(findings[1].seen, "the chip is not protected");
        assert_eq!(states([0x413, 0x0400_0000, 0x0FFF_55ED]), [State::Ok, State::Failed]);
        assert_eq!(states([0x419, 0x0400_0000, 0x0FFF_AAED]), [State::Failed]);
        let nrf = judge("card side", &CHIPS[2], [0x52840, 1024, u32::MAX]);
        assert!(nrf.iter().all(|finding| finding.state == State::Ok), "{nrf:?}");
    }

    #[test]
    fn a_probe_on_another_board_is_told() {
        let [seen, other] = ["00320041", "00320042"].map(|text| text.parse::<Hex>().unwrap());
        assert!(compared("validator", &seen, None).seen.contains("00320041 (`chip-serial`)"));
        assert_eq!(compared("validator", &seen, Some(&seen)).state, State::Ok);
        let failed = compared("validator", &seen, Some(&other));
        assert!(
            failed.state == State::Failed && failed.seen.contains("but the bench file says 00320042"),
            "{failed:?}"
        );
    }

    #[test]
    fn a_probe_that_is_not_there_fails_the_step() {
        let text = "schema: 1\ntitle: A\ndevice: any\nvalidator: { probe: { chip: STM32F405RGTx, probe: '0483:374b:NONE', \
                    firmware: x.elf, serial: { path: /dev/null } } }\ncard: { emulator: { sim: {} } }\n";
        let bench: Bench =
            serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(text)).unwrap();
        for findings in [check(&bench), check_asleep(&bench, 2)] {
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert_eq!(findings[0].state, State::Failed);
            assert!(findings[0].seen.contains("no such probe is connected"), "{findings:?}");
        }
    }
}
