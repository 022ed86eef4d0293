//! DynamoDB's attributes as JSON, and back, with nothing lost on the way.
//!
//! Numbers, strings, lists and maps are what JSON has. Any other attribute is an
//! object of its type's name, `{"BOOL": true}`, as is a number that JSON would round.
//! A map that looks like one of those is kept apart as `{"M": …}`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::{Blob, base64};
use serde_json::{Map, Value, json};
use sync_core::ports::Item;

/// The names that stand for a type when they are an object's only key.
const TYPES: [&str; 9] = ["B", "BOOL", "BS", "M", "N", "NS", "NULL", "SS", "?"];

/// A stored item as the core sees it.
pub(crate) fn item(attributes: &HashMap<String, AttributeValue>) -> Item {
    attributes.iter().map(|(name, value)| (name.clone(), to_json(value))).collect()
}

/// An item as DynamoDB stores it.
pub(crate) fn attributes(item: &Item) -> HashMap<String, AttributeValue> {
    item.iter().map(|(name, value)| (name.clone(), from_json(value))).collect()
}

fn to_json(attribute: &AttributeValue) -> Value {
    let blob = |blob: &Blob| base64::encode(blob);
    match attribute {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(text) => number(text).unwrap_or_else(|| json!({ "N": text })),
        AttributeValue::L(list) => list.iter().map(to_json).collect(),
        AttributeValue::M(map) => {
            let map = item(map);
            if type_name(&map).is_some() { json!({ "M": map }) } else { Value::Object(map) }
        }
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::Null(value) => json!({ "NULL": value }),
        AttributeValue::B(bytes) => json!({ "B": blob(bytes) }),
        AttributeValue::Bs(set) => json!({ "BS": set.iter().map(blob).collect::<Vec<_>>() }),
        AttributeValue::Ns(set) => json!({ "NS": set }),
        AttributeValue::Ss(set) => json!({ "SS": set }),
        _ => json!({ "?": null }),
    }
}

/// An attribute of a JSON value; the way back from [`item`].
pub(crate) fn from_json(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(list) => AttributeValue::L(list.iter().map(from_json).collect()),
        Value::Object(map) => typed(map).unwrap_or_else(|| AttributeValue::M(attributes(map))),
    }
}

/// The attribute that an object of a type's name stands for.
fn typed(map: &Map<String, Value>) -> Option<AttributeValue> {
    let texts = |value: &Value| -> Option<Vec<String>> {
        value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let blob = |text: &str| base64::decode(text).ok().map(Blob::new);
    let name = type_name(map)?;
    let value = map.get(name)?;
    Some(match name {
        "B" => AttributeValue::B(blob(value.as_str()?)?),
        "BOOL" => AttributeValue::Bool(value.as_bool()?),
        "BS" => AttributeValue::Bs(texts(value)?.iter().map(|b| blob(b)).collect::<Option<_>>()?),
        "M" => AttributeValue::M(attributes(value.as_object()?)),
        "N" => AttributeValue::N(value.as_str()?.to_owned()),
        "NS" => AttributeValue::Ns(texts(value)?),
        "NULL" => AttributeValue::Null(value.as_bool()?),
        "SS" => AttributeValue::Ss(texts(value)?),
        _ => return None,
    })
}

fn type_name(map: &Map<String, Value>) -> Option<&'static str> {
    let only = if map.len() == 1 { map.keys().next() } else { None };
    TYPES.into_iter().find(|name| only.is_some_and(|key| key == name))
}

/// The number, if JSON writes it the way DynamoDB does: up to 38 digits there,
/// rounded here beyond 64 bits.
fn number(text: &str) -> Option<Value> {
    let number: serde_json::Number = text.parse().ok()?;
    (number.to_string() == text).then_some(Value::Number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, AttributeValue)]) -> AttributeValue {
        AttributeValue::M(entries.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
    }

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    #[test]
    fn every_attribute_type_survives_both_ways() {
        let strings = vec!["a".to_owned(), "b".to_owned()];
        for (attribute, json) in [
            (s("x"), json!("x")),
            (n("1795342075000"), json!(1_795_342_075_000_u64)),
            (n("-1"), json!(-1)),
            (n("1.5"), json!(1.5)),
            (
                n("99999999999999999999999999999999999999"),
                json!({"N": "99999999999999999999999999999999999999"}),
            ),
            (AttributeValue::L(vec![s("x"), n("1")]), json!(["x", 1])),
            (map(&[]), json!({})),
            (
                map(&[("i-1", AttributeValue::L(vec![s("1.2.3.4/32")]))]),
                json!({"i-1": ["1.2.3.4/32"]}),
            ),
            (AttributeValue::Bool(true), json!({"BOOL": true})),
            (AttributeValue::Null(true), json!({"NULL": true})),
            (AttributeValue::Ss(strings.clone()), json!({"SS": ["a", "b"]})),
            (AttributeValue::Ns(vec!["1".to_owned()]), json!({"NS": ["1"]})),
            (AttributeValue::B(Blob::new(*b"hi")), json!({"B": "aGk="})),
            (AttributeValue::Bs(vec![Blob::new(*b"hi")]), json!({"BS": ["aGk="]})),
        ] {
            assert_eq!(to_json(&attribute), json);
            assert_eq!(from_json(&json), attribute);
        }
    }

    #[test]
    fn a_map_that_looks_like_a_type_is_kept_apart() {
        for attribute in [
            map(&[("BOOL", AttributeValue::Bool(true))]),
            map(&[("N", s("5"))]),
            map(&[("M", map(&[("M", map(&[]))]))]),
        ] {
            let json = to_json(&attribute);
            assert_eq!(
                json.as_object().map(|o| o.keys().cloned().collect()),
                Some(vec!["M".to_owned()])
            );
            assert_eq!(from_json(&json), attribute);
        }
    }
}
