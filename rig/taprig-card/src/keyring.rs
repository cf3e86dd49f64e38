//! The keys that images name.

use crate::cryptogram::Master;
use crate::rsa::PrivateKey;
use crate::sm2::{Sm2Key, is_point};
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use taprig_model::card::KeyFile;
use taprig_model::card::key::{self, Key};
use taprig_model::name::Name;

/// Keys by their names. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: BTreeMap<Name, Arc<Held>>,
}

#[derive(Debug)]
enum Held {
    Authority { index: u8, key: Option<Pair> },
    Pair(Pair),
    Master(Master),
}

/// A key pair for signatures.
#[derive(Debug, Clone)]
pub(crate) enum Pair {
    Rsa(PrivateKey),
    Sm2(Sm2Key),
}

/// An algorithm of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rsa,
    Sm2,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "RSA",
            Self::Sm2 => "SM2",
        })
    }
}

impl Pair {
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rsa,
            Self::Sm2(_) => Algorithm::Sm2,
        }
    }
}

/// Why a key can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A number of the key file is out of its range.
    #[error("key `{name}`: {problem}")]
    Malformed {
        /// The key.
        name: Name,
        /// What is wrong.
        problem: String,
    },
    /// There is no such key.
    #[error("no key has the name `{name}`; these keys exist: {known}")]
    Unknown {
        /// The key.
        name: Name,
        /// The keys of the required kind.
        known: String,
    },
    /// The key is of another kind.
    #[error("key `{name}` is not a {wanted}; keys of this kind: {known}")]
    Kind {
        /// The key.
        name: Name,
        /// The required kind.
        wanted: &'static str,
        /// The keys of the required kind.
        known: String,
    },
}

impl KeyRing {
    /// The keys of an iterator over names and files.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for the first file that is not a valid key.
    pub fn load<'a>(files: impl IntoIterator<Item = (Name, &'a KeyFile)>) -> Result<Self, KeyError> {
        let mut ring = Self::default();
        for (name, file) in files {
            ring.insert(name, file)?;
        }
        Ok(ring)
    }

    /// Adds a key. It replaces a key of the same name.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for a key of wrong length, an even modulus, a wrong check sum, or a point that is not on the
    /// curve of SM2 or not that of the private key.
    pub fn insert(&mut self, name: Name, file: &KeyFile) -> Result<(), KeyError> {
        let held = match hold(&file.key) {
            Ok(held) => held,
            Err(problem) => return Err(KeyError::Malformed { name, problem }),
        };
        self.keys.insert(name, Arc::new(held));
        Ok(())
    }

    /// The index (8F) and key pair of a certification authority.
    pub(crate) fn authority(&self, name: &Name) -> Result<(u8, &Pair), KeyError> {
        self.find(name, "certification authority with a private key", |held| match held {
            Held::Authority { index, key: Some(key) } => Some((*index, key)),
            _ => None,
        })
    }

    /// The key pair of an issuer or a card.
    pub(crate) fn pair(&self, name: &Name) -> Result<&Pair, KeyError> {
        self.find(name, "key of an issuer or a card (`rsa` or `sm2`)", |held| match held {
            Held::Pair(key) => Some(key),
            _ => None,
        })
    }

    /// An issuer's master key.
    pub(crate) fn master(&self, name: &Name) -> Result<&Master, KeyError> {
        self.find(name, "master key", |held| match held {
            Held::Master(key) => Some(key),
            _ => None,
        })
    }

    fn find<'a, T>(
        &'a self,
        name: &Name,
        wanted: &'static str,
        kind: impl Fn(&'a Held) -> Option<T>,
    ) -> Result<T, KeyError> {
        let known = || {
            let known: Vec<_> =
                self.keys.iter().filter(|(_, held)| kind(held).is_some()).map(|(name, _)| name.as_str()).collect();
            if known.is_empty() { "none".into() } else { known.join(", ") }
        };
        match self.keys.get(name) {
            None => Err(KeyError::Unknown { name: name.clone(), known: known() }),
            Some(held) => kind(held).ok_or_else(|| KeyError::Kind { name: name.clone(), wanted, known: known() }),
        }
    }
}

fn hold(key: &Key) -> Result<Held, String> {
    // EMV Book 2, annex B2.1: moduli have up to 248 bytes.
    let pair = |modulus: &[u8], exponent: &[u8], private: &[u8]| {
        if !(64..=248).contains(&modulus.len()) {
            return Err(format!("the modulus has {} bytes; 64 to 248 are possible", modulus.len()));
        }
        PrivateKey::new(modulus, exponent, private).map(Pair::Rsa).ok_or_else(|| {
            "modulus and exponents are not an RSA key: the modulus must be odd and must not begin with 00".into()
        })
    };
    let sm2 = |x: &[u8], y: &[u8], private: &[u8]| {
        Sm2Key::new(x, y, private)
            .map(Pair::Sm2)
            .ok_or_else(|| "`x` and `y` are not the public point of this private key, on the curve of SM2".to_owned())
    };
    let sized = |rid: &[u8], index: &[u8]| match (rid.len(), index) {
        (5, [index]) => Ok(*index),
        _ => Err("the RID must have 5 bytes, and the index 1 byte".to_owned()),
    };
    match key {
        Key::Authority(authority) => {
            let (rid, index) = (&authority.rid.0, sized(&authority.rid.0, &authority.index.0)?);
            let mut hash = Sha1::new();
            hash.update(rid);
            hash.update([index]);
            hash.update(&authority.modulus.0);
            hash.update(&authority.exponent.0);
            let right: [u8; 20] = hash.finalize().into();
            if right.as_slice() != authority.check_sum.0 {
                let right = taprig_model::units::Hex(right.to_vec());
                return Err(format!("the check sum is wrong: that of RID, index, modulus and exponent is {right}"));
            }
            let key = match &authority.private_exponent {
                Some(private) => Some(pair(&authority.modulus.0, &authority.exponent.0, &private.0)?),
                None => None,
            };
            Ok(Held::Authority { index, key })
        }
        Key::Sm2Authority(authority) => {
            let index = sized(&authority.rid.0, &authority.index.0)?;
            if !is_point(&authority.x.0, &authority.y.0) {
                return Err("`x` and `y` are no point of the curve of SM2; each has 32 bytes".into());
            }
            let key = match &authority.private_key {
                Some(private) => Some(sm2(&authority.x.0, &authority.y.0, &private.0)?),
                None => None,
            };
            Ok(Held::Authority { index, key })
        }
        Key::Rsa(key) => Ok(Held::Pair(pair(&key.modulus.0, &key.exponent.0, &key.private_exponent.0)?)),
        Key::Sm2(key) => Ok(Held::Pair(sm2(&key.x.0, &key.y.0, &key.private_key.0)?)),
        Key::Master(master) => match (master.algorithm, master.value.0.as_slice().try_into()) {
            (key::Algorithm::TripleDes, Ok(key)) => Ok(Held::Master(Master::TripleDes(key))),
            (key::Algorithm::Sm4, Ok(key)) => Ok(Held::Master(Master::Sm4(key))),
            (key::Algorithm::TripleDes, Err(_)) => {
                Err(format!("the triple-DES master key has {} bytes instead of 16", master.value.0.len()))
            }
            (key::Algorithm::Sm4, Err(_)) => {
                Err(format!("the SM4 master key has {} bytes instead of 16", master.value.0.len()))
            }
        },
    }
}
