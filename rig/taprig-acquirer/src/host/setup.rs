//! The keys and the terminals of a host.

use super::request::Objection;
use crate::codec::lists::{AuthorityKey, KeyName};
use crate::keys::{MasterKey, WorkingKeys};
use crate::mac::MacKey;
use taprig_model::acquirer::keys::{DesKey, DoubleKey, Keys};

/// The keys and the terminals of a host, from a keys file.
#[derive(Debug, Clone)]
pub struct Setup {
    keys: Keys,
    authorities: Vec<AuthorityKey>,
}

impl Setup {
    /// What a keys file says. Keys of authorities are in the order of RID and index.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        let mut authorities: Vec<AuthorityKey> = keys
            .authorities
            .iter()
            .map(|key| AuthorityKey {
                name: KeyName { rid: array(key.rid.bytes()), index: array::<1>(key.index.bytes())[0] },
                expiry: key.expiry.to_string(),
                modulus: key.modulus.bytes().to_vec(),
                exponent: key.exponent.bytes().to_vec(),
                check_sum: key.check_sum.bytes().to_vec(),
            })
            .collect();
        authorities.sort_by(|one, other| one.name.cmp(&other.name));
        Self { keys, authorities }
    }

    pub(super) fn authorities(&self) -> &[AuthorityKey] {
        &self.authorities
    }

    /// The working keys of a sign-on. The first one is 0.
    pub(super) fn working_keys(&self, sign_on: usize) -> WorkingKeys {
        let entry = self.keys.working.of_sign_on(sign_on);
        let pin = array(entry.pin.bytes());
        let track = entry.track.as_ref().map(DoubleKey::bytes).map_or(pin, array);
        WorkingKeys { pin, mac: des(&entry.mac), track }
    }

    /// The master key of a terminal.
    pub(super) fn master(&self, terminal: &str) -> MasterKey {
        let known = self.keys.terminals.iter().flatten().find(|known| known.terminal.as_str() == terminal);
        des(known.and_then(|known| known.master.as_ref()).unwrap_or(&self.keys.master))
    }

    /// Why this terminal is not served.
    pub(super) fn objection(&self, terminal: &str, merchant: &str) -> Option<Objection> {
        let all = self.keys.terminals.as_ref()?;
        let Some(known) = all.iter().find(|known| known.terminal.as_str() == terminal) else {
            return Some(Objection::new("97", format!("the terminal {terminal} is not in the keys file")));
        };
        let wanted = known.merchant.as_ref()?.to_string();
        (wanted != merchant)
            .then(|| Objection::new("03", format!("the merchant of terminal {terminal} is {wanted}, not {merchant}")))
    }
}

/// The first bytes. The types of the file hold the lengths.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|at| bytes.get(at).copied().unwrap_or_default())
}

fn des(key: &DesKey) -> MacKey {
    match key.bytes() {
        short if short.len() == 8 => MacKey::Single(array(short)),
        long => MacKey::Double(array(long)),
    }
}
