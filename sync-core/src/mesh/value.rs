//! The document as a value, the same for TOML and JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::de::{DeTable, DeValue};

use super::problems::{Invalid, Problem, bounded, quoted};

/// The longest document, in bytes. Real ones have a few kilobytes; a Lambda
/// environment holds four.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// Syntax errors shown of one document: after the first few, the rest is mostly noise.
const MAX_SYNTAX_ERRORS: usize = 10;

/// A value of the document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Value>),
    /// Every entry as written: `serde_json::Value` would keep only the last of
    /// two entries with one key, and this document says who may reach whom.
    Table(Vec<(String, Value)>),
    /// Nothing that a mesh document has a use for; with how to call it.
    Other(&'static str),
}

impl Value {
    /// Reads a document, TOML unless its first character is `{`.
    pub(super) fn read(text: &str) -> Result<Self, Invalid> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > MAX_BYTES {
            return Err(whole(format!("{} bytes long; at most {MAX_BYTES} are read", text.len())));
        }
        match text.trim_start().chars().next() {
            None => Err(whole("the document is empty".to_owned())),
            Some('{') => from_json(text),
            Some(_) => from_toml(text),
        }
    }

    /// How a message calls this value.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Text(text) => format!("the text {}", quoted(text)),
            Self::Integer(number) => format!("the number `{number}`"),
            Self::Boolean(truth) => format!("`{truth}`"),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

fn whole(detail: String) -> Invalid {
    Invalid { problems: vec![Problem { path: String::new(), detail }] }
}

fn from_json(text: &str) -> Result<Value, Invalid> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let position = format!(" at line {line} column {column}");
        let message = message.strip_suffix(&position).unwrap_or(&message);
        let message = bounded(message);
        whole(format!("not JSON (it begins with `{{`): line {line}, column {column}: {message}"))
    })
}

fn from_toml(text: &str) -> Result<Value, Invalid> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(toml_table(table.get_ref()));
    }
    let shown = errors.iter().take(MAX_SYNTAX_ERRORS).map(|error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        format!("not TOML: line {line}, column {column}: {}", bounded(error.message()))
    });
    let more = errors.len().saturating_sub(MAX_SYNTAX_ERRORS);
    let more = (more > 0).then(|| format!("not TOML: and {more} more errors of syntax"));
    let problems = shown.chain(more).map(|detail| Problem { path: String::new(), detail });
    Err(Invalid { problems: problems.collect() })
}

/// Line and column of a byte, both from 1, the column in characters.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn toml_table(table: &DeTable<'_>) -> Value {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<_>)| -> (String, Value) {
        let key: &toml::de::DeString<'_> = key.get_ref();
        (key.to_string(), toml_value(value.get_ref()))
    };
    Value::Table(table.iter().map(entry).collect())
}

/// The parser bounds how deep values nest, so this recursion is bounded too.
fn toml_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number that is out of range"), Value::Integer),
        DeValue::Float(_) => Value::Other("a decimal number"),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(list) => Value::List(list.iter().map(|v| toml_value(v.get_ref())).collect()),
        DeValue::Table(table) => toml_table(table),
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Json)
    }
}

/// Builds a [`Value`] from JSON.
struct Json;

impl<'de> Visitor<'de> for Json {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        let too_large = Value::Other("a number that is out of range");
        Ok(i64::try_from(number).map_or(too_large, Value::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other("a decimal number"))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Boolean(truth))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = table.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Table(entries))
    }
}
