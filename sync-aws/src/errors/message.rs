//! What an error says, short enough for a report and a log.

/// The longest text. Findings, hooks and targets of one report may each carry it.
const LEN: usize = 1_000;

/// What stands before the encoded part of a refusal (`facts/aws.md`, Error codes).
const ENCODED: &str = "Encoded authorization failure message:";

/// The longest encoded part that is kept: cut, it cannot be decoded any more. They have
/// some hundred characters; STS takes up to 10,240.
const ENCODED_LEN: usize = 4_096;

/// How the encoded part is read.
const DECODED_BY: &str =
    "(sts:DecodeAuthorizationMessage, `aws sts decode-authorization-message`, says what it means)";

/// The service's text, cut where it is too long. The encoded part of a refusal stays
/// whole, with a word on how to read it.
pub(super) fn bounded(text: &str) -> String {
    match text.split_once(ENCODED) {
        Some((said, encoded)) => {
            let (said, encoded) = (cut(said.trim_end()), encoded.trim());
            if encoded.len() <= ENCODED_LEN {
                format!("{said} {ENCODED} {encoded} {DECODED_BY}")
            } else {
                let left_out = encoded.chars().count();
                format!("{said} {ENCODED} {left_out} characters, too many to show")
            }
        }
        None => cut(text),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LEN) {
        Some((end, _)) => format!("{}… (cut)", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_usual_length_is_left_as_it_is() {
        for text in ["", "Rate exceeded", &"é".repeat(LEN)] {
            assert_eq!(bounded(text), text);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(bounded(&"é".repeat(LEN + 1)), format!("{}… (cut)", "é".repeat(LEN)));
    }

    #[test]
    fn an_encoded_part_stays_whole_or_goes_whole() {
        let said = "You are not authorized to perform this operation.";
        let encoded = "4GIOHlTkIaWHQ_-".repeat(80);
        assert_eq!(
            bounded(&format!("{said} {ENCODED} {encoded}")),
            format!("{said} {ENCODED} {encoded} {DECODED_BY}")
        );
        let endless = bounded(&format!("{} {ENCODED} {}", "x".repeat(9_999), "y".repeat(99_999)));
        assert!(endless.ends_with(": 99999 characters, too many to show"), "{endless}");
        assert!(endless.len() < 2 * LEN);
    }
}
