//! Holds the reference page against the command line's own description of itself.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use super::Args;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
const BEGIN: &str = "<!-- commands, as sgsync describes them -->\n";
const END: &str = "<!-- end of commands -->";

/// Every command with its options, as Markdown.
fn reference() -> String {
    let mut top = Args::command();
    top.build();
    let mut out = "\nEvery command takes:\n\n".to_owned();
    out += &table(top.get_arguments().filter(|arg| arg.is_global_set()));
    for command in top.get_subcommands().filter(|command| command.get_name() != "help") {
        out += &section(command);
    }
    out
}

fn section(command: &Command) -> String {
    let about = command.get_long_about().or_else(|| command.get_about()).expect("an about");
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let mut out = format!("\n### {}\n\n{}\n\n", command.get_name(), sentence(&about.to_string()));
    let _ = write!(out, "```text\n{usage}\n```\n");
    let own = table(command.get_arguments().filter(|arg| !arg.is_global_set()));
    if !own.is_empty() {
        let _ = write!(out, "\n{own}");
    }
    out
}

fn table<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let rows: Vec<String> =
        args.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())).map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("| option | what it does |\n| --- | --- |\n{}", rows.concat())
}

fn row(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let mut names: Vec<String> = [short, long].into_iter().flatten().collect();
    if arg.get_action().takes_values() {
        let value = arg.get_value_names().map(|values| values.join(" ")).unwrap_or_default();
        let optional = arg.get_num_args().is_some_and(|count| count.min_values() == 0);
        let value = if optional { format!("[<{value}>]") } else { format!("<{value}>") };
        match names.last_mut() {
            Some(last) => *last = format!("{last} {value}"),
            None => names.push(value),
        }
    }
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut notes = vec![sentence(&help)];
    let values = arg.get_possible_values();
    if arg.get_action().takes_values() && !values.is_empty() {
        let names: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        notes.push(format!("One of {}.", names.join(", ")));
    }
    let defaults = arg.get_default_values();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        let defaults: Vec<_> = defaults.iter().map(|value| value.to_string_lossy()).collect();
        notes.push(format!("Default: `{}`.", defaults.join(" ")));
    }
    format!("| `{}` | {} |\n", names.join("`, `").replace('|', "\\|"), notes.join(" "))
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

/// `SGSYNC_RECORD=1 cargo test --workspace reference` writes it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a wish of whoever runs the test")]
fn the_reference_page_is_what_sgsync_says_of_itself() {
    let page = std::fs::read_to_string(PAGE).expect("docs/cli.md");
    let (head, rest) = page.split_once(BEGIN).expect("where the commands begin");
    let (written, tail) = rest.split_once(END).expect("where they end");
    let reference = reference() + "\n";
    if std::env::var_os("SGSYNC_RECORD").is_some() {
        std::fs::write(PAGE, format!("{head}{BEGIN}{reference}{END}{tail}")).expect("written");
        return;
    }
    assert_eq!(written, reference, "docs/cli.md: SGSYNC_RECORD=1 writes it anew");
}
