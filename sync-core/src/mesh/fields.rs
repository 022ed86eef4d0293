//! Reading a document value by value: what is not as expected is noted with its
//! path, and reading goes on.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::problems::{Problems, quoted};
use super::value::Value;

/// A value and where in the document it is. Every reader returns none after it
/// noted a problem.
#[derive(Clone, Debug)]
pub(super) struct Place<'v> {
    path: String,
    value: &'v Value,
    problems: &'v Problems,
}

impl<'v> Place<'v> {
    /// The document itself.
    pub(super) fn root(value: &'v Value, problems: &'v Problems) -> Self {
        Self { path: String::new(), value, problems }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Notes that something is wrong here.
    pub(super) fn problem(&self, detail: impl Into<String>) {
        self.problems.add(&self.path, detail);
    }

    fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        self.problem(format!("expected {expected}, found {}", self.value.describe()));
        None
    }

    /// The value if it is text; otherwise nothing is noted.
    pub(super) fn as_text(&self) -> Option<&'v str> {
        match self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Text that follows a rule.
    pub(super) fn text<T>(&self, rule: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match self.as_text() {
            Some(text) => rule(text).map_err(|detail| self.problem(detail)).ok(),
            None => self.wrong_type("a text in quotes"),
        }
    }

    /// Text that follows a rule, where a bare number is as good.
    pub(super) fn text_or_integer<T>(
        &self,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match self.value {
            Value::Text(text) => rule(text).map_err(|detail| self.problem(detail)).ok(),
            Value::Integer(n) => rule(&n.to_string()).map_err(|detail| self.problem(detail)).ok(),
            _ => self.wrong_type("a text in quotes or a number"),
        }
    }

    /// True or false.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self.value {
            Value::Boolean(truth) => Some(*truth),
            _ => self.wrong_type("true or false"),
        }
    }

    /// One of a few words, as what it stands for.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        self.text(|text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(
                || {
                    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                    format!("{} is not known here; {}", quoted(text), suggestion(text, &words))
                },
            )
        })
    }

    fn integer(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let Value::Integer(number) = *self.value else {
            return self.wrong_type("a whole number");
        };
        let fits = u32::try_from(number).ok().filter(|number| range.contains(number));
        if fits.is_none() {
            self.problem(format!("{number} is not from {} to {}", range.start(), range.end()));
        }
        fits
    }

    /// The places of a list's items.
    pub(super) fn list(&self, of: &str) -> Option<Vec<Self>> {
        let Value::List(items) = self.value else {
            return self.wrong_type(&format!("a list of {of}"));
        };
        let place = |(index, value)| Self {
            path: format!("{}[{index}]", self.path),
            value,
            problems: self.problems,
        };
        Some(items.iter().enumerate().map(place).collect())
    }

    /// Whether it is a list without items.
    pub(super) fn is_empty_list(&self) -> bool {
        matches!(self.value, Value::List(items) if items.is_empty())
    }

    /// A table that has no keys but these. An unknown key is noted, and the known ones are read.
    pub(super) fn table(&self, known: &[&str]) -> Option<Table<'v>> {
        let Value::Table(entries) = self.value else {
            return self.wrong_type("a table");
        };
        let mut table = Table { place: self.clone(), entries: BTreeMap::new() };
        for (key, value) in entries {
            if self.problems.is_full() {
                return None;
            }
            if !known.contains(&key.as_str()) {
                let detail = format!("unknown key; {}", suggestion(key, known));
                self.problems.add(table.path_of(key), detail);
            } else if table.entries.insert(key, value).is_some() {
                self.problems.add(table.path_of(key), "is given twice");
            }
        }
        Some(table)
    }
}

/// A table whose keys are known.
#[derive(Debug)]
pub(super) struct Table<'v> {
    place: Place<'v>,
    entries: BTreeMap<&'v str, &'v Value>,
}

impl<'v> Table<'v> {
    /// The table's own place.
    pub(super) fn place(&self) -> &Place<'v> {
        &self.place
    }

    fn path_of(&self, key: &str) -> String {
        let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let plain = !key.is_empty() && key.len() <= 64 && key.chars().all(bare);
        let key = if plain { key.to_owned() } else { quoted(key) };
        if self.place.path.is_empty() { key } else { format!("{}.{key}", self.place.path) }
    }

    /// The place of a key that may be left out.
    pub(super) fn optional(&self, key: &str) -> Option<Place<'v>> {
        let value = self.entries.get(key)?;
        Some(Place { path: self.path_of(key), value, problems: self.place.problems })
    }

    /// The place of a key that must be there.
    pub(super) fn required(&self, key: &str, why: &str) -> Option<Place<'v>> {
        let place = self.optional(key);
        if place.is_none() {
            self.missing(key, why);
        }
        place
    }

    /// Notes that a key is missing.
    pub(super) fn missing(&self, key: &str, why: &str) {
        self.place.problems.add(self.path_of(key), format!("is missing; {why}"));
    }

    /// A table in this table, if it is given.
    pub(super) fn section(&self, key: &str, known: &[&str]) -> Option<Self> {
        self.optional(key)?.table(known)
    }

    /// A whole number from a range, if it is given.
    pub(super) fn integer(&self, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
        self.optional(key)?.integer(range)
    }
}

/// Reads every item, also after a problem; none if there was one. After very many the
/// rest is left: the document is refused anyway.
pub(super) fn each<'v, T>(
    places: &[Place<'v>],
    read: impl FnMut(&Place<'v>) -> Option<T>,
) -> Option<Vec<T>> {
    let wanted = places.iter().take_while(|place| !place.problems.is_full());
    let items: Vec<Option<T>> = wanted.map(read).collect();
    items.into_iter().collect()
}

/// The longest text that is compared with the known words.
const COMPARED_LEN: usize = 64;

/// The known word that was probably meant, else all of them.
fn suggestion(given: &str, known: &[&str]) -> String {
    let distance = |word: &str| strsim::osa_distance(given, word);
    let near = known.iter().filter(|word| distance(word) <= word.len() / 3);
    let nearest = (given.len() <= COMPARED_LEN).then(|| near.min_by_key(|word| distance(word)));
    match nearest.flatten() {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("known are {}", listed(known)),
    }
}

/// The most words that a message lists. The names of members are listed too, and
/// nothing bounds how many there are.
const LISTED: usize = 24;

/// Words as a message lists them.
pub(super) fn listed(words: &[&str]) -> String {
    let shown: Vec<String> = words.iter().take(LISTED).map(|word| quoted(word)).collect();
    let more = match words.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown.join(", ") + &more
}
