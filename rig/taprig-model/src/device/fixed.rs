//! Settings that a device can't be told.

use crate::settings::Settings;
use crate::units::Percent;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Settings that a device can't be told, and what they are set to. The parts of the fare may be fixed alone: a device
/// without discounts has `discount: 0 %`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Fixed {
    /// Whole settings.
    #[serde(flatten)]
    pub settings: Settings,
    /// The discount, if the device can be told the rest of the fare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Percent>,
    /// Whether every ride costs one fen, if the device can be told the rest of the fare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_cent: Option<bool>,
}

impl Fixed {
    /// Whether nothing is fixed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The settings of these that the device can be told. A fare stays if only parts of it are fixed.
    #[must_use]
    pub fn tellable(&self, settings: &Settings) -> Settings {
        settings.without(&self.settings)
    }

    /// What is fixed, as cases write it: `("fare", "3.00 CNY")`, `("discount", "0 %")`.
    #[must_use]
    pub fn in_words(&self) -> Vec<(String, String)> {
        [self.settings.in_words(), self.parts()].concat()
    }

    /// The same as [`Fixed::in_words`], but lists are only counted, as in [`Settings::in_words_without_lists`].
    #[must_use]
    pub fn in_words_without_lists(&self) -> Vec<(String, String)> {
        [self.settings.in_words_without_lists(), self.parts()].concat()
    }

    fn parts(&self) -> Vec<(String, String)> {
        let discount = self.discount.map(|discount| ("discount".to_owned(), discount.to_string()));
        let one_cent = self.one_cent.map(|on| ("one-cent".to_owned(), on.to_string()));
        discount.into_iter().chain(one_cent).collect()
    }
}

impl From<Settings> for Fixed {
    fn from(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }
}

impl<'de> Deserialize<'de> for Fixed {
    // A derived implementation would buffer the map, and the place of a mistake in it would be lost.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Fixed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fixed, A::Error> {
                let (mut discount, mut one_cent) = (None, None);
                let rest = Rest { map, discount: &mut discount, one_cent: &mut one_cent };
                let settings = Settings::deserialize(MapAccessDeserializer::new(rest))?;
                Ok(Fixed { settings, discount, one_cent })
            }
        }

        deserializer.deserialize_map(Map)
    }
}

/// The entries of a map without the parts of the fare, which it puts aside.
struct Rest<'a, A> {
    map: A,
    discount: &'a mut Option<Percent>,
    one_cent: &'a mut Option<bool>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            match key.as_str() {
                "discount" => *self.discount = Some(self.map.next_value()?),
                "one-cent" => *self.one_cent = Some(self.map.next_value()?),
                _ => return seed.deserialize(key.into_deserializer()).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_fare_stand_beside_whole_settings() {
        let fixed: Fixed = serde_json::from_str(r#"{"retap":"3 s","discount":"0 %","one-cent":false}"#).unwrap();
        let words = [("retap", "3 s"), ("discount", "0 %"), ("one-cent", "false")];
        assert_eq!(fixed.in_words(), words.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(serde_json::from_str::<Fixed>(&serde_json::to_string(&fixed).unwrap()).unwrap(), fixed);
        let settings: Settings = serde_json::from_str(r#"{"retap":"3 s","fare":"1.00 CNY"}"#).unwrap();
        assert!(fixed.tellable(&settings).fare.is_some() && fixed.tellable(&settings).retap.is_none());
        for wrong in [r#"{"discont":"0 %"}"#, r#"{"discount":"none"}"#, r#"{"one-cent":"no"}"#, "3"] {
            assert!(serde_json::from_str::<Fixed>(wrong).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Fixed>("{}").unwrap().is_empty() && !fixed.is_empty());
    }
}
