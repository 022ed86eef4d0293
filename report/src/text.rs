//! Text of others, made safe to show.

use maud::{Escaper, Render};
use std::fmt::Write as _;

/// Text that somebody else chose: a name, a tag, a description. HTML in it is shown, not
/// obeyed; characters that nobody sees, or that turn the text around, are shown by their numbers.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl Render for Text<'_> {
    fn render_to(&self, page: &mut String) {
        let mut escaped = Escaper::new(page);
        for c in self.0.chars() {
            // A string takes whatever is written to it.
            let _ = if is_hidden(c) {
                write!(escaped, "{}", c.escape_unicode())
            } else {
                escaped.write_char(c)
            };
        }
    }
}

/// Whether a character has no shape of its own: controls, marks of direction, fillers and tags.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// At most so many characters, the last of them `…` if there were more.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// `1 instance`, `2 instances`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_shown_and_what_nobody_sees_is_named() {
        for (text, page) in [
            ("<script>alert(\"1\")</script>", "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"),
            ("Zürich & 東京", "Zürich &amp; 東京"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\0\nb", "a\\u{0}\\u{a}b"),
        ] {
            assert_eq!(Text(text).render().into_string(), page);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shortened("東京の東", 4), "東京の東");
        assert_eq!(shortened("東京の東京", 4), "東京の…");
    }
}
