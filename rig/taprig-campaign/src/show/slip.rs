//! The acceptance slip of one bus, as text for a printer.

use std::fmt::Write as _;
use std::path::Path;

use super::Speaker;
use crate::campaign::Campaign;
use crate::status::{BusStatus, CountyStatus, Proof, Status};
use crate::text::Language;
use crate::words::Message;

/// How the reader of a slip verifies a record.
#[derive(Debug, Clone, Copy)]
pub struct Verifying<'a> {
    /// The folder of the records, as a person writes it.
    pub records: &'a Path,
    /// The file with the keys that may seal records.
    pub signers: &'a Path,
}

/// The slip of a bus.
#[must_use]
pub fn slip(
    campaign: &Campaign,
    status: &Status,
    (county, bus): (&CountyStatus, &BusStatus),
    verifying: Verifying<'_>,
    language: Language,
) -> String {
    let speaker = Speaker { campaign, language };
    let mut text = String::new();
    let title = speaker.say(Message::SlipTitle, &[("bus", &bus.bus)]);
    let _ = writeln!(text, "{title}\n");
    let mut field = |name: Message, value: &str| {
        let _ = writeln!(text, "{}: {value}", speaker.word(name));
    };
    field(Message::Campaign, status.title.in_language(language));
    field(Message::County, speaker.county(county));
    field(Message::Line, &bus.line);
    field(Message::Bus, &bus.bus);
    field(Message::Serial, bus.serial.as_deref().unwrap_or_else(|| speaker.word(Message::Unknown)));
    field(Message::Day, &speaker.day(status.today));
    let verdict = if bus.accepted { Message::SlipAccepted } else { Message::SlipNotAccepted };
    let _ = writeln!(text, "\n{}", speaker.word(verdict));
    for of in &bus.records {
        let _ = writeln!(text, "\n{}", of.title.in_language(language));
        match &of.proof {
            Some(proof) => text.push_str(&proved(speaker, proof, verifying)),
            None => {
                let _ = writeln!(text, "  {}", speaker.word(Message::Missing));
                for what in &of.wrong {
                    let _ = writeln!(text, "  - {}", speaker.why(what));
                }
            }
        }
    }
    if !bus.listing.is_empty() {
        let _ = writeln!(text, "\n{}", speaker.word(Message::Missing));
        for what in &bus.listing {
            let _ = writeln!(text, "- {}", speaker.why(what));
        }
    }
    let _ = writeln!(text, "\n{}", speaker.word(Message::Signed));
    text
}

fn proved(speaker: Speaker<'_>, proof: &Proof, verifying: Verifying<'_>) -> String {
    let mut text = String::new();
    let mut field = |name: Message, value: &str| {
        let _ = writeln!(text, "  {}: {value}", speaker.word(name));
    };
    let cases = [("n", proof.passed.to_string()), ("all", proof.cases.to_string())];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let version = speaker.campaign.file.firmware.iter().find(|firmware| firmware.is(&proof.firmware));
    field(Message::Record, &proof.folder);
    field(Message::Day, &speaker.day(proof.day));
    field(Message::Cases, &speaker.say(Message::Of, &cases));
    if let Some(firmware) = version {
        field(Message::FirmwareVersion, &firmware.version);
    }
    if proof.firmware.len() == 64 {
        field(Message::FirmwareDigest, &proof.firmware);
    }
    field(Message::RecordDigest, &proof.digest);
    field(Message::SealedBy, &proof.signer);
    if !proof.waivers.is_empty() {
        let names: Vec<String> = proof.waivers.iter().map(ToString::to_string).collect();
        field(Message::WaiversUsed, &speaker.list(&names));
    }
    let folder = verifying.records.join(&proof.folder);
    let (folder, signers) = (quoted(&folder.display().to_string()), quoted(&verifying.signers.display().to_string()));
    let _ = writeln!(text, "  {}", speaker.word(Message::VerifyWith));
    let _ = writeln!(text, "    taprig verify {folder} --signers {signers}");
    let _ = writeln!(text, "  {}", speaker.word(Message::VerifyWithout));
    let signer = quoted(&proof.signer);
    let _ = writeln!(
        text,
        "    ssh-keygen -Y verify -f {signers} -I {signer} -n record@taprig -s SHA256SUMS.sig < SHA256SUMS"
    );
    let _ = writeln!(text, "    sha256sum -c SHA256SUMS && sha256sum SHA256SUMS");
    text
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
