//! What a terminal gets and a file does not: colour, and a line while something takes long.

use std::fmt::Display;
use std::future::Future;
use std::io::{IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval_at};

/// What is added, or as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What is revoked, or failed.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// What waits for somebody.
pub(crate) const WAITS: Style = AnsiColor::Yellow.on_default();
/// What is somebody else's.
pub(crate) const OTHERS: Style = AnsiColor::Cyan.on_default();
/// What a block is about.
pub(crate) const HEADING: Style = Style::new().bold();

/// A text in a colour, which [`print`] takes away again where it does not belong.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Prints to standard output, in colour only on a terminal and not where `NO_COLOR` is set.
/// A reader that has gone away, such as `head`, is no error.
pub(crate) fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line to standard error, like [`print`].
pub(crate) fn complain(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Prints what a program asked for.
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?));
    Ok(())
}

/// Does work, and says so on a terminal while it takes longer than a second.
pub(crate) async fn during<T>(what: &str, work: impl Future<Output = T>) -> T {
    let stderr = std::io::stderr();
    let terminal = stderr.is_terminal();
    told(terminal.then_some(stderr), what, work).await
}

async fn told<T>(mut to: Option<impl Write>, what: &str, work: impl Future<Output = T>) -> T {
    let second = Duration::from_secs(1);
    let begun = Instant::now();
    let mut seconds = interval_at(begun + second, second);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut work = std::pin::pin!(work);
    let mut said = false;
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                if let (Some(to), true) = (&mut to, said) {
                    let _ = write!(to, "\x1b[K").and_then(|()| to.flush());
                }
                return done;
            }
            _ = seconds.tick() => if let Some(to) = &mut to {
                // Ends at the line's start: whatever is printed meanwhile goes over it.
                let seconds = begun.elapsed().as_secs();
                let _ = write!(to, "{what}: {seconds} s\x1b[K\r").and_then(|()| to.flush());
                said = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(millis: u64) -> String {
        let mut to = Vec::new();
        let work = async {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            7
        };
        assert_eq!(told(Some(&mut to), "asking both regions", work).await, 7);
        String::from_utf8(to).expect("text")
    }

    #[tokio::test(start_paused = true)]
    async fn only_work_over_a_second_is_told_of() {
        assert_eq!(said(900).await, "");
        assert_eq!(
            said(2500).await,
            "asking both regions: 1 s\x1b[K\rasking both regions: 2 s\x1b[K\r\x1b[K"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_told_where_nobody_looks() {
        let work = tokio::time::sleep(Duration::from_secs(3));
        told(None::<Vec<u8>>, "asking", work).await;
    }
}
