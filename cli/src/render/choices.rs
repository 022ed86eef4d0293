//! What a person decides about the stacks, and how it lasts: a file that `render` wrote
//! carries it to the next rendering, so that nobody's alarms are taken away by leaving
//! out a `--set`.

use std::collections::BTreeMap;

use super::samconfig::{self, Author};
use super::stack::{ROLE_SETTINGS, SETTINGS};
use super::{DEFAULT_TEMPLATE, Options, TEMPLATE};

/// What was decided, by name: every setting, and the template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choices {
    values: BTreeMap<&'static str, String>,
    /// What the file says and nobody has said now, where it is not the default.
    pub kept: Vec<Kept>,
    /// What differs from the file that is there.
    pub changed: Vec<Changed>,
}

/// A choice that the file carries on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Kept {
    /// Of what.
    pub name: &'static str,
    /// What it is and was.
    pub value: String,
}

/// A choice that the file has otherwise.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Changed {
    /// Of what.
    pub name: &'static str,
    /// What the file says.
    pub from: String,
    /// What it will say.
    pub to: String,
}

impl Choices {
    /// What this rendering goes by: what was given, else what the file says if it is
    /// `render`'s own, else the default. What somebody else wrote is compared with, and
    /// not believed.
    pub(super) fn make(options: &Options, there: Option<&str>) -> Self {
        let before = there.map(samconfig::choices).unwrap_or_default();
        let own = there.is_some_and(|text| samconfig::author(text) == Author::Render);
        let mut choices = Self::default();
        for (name, default) in defaults() {
            let told = before.get(name);
            let (value, given) = match (options.given(name), told) {
                (Some(given), _) => (given.to_owned(), true),
                (None, Some(told)) if own => (told.clone(), false),
                (None, _) => (default.to_owned(), false),
            };
            match told {
                Some(told) if *told != value => {
                    choices.changed.push(Changed { name, from: told.clone(), to: value.clone() });
                }
                Some(_) if !given && value != default => {
                    choices.kept.push(Kept { name, value: value.clone() });
                }
                _ => {}
            }
            choices.values.insert(name, value);
        }
        choices
    }

    /// One choice.
    pub(super) fn of(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
}

/// Everything that can be chosen, with what it is if nobody chooses.
fn defaults() -> impl Iterator<Item = (&'static str, &'static str)> {
    SETTINGS.iter().chain(ROLE_SETTINGS).copied().chain([(TEMPLATE, DEFAULT_TEMPLATE)])
}

#[cfg(test)]
mod tests;
