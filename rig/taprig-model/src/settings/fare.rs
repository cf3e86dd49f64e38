//! What a ride costs.

use crate::units::{Money, Percent};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// What a ride costs: `2.00 CNY`, or `{ flat: 2.00 CNY, discount: 20 % }`. One value, so that no part of one fare is left
/// over when another is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fare {
    /// The flat fare of the line, before the discount.
    pub flat: Money,
    /// What is taken off it.
    pub discount: Percent,
    /// A promotion: every ride costs one fen.
    pub one_cent: bool,
}

impl From<Money> for Fare {
    /// A flat fare without discount or promotion.
    fn from(flat: Money) -> Self {
        Self { flat, discount: Percent(0), one_cent: false }
    }
}

/// A fare that is written as a map.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Parts {
    /// The flat fare of the line, before the discount.
    flat: Money,
    /// What is taken off it. Absent: nothing.
    #[serde(default)]
    discount: Option<Percent>,
    /// A promotion: every ride costs one fen. Absent: there is none.
    #[serde(default)]
    one_cent: Option<bool>,
}

impl<'de> Deserialize<'de> for Fare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = Fare;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount such as `2.00 CNY`, or `{ flat: 2.00 CNY, discount: 20 % }`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Fare, E> {
                text.parse::<Money>().map(Fare::from).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fare, A::Error> {
                let parts = Parts::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Fare {
                    flat: parts.flat,
                    discount: parts.discount.unwrap_or(Percent(0)),
                    one_cent: parts.one_cent.unwrap_or(false),
                })
            }
        }

        deserializer.deserialize_any(Written)
    }
}

impl Serialize for Fare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::from(self.flat) {
            return self.flat.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("flat", &self.flat)?;
        if self.discount != Percent(0) {
            map.serialize_entry("discount", &self.discount)?;
        }
        if self.one_cent {
            map.serialize_entry("one-cent", &true)?;
        }
        map.end()
    }
}

impl JsonSchema for Fare {
    fn schema_name() -> Cow<'static, str> {
        "Fare".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let flat = generator.subschema_for::<Money>();
        let parts = generator.subschema_for::<Parts>();
        json_schema!({ "description": "What a ride costs.", "anyOf": [flat, parts] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fare_is_an_amount_or_its_parts() {
        let read = |json: &str| serde_json::from_str::<Fare>(json);
        let flat = Money::from_fen(200);
        assert_eq!(read(r#""2.00 CNY""#).unwrap(), Fare::from(flat));
        let discounted = Fare { discount: Percent(20), ..Fare::from(flat) };
        assert_eq!(read(r#"{"flat":"2.00 CNY","discount":"20 %"}"#).unwrap(), discounted);
        let promotion = Fare { one_cent: true, ..discounted };
        for fare in [Fare::from(flat), discounted, promotion] {
            assert_eq!(read(&serde_json::to_string(&fare).unwrap()).unwrap(), fare);
        }
        for wrong in [r#"{"discount":"20 %"}"#, r#"{"flat":"2.00 CNY","tax":"1 %"}"#, "2", r#""two""#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
