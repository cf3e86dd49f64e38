//! A laboratory file, `lab.yaml`: what ISO/IEC 17025 asks of a report besides the results.
//!
//! Clause 7.8.2.1 lists what every report has, and 7.8.6 what a statement of conformity has. What a laboratory has not
//! written yet is *blank*. A report shows it as blank and never leaves it out. In JSON a blank field is `null`.

use crate::device::UNFINISHED;
use crate::lock::Sha256;
use crate::text::{OrBlank, or_blank};
use crate::units::Day;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a report says about the laboratory, the customer, the item and itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lab {
    /// Version of this format.
    pub schema: Version,
    /// The report itself.
    #[serde(default)]
    pub report: Report,
    /// The laboratory.
    #[serde(default)]
    pub laboratory: Laboratory,
    /// Where the tests are carried out, if it is not the laboratory's address: write the address again if it is.
    #[serde(default)]
    pub place: Option<String>,
    /// The customer.
    #[serde(default)]
    pub customer: Customer,
    /// The item under test.
    #[serde(default)]
    pub item: Item,
    /// Days that the record can't know.
    #[serde(default)]
    pub dates: Dates,
    /// The plan and the method by which the item was sampled, or `none`.
    #[serde(default)]
    pub sampling: Option<String>,
    /// The method: which suite in which version, and the laboratory's own procedure, if there is one.
    #[serde(default)]
    pub method: Option<String>,
    /// SHA-256 of the suite that the method asks for, or that of all its cases and fixtures, as a record has them. A submission of a record of other cases is
    /// refused. If it is blank, nobody compares the cases.
    #[serde(default, deserialize_with = "or_blank")]
    #[schemars(with = "Option<OrBlank<Sha256>>")]
    pub suite: Option<Sha256>,
    /// Deviations from the method, additions to it and exclusions from it, or `none`.
    #[serde(default)]
    pub deviations: Option<String>,
    /// Results that come from somebody else, and from whom, or `none`.
    #[serde(default)]
    pub external_results: Option<String>,
    /// The statement of conformity.
    #[serde(default)]
    pub conformity: Conformity,
    /// The person who authorises the report.
    #[serde(default)]
    pub authorised_by: Person,
}

/// The report itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Report {
    /// Its title, such as `Test report`.
    pub title: Option<String>,
    /// Its unique number. Every part of a submission carries it.
    pub number: Option<String>,
}

/// The laboratory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Laboratory {
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// The number of its accreditation, if it has one.
    pub accreditation: Option<String>,
}

/// The customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Customer {
    /// Its name.
    pub name: Option<String>,
    /// How to reach it.
    pub contact: Option<String>,
}

/// The item under test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Item {
    /// What it is, such as `fare validator for buses`.
    pub description: Option<String>,
    /// Who makes it.
    pub maker: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The serial number that is printed on it.
    pub serial_number: Option<String>,
    /// The version of its hardware.
    pub hardware: Option<String>,
    /// Its firmware.
    pub firmware: Firmware,
    /// The condition in which it was received.
    pub condition: Option<String>,
}

/// The firmware that the customer states. The record says which one the device ran. The two must not differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Firmware {
    /// Its version, as the device tells it.
    pub version: Option<String>,
    /// SHA-256 of its image. It is blank for a device of which nobody knows the image.
    #[serde(deserialize_with = "or_blank")]
    #[schemars(with = "Option<OrBlank<Sha256>>")]
    pub sha256: Option<Sha256>,
}

/// Days that the record can't know. It knows the days of the tests by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Dates {
    /// The day on which the item was received.
    #[serde(deserialize_with = "or_blank")]
    #[schemars(with = "Option<OrBlank<Day>>")]
    pub received: Option<Day>,
    /// The day on which it was sampled, if that matters.
    #[serde(deserialize_with = "or_blank")]
    #[schemars(with = "Option<OrBlank<Day>>")]
    pub sampled: Option<Day>,
    /// The day on which the report is issued.
    #[serde(deserialize_with = "or_blank")]
    #[schemars(with = "Option<OrBlank<Day>>")]
    pub issued: Option<Day>,
}

/// The statement of conformity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Conformity {
    /// To which results the statement applies.
    pub results: Option<String>,
    /// Which specification, or which of its parts, are met or not met.
    pub specification: Option<String>,
    /// The rule by which a result becomes a decision, such as `every applicable case passes`.
    pub decision_rule: Option<String>,
}

/// A person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Person {
    /// The name.
    pub name: Option<String>,
    /// What the person does in the laboratory.
    pub role: Option<String>,
}

/// A field of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its key in the file: `item.condition`.
    pub key: &'static str,
    /// What a report calls it.
    pub title: &'static str,
    /// The clause of ISO/IEC 17025:2017 that asks for it.
    pub clause: &'static str,
    /// Whether a submission must have it. `none` is a value where there may be nothing.
    pub mandatory: bool,
    /// Its value. `None` is blank.
    pub value: Option<String>,
}

impl Lab {
    /// Every field of a report, in the order of the clauses. Blank ones are there, too.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let shown = |value: Option<&dyn fmt::Display>| value.map(ToString::to_string);
        let text = |value: &Option<String>| value.clone();
        let day = |value: &Option<Day>| shown(value.as_ref().map(|value| value as &dyn fmt::Display));
        let (item, dates) = (&self.item, &self.dates);
        let sha256 = item.firmware.sha256.as_ref().map(|value| digest_in_words(value.as_str()).to_owned());
        let suite = shown(self.suite.as_ref().map(|value| value as &dyn fmt::Display));
        [
            ("report.title", "Title", "7.8.2.1 a", true, text(&self.report.title)),
            ("laboratory.name", "Laboratory", "7.8.2.1 b", true, text(&self.laboratory.name)),
            ("laboratory.address", "Address of the laboratory", "7.8.2.1 b", true, text(&self.laboratory.address)),
            ("laboratory.accreditation", "Accreditation", "7.8.2.1 b", false, text(&self.laboratory.accreditation)),
            ("place", "Place of the tests", "7.8.2.1 c", true, text(&self.place)),
            ("report.number", "Number of the report", "7.8.2.1 d", true, text(&self.report.number)),
            ("customer.name", "Customer", "7.8.2.1 e", true, text(&self.customer.name)),
            ("customer.contact", "Contact of the customer", "7.8.2.1 e", true, text(&self.customer.contact)),
            ("method", "Method", "7.8.2.1 f", true, text(&self.method)),
            ("suite", "SHA-256 of the required suite", "7.8.2.1 f", false, suite),
            ("item.description", "Item", "7.8.2.1 g", true, text(&item.description)),
            ("item.maker", "Maker", "7.8.2.1 g", true, text(&item.maker)),
            ("item.model", "Model", "7.8.2.1 g", true, text(&item.model)),
            ("item.serial-number", "Serial number", "7.8.2.1 g", true, text(&item.serial_number)),
            ("item.hardware", "Version of the hardware", "7.8.2.1 g", false, text(&item.hardware)),
            ("item.firmware.version", "Version of the firmware", "7.8.2.1 g", true, text(&item.firmware.version)),
            ("item.firmware.sha256", "SHA-256 of the firmware", "7.8.2.1 g", false, sha256),
            ("item.condition", "Condition of the item", "7.8.2.1 g", true, text(&item.condition)),
            ("dates.received", "Day of receipt", "7.8.2.1 h", true, day(&dates.received)),
            ("dates.sampled", "Day of sampling", "7.8.2.1 h", false, day(&dates.sampled)),
            ("dates.issued", "Day of issue", "7.8.2.1 j", true, day(&dates.issued)),
            ("sampling", "Sampling plan and method", "7.8.2.1 k", true, text(&self.sampling)),
            ("deviations", "Deviations from the method", "7.8.2.1 n", true, text(&self.deviations)),
            ("authorised-by.name", "Authorised by", "7.8.2.1 o", true, text(&self.authorised_by.name)),
            ("authorised-by.role", "Role of this person", "7.8.2.1 o", true, text(&self.authorised_by.role)),
            ("external-results", "Results of others", "7.8.2.1 p", true, text(&self.external_results)),
            (
                "conformity.results",
                "Results of the statement of conformity",
                "7.8.6.2 a",
                true,
                text(&self.conformity.results),
            ),
            (
                "conformity.specification",
                "Specification, and what of it is met",
                "7.8.6.2 b",
                true,
                text(&self.conformity.specification),
            ),
            ("conformity.decision-rule", "Decision rule", "7.8.6.2 c", true, text(&self.conformity.decision_rule)),
        ]
        .map(|(key, title, clause, mandatory, value)| Field { key, title, clause, mandatory, value: written(value) })
        .into()
    }

    /// The mandatory fields that are blank.
    #[must_use]
    pub fn blank(&self) -> Vec<Field> {
        self.fields().into_iter().filter(|field| field.mandatory && field.value.is_none()).collect()
    }

    /// The fields that both files state, and state differently: the field of this file and the value of the other. A later file
    /// may fill in what was blank, and must not change what was stated.
    #[must_use]
    pub fn contradicts(&self, later: &Self) -> Vec<(Field, String)> {
        let pairs = self.fields().into_iter().zip(later.fields());
        let differ = |(first, second): (Field, Field)| match (&first.value, second.value) {
            (Some(was), now) if now.as_ref() != Some(was) => Some((first, now.unwrap_or_else(|| "blank".into()))),
            _ => None,
        };
        pairs.filter_map(differ).collect()
    }

    /// What a device said about its firmware, if it is not the firmware that the file states: which value, what is stated, and
    /// what the device said. `said` has what the device said under a name (`version`, `digest`). A value that the device does not
    /// tell is not compared.
    #[must_use]
    pub fn differs<'a>(&self, said: impl Fn(&str) -> Option<&'a str>) -> Option<(&'static str, String, String)> {
        let firmware = &self.item.firmware;
        let stated = [
            ("version", written(firmware.version.clone())),
            ("digest", firmware.sha256.as_ref().map(ToString::to_string)),
        ];
        stated.into_iter().find_map(|(key, stated)| {
            let (stated, told) = (stated?, said(key)?);
            let words = |text: &str| digest_in_words(text).to_owned();
            (told != stated).then(|| (key, words(&stated), words(told)))
        })
    }
}

/// Whether a digest is 64 zeros. A hosted board has no image, and reports this digest.
#[must_use]
pub fn is_no_digest(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|digit| digit == b'0')
}

/// A digest, or the words for the digest of an image that does not exist.
#[must_use]
pub fn digest_in_words(digest: &str) -> &str {
    if is_no_digest(digest) { "not known" } else { digest }
}

/// A value that somebody has written. A note of what has to stand there is none.
fn written(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.trim().is_empty() && !value.starts_with(UNFINISHED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Lab, String> {
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_with_nothing_in_it_is_all_blank() {
        let lab = read("schema: 1\n").unwrap();
        assert!(lab.fields().iter().all(|field| field.value.is_none()));
        assert_eq!(lab.blank().len(), lab.fields().iter().filter(|field| field.mandatory).count());
        let keys: std::collections::BTreeSet<_> = lab.fields().iter().map(|field| field.key).collect();
        assert_eq!(keys.len(), lab.fields().len());
    }

    #[test]
    fn every_key_of_the_file_is_a_field_of_the_report() {
        let whole = "schema: 1\nreport: { title: A, number: B }\nlaboratory: { name: C, address: D, accreditation: E }\nplace: F\n\
             customer: { name: G, contact: H }\nitem: { description: I, maker: J, model: K, serial-number: L, hardware: M, \
             firmware: { version: '1', sha256: 0000000000000000000000000000000000000000000000000000000000000abc }, condition: N }\n\
             dates: { received: 2026-11-02, sampled: 2026-11-01, issued: 2026-11-30 }\nsampling: O\nmethod: P\nsuite: 0000000000000000000000000000000000000000000000000000000000000abc\ndeviations: Q\n\
             external-results: R\nconformity: { results: S, specification: T, decision-rule: U }\nauthorised-by: { name: V, role: W }\n";
        let lab = read(whole).unwrap();
        assert!(lab.fields().iter().all(|field| field.value.is_some()) && lab.blank().is_empty());
        let written = serde_yaml::to_string(&lab).unwrap();
        assert_eq!(read(&written).unwrap(), lab);
        // A key that `fields` forgot would be lost in every report.
        let leaves = serde_json::to_string(&lab).unwrap().matches("\":").count();
        let maps =
            ["report", "laboratory", "customer", "item", "firmware", "dates", "conformity", "authorised-by", "schema"];
        assert_eq!(leaves - maps.len(), lab.fields().len());
    }

    #[test]
    fn an_empty_text_and_a_note_are_blank() {
        let lab = read("schema: 1\nplace: ' '\nmethod: 'TODO: name it'\ndeviations: none\n").unwrap();
        let value = |key| lab.fields().into_iter().find(|field| field.key == key).unwrap().value;
        assert_eq!((value("place"), value("method"), value("deviations").as_deref()), (None, None, Some("none")));
    }

    #[test]
    fn an_empty_day_and_an_empty_digest_are_blank() {
        let text = "schema: 1\nsuite: ''\nitem: { firmware: { sha256: '' } }\ndates: { received: '', sampled: ' ', issued: null }\n";
        assert_eq!(read(text).unwrap(), read("schema: 1\n").unwrap());
        assert!(read("schema: 1\ndates: { issued: tomorrow }\n").unwrap_err().contains("`tomorrow` is not a day"));
        let schema = serde_json::to_string(&schemars::schema_for!(Lab)).unwrap();
        assert_eq!(schema.matches(r#"{"const":""}"#).count(), 5, "{schema}");
    }

    #[test]
    fn a_digest_of_zeros_is_not_known() {
        let zeros = "0".repeat(64);
        let lab = read(&format!("schema: 1\nitem: {{ firmware: {{ sha256: '{zeros}' }} }}\n")).unwrap();
        let field = lab.fields().into_iter().find(|field| field.key == "item.firmware.sha256").unwrap();
        assert_eq!(field.value.as_deref(), Some("not known"));
        let said = lab.differs(|key| (key == "digest").then_some("12"));
        assert_eq!(said, Some(("digest", "not known".into(), "12".into())));
    }

    #[test]
    fn a_later_file_fills_in_and_changes_nothing() {
        let first = read("schema: 1\nitem: { model: A }\n").unwrap();
        assert!(first.contradicts(&read("schema: 1\nitem: { model: A, maker: B }\n").unwrap()).is_empty());
        let contradicts = |later| {
            let all = first.contradicts(&read(later).unwrap());
            all.into_iter().map(|(field, now)| format!("{} {now}", field.key)).collect::<Vec<_>>()
        };
        assert_eq!(contradicts("schema: 1\nitem: { model: C }\n"), ["item.model C"]);
        assert_eq!(contradicts("schema: 1\n"), ["item.model blank"]);
    }

    #[test]
    fn another_firmware_is_seen_and_what_nobody_tells_is_not_compared() {
        let lab = read("schema: 1\nitem: { firmware: { version: '1.2' } }\n").unwrap();
        let said = |version: &'static str| move |key: &str| (key == "version").then_some(version).or(Some("00"));
        assert_eq!(lab.differs(said("1.2")), None, "no digest is stated");
        assert_eq!(lab.differs(|_| None), None);
        let differs = lab.differs(said("1.3")).unwrap();
        assert_eq!(differs, ("version", "1.2".to_owned(), "1.3".to_owned()));
    }

    #[test]
    fn a_digest_has_one_form() {
        assert!("AB".repeat(32).parse::<Sha256>().is_err() && "ab".repeat(31).parse::<Sha256>().is_err());
        assert!("ab".repeat(32).parse::<Sha256>().is_ok());
    }
}
