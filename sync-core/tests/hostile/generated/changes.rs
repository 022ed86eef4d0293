//! What others may do to an input: a value replaced, a piece of text cut out, doubled,
//! or put in.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// Texts that have broken readers: empty, long, foreign, half of something, nested.
pub fn hostile_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        "\0",
        "\u{feff}",
        "\u{202e}",
        "é\n",
        "\u{1b}[31m",
        "{",
        "[",
        "]",
        "}",
        "\"",
        "'",
        "\\u0000",
        "0.0.0.0/0",
        "::/0",
        "-1",
        "1e999",
        "99999999999999999999",
        "-0",
        "null",
        "[[]]",
        "i-",
        "sg-",
        "us-west-2",
        "payments",
        "aws:sqs",
        "aws:sns",
        "{\"trueup\":true}",
        "= = =",
        "[[member]]\n",
        "\"trueup\":true,",
        "\"name\":\"x\",\"name\":\"x\",",
        "name = \"x\"\n",
        "'''",
        "\"\"\"",
        "#",
        "1979-05-27T07:32:00Z",
        "0x7fffffffffffffffff",
        "inf",
        "a.a.a.a.a.a.a.a=1\n",
    ]
    .map(str::to_owned)
    .into();
    texts.extend(
        ["x", "\n", "é", "[", "{\"a\":", "a.", "[[a]]\n", "\u{0}"].map(|s| s.repeat(20_000)),
    );
    texts
}

/// Values to put where others are expected.
fn hostile_value() -> impl Strategy<Value = Value> {
    let deep = |depth| (0..depth).fold(json!(0), |inner, _| json!([inner]));
    prop_oneof![
        4 => select(hostile_texts()).prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        2 => select(vec![
            json!(null), json!(true), json!(1.5), json!(u64::MAX), json!(i64::MIN), json!({}), json!([]),
            json!([[]]), json!([null]), json!({"": {}}), deep(120), json!(vec![0; 2000]),
            json!({"x\n".repeat(9000): 1}), json!(["a", "a"]), json!("54.0.0.1/32"),
        ]),
    ]
}

/// What to do to the value that is so many steps into the document.
#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Remove,
    Double,
    Rename(String),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => hostile_value().prop_map(Change::Replace),
        1 => Just(Change::Remove),
        1 => Just(Change::Double),
        1 => select(hostile_texts()).prop_map(Change::Rename),
    ]
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes one of the values inside, counted through all of them.
fn apply(value: &mut Value, mut at: usize, change: &Change) {
    match value {
        Value::Array(items) => {
            for index in 0..items.len() {
                let inside = count(&items[index]);
                match at {
                    0 => return change_item(items, index, change),
                    _ if at < inside => return apply(&mut items[index], at - 1, change),
                    _ => at -= inside,
                }
            }
        }
        Value::Object(entries) => {
            let sizes: Vec<(String, usize)> =
                entries.iter().map(|(key, entry)| (key.clone(), count(entry))).collect();
            for (key, inside) in sizes {
                match at {
                    0 => return change_entry(entries, key, change),
                    _ if at < inside => return apply(&mut entries[&key], at - 1, change),
                    _ => at -= inside,
                }
            }
        }
        _ => {}
    }
}

fn change_item(items: &mut Vec<Value>, index: usize, change: &Change) {
    let item = items.remove(index);
    match change {
        Change::Replace(new) => items.insert(index, new.clone()),
        Change::Double => drop(items.splice(index..index, [item.clone(), item])),
        Change::Remove | Change::Rename(_) => {}
    }
}

fn change_entry(entries: &mut Map<String, Value>, key: String, change: &Change) {
    let entry = entries.remove(&key).expect("its key");
    let (key, entry) = match change {
        Change::Replace(new) => (key, new.clone()),
        Change::Double => (key, json!([entry.clone(), entry])),
        Change::Rename(new) => (new.clone(), entry),
        Change::Remove => return,
    };
    entries.insert(key, entry);
}

/// One of these values with none to three changes, as JSON text.
pub fn changed_value(values: Vec<Value>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<Index>(), change()), 0..4);
    (select(values), changes).prop_map(|(mut value, changes)| {
        for (at, change) in changes {
            let inside = count(&value) - 1;
            if inside > 0 {
                apply(&mut value, at.index(inside), &change);
            }
        }
        value.to_string().into_bytes()
    })
}

/// One of these texts with pieces cut out, doubled or put in, not always at the edge of
/// a character.
pub fn changed_text(texts: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        2 => select(hostile_texts()).prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    let splice = (any::<Index>(), 0..60_usize, prop::option::of(piece));
    (select(texts), prop::collection::vec(splice, 1..4)).prop_map(|(text, splices)| {
        let mut bytes = text.into_bytes();
        for (at, cut, piece) in splices {
            let start = at.index(bytes.len() + 1);
            let end = (start + cut).min(bytes.len());
            match piece {
                Some(piece) => drop(bytes.splice(start..end, piece)),
                None => bytes.extend_from_within(start..end),
            }
        }
        bytes
    })
}

/// Bytes that are nothing in particular.
pub fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        any::<String>().prop_map(String::into_bytes),
        select(hostile_texts()).prop_map(String::into_bytes),
        "[\\[\\]{}\",:=.#'\n a-c0-9]{0,200}".prop_map(String::into_bytes),
    ]
}
