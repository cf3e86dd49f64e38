//! The emulated card: image, personalisation, application and faults. The crate does no I/O.
//!
//! An image (`fixtures/cards`) contains the decisions of an issuer: account, records, PDOL, policy, names of keys.
//! [`personalise`] makes a [`Card`] from it, with both certificates, the file locator and the FCI. [`Card::respond`]
//! answers command APDUs like a UnionPay QuickPass card (JR/T 0025, EMV Contactless). The dynamic signature and the
//! cryptogram are made anew for each transaction. [`Card::reset`] stands for the field going off.
//!
//! There are two kinds of changes in a case ([`taprig_model::card::Change`]). `set` alters the image, so that the card
//! stays consistent: for example, the certificate contains the new PAN as well. Fields of certificates and of the
//! dynamic signature are altered before signing. All other changes break exactly one thing in the finished card. If a
//! change finds nothing to alter, this is an error before the run. Otherwise the case might pass without testing
//! anything.
//!
//! Everything depends only on the image, the keys, the changes, the seed and the commands: the same tap gives the same
//! bytes.
//!
//! The crate shares no EMV code with the validator's kernel. So if one side misreads the standards, the other side
//! shows it. The tests of this crate check each certificate, signature and cryptogram with the third-party crate `emv`.
//!
//! A card with a purse deducts when it has answered the last READ RECORD of the file locator. GET DATA returns the objects of
//! the purse and the transaction counter. The crate has no log of payments.
//!
//! # A whole tap in memory
//!
//! ```
//! use taprig_card::{KeyRing, personalise};
//! use taprig_model::card::{CardImage, KeyFile};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures");
//! // Enums are maps of one key in our YAML files, hence `singleton_map_recursive`.
//! fn read<T: serde::de::DeserializeOwned>(path: &str) -> Result<T, Box<dyn std::error::Error>> {
//!     let text = std::fs::read_to_string(path)?;
//!     Ok(serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(&text))?)
//! }
//! let image: CardImage = read(&format!("{fixtures}/cards/unionpay-credit-rsa1024.yaml"))?;
//! let mut keys = KeyRing::default();
//! for name in ["test-ca-1408-e3", "test-issuer-1152-e3", "test-card-1024-e3", "test-master-3des"] {
//!     let file: KeyFile = read(&format!("{fixtures}/keys/{name}.yaml"))?;
//!     keys.insert(name.parse()?, &file)?;
//! }
//! let mut card = personalise(&image, &keys, &[])?;
//!
//! // The reader selects the directory, then the application.
//! let directory = card.respond(b"\x00\xA4\x04\x00\x0E2PAY.SYS.DDF01\x00");
//! assert!(directory.response.ends_with(&[0x90, 0x00]));
//! let application = card.respond(b"\x00\xA4\x04\x00\x08\xA0\x00\x00\x03\x33\x01\x01\x02\x00");
//! assert!(application.response.windows(2).any(|tag| tag == [0x9F, 0x38]), "the PDOL");
//!
//! // GET PROCESSING OPTIONS with the 33 bytes of the PDOL: TTQ, amount 1.00, other amount, country, TVR, currency,
//! // date, type, unpredictable number.
//! let mut options = vec![0x80, 0xA8, 0x00, 0x00, 35, 0x83, 33];
//! options.extend([0x61, 0x00, 0x00, 0x80]);
//! options.extend([0x00, 0x00, 0x00, 0x00, 0x01, 0x00]);
//! options.extend([0x00; 6]);
//! options.extend([0x01, 0x56]);
//! options.extend([0x00; 5]);
//! options.extend([0x01, 0x56]);
//! options.extend([0x18, 0x05, 0x21, 0x00]);
//! options.extend([0xDE, 0xAD, 0xBE, 0xEF, 0x00]);
//! let response = card.respond(&options);
//! assert!(response.response.ends_with(&[0x90, 0x00]));
//! println!("the card took {} for it", response.delay);
//!
//! // The records of the file locator: 1.1 is signed, 2.1 and 2.2 hold the certificates.
//! for (file, number) in [(1, 1), (2, 1), (2, 2)] {
//!     let record = card.respond(&[0x00, 0xB2, number, file << 3 | 0x04, 0x00]);
//!     assert_eq!(record.response[0], 0x70);
//! }
//! card.reset();
//! # Ok(())
//! # }
//! ```

mod application;
mod card;
mod certificate;
mod certify;
mod cryptogram;
mod draft;
mod edit;
mod error;
mod flow;
mod front;
mod keyring;
mod personalise;
mod purse;
mod random;
mod rsa;
mod sm;
mod sm2;
mod standard;
mod tlv;

pub use card::{Card, Reply};
pub use error::PersonaliseError;
pub use keyring::{KeyError, KeyRing};
pub use personalise::personalise;
