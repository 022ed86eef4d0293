//! Lets a person pick from a list.

use std::io::BufRead;

use anyhow::bail;

use crate::screen::{HEADING, paint, print};

/// One of the things to pick from.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// What is picked.
    pub name: String,
    /// What tells it from others, for people.
    pub about: String,
}

/// Asks for numbers until it gets some; none is an answer too.
pub(super) fn pick(
    what: &str,
    choices: &[Choice],
    answers: &mut impl BufRead,
) -> anyhow::Result<Vec<String>> {
    print(&format!("{}\n", paint(HEADING, what)));
    if choices.is_empty() {
        print("  there are none\n");
        return Ok(Vec::new());
    }
    for (number, choice) in choices.iter().enumerate() {
        let about = if choice.about.is_empty() { "" } else { "  " };
        print(&format!("  {} {}{about}{}\n", number + 1, choice.name, choice.about));
    }
    loop {
        print("Which? Numbers with commas between, or nothing for none: ");
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        if !answer.ends_with('\n') {
            bail!("nobody answered: give --member instead of --region");
        }
        match picked(&answer, choices) {
            Ok(names) => return Ok(names),
            Err(word) => {
                print(&format!("`{word}` is no number from 1 to {}\n", choices.len()));
            }
        }
    }
}

/// The names behind the numbers, or the first word that is no number of the list.
fn picked(answer: &str, choices: &[Choice]) -> Result<Vec<String>, String> {
    let words = answer.split(',').map(str::trim).filter(|word| !word.is_empty());
    let name = |word: &str| {
        let place = word.parse::<usize>().ok()?.checked_sub(1)?;
        choices.get(place).map(|choice| choice.name.clone())
    };
    words.map(|word| name(word).ok_or_else(|| word.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices() -> Vec<Choice> {
        let names = ["orders", "invoices", "bastion"];
        names.map(|name| Choice { name: name.to_owned(), about: String::new() }).into()
    }

    fn asked(answers: &str) -> anyhow::Result<Vec<String>> {
        let mut left = answers.as_bytes();
        let picked = pick("groups", &choices(), &mut left);
        assert!(left.is_empty(), "every answer was asked for");
        picked
    }

    #[test]
    fn numbers_are_names() {
        assert_eq!(asked("1, 3\n").expect("names"), ["orders", "bastion"]);
        assert_eq!(asked("\n").expect("none"), [] as [&str; 0]);
    }

    #[test]
    fn a_slip_is_asked_about_again_and_silence_is_no_answer() {
        assert_eq!(asked("4\n0\norders\n-1\n2\n").expect("a name"), ["invoices"]);
        assert!(asked("").is_err());
        assert!(asked("1").is_err(), "an answer that was cut off");
    }
}
