//! The text of a `samconfig.toml`, and whose it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::TEMPLATE;
use super::stack::{Stack, Template, Value};

/// How the first line of a rendered file begins; a checksum of the rest follows.
const MARK: &str = "# Written by `sgsync render`, checksum ";

/// The table of the stack's parameters.
const OVERRIDES: &str = "parameter_overrides";

/// Who wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// `sgsync render`, to the last byte.
    Render,
    /// `sgsync render`, and then somebody else.
    Edited,
    /// Somebody else.
    Other,
}

/// Finds out who wrote a file.
pub(super) fn author(text: &str) -> Author {
    let Some((mark, rest)) = text.split_once('\n') else { return Author::Other };
    match mark.strip_prefix(MARK) {
        Some(sum) if sum.trim_end() == checksum(rest) => Author::Render,
        Some(_) => Author::Edited,
        None => Author::Other,
    }
}

/// What a file says that can be chosen, of the first environment that says it: `render` writes
/// the same into each. A file that is no `samconfig.toml` says nothing.
pub(super) fn choices(text: &str) -> BTreeMap<String, String> {
    let file: toml::Table = text.parse().unwrap_or_default();
    let texts = |table: &toml::Table| -> BTreeMap<String, String> {
        let text = |(name, value): (&String, &toml::Value)| {
            Some((name.clone(), value.as_str()?.to_owned()))
        };
        table.iter().filter_map(text).collect()
    };
    let deploys = || {
        let environments = file.values();
        environments.filter_map(|one| one.get("deploy")?.get("parameters")?.as_table())
    };
    let given = deploys().filter_map(|table| table.get(OVERRIDES)?.as_table()).map(texts);
    let mut found = BTreeMap::new();
    // A member's environment comes before its role's, whose name begins with it.
    for (name, value) in given.flatten() {
        found.entry(name).or_insert(value);
    }
    let template = deploys().find_map(|table| table.get("template_file")?.as_str());
    found.extend(template.map(|path| (TEMPLATE.to_owned(), path.to_owned())));
    found
}

/// FNV-1a, 64 bits: tells an edited file from one that is not, and is the same for ever.
/// It keeps nobody out, and need not.
fn checksum(text: &str) -> String {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

/// The file: one environment per stack.
pub(super) fn text(stacks: &[Stack], template: &str) -> String {
    let mut out =
        "# from the mesh document. Do not edit it: change the document, and render again.\n\
                   version = 0.1\n"
            .to_owned();
    for stack in stacks {
        environment(&mut out, stack, template);
    }
    format!("{MARK}{}\n{out}", checksum(&out))
}

fn environment(out: &mut String, stack: &Stack, template: &str) {
    let (region, name) = (quoted(stack.region.as_str()), quoted(&stack.name));
    let environment = key(&stack.environment);
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{text}");
    };
    line(format_args!("\n[{environment}.global.parameters]"));
    line(format_args!("stack_name = {name}"));
    line(format_args!("region = {region}"));
    line(format_args!("\n[{environment}.deploy.parameters]"));
    match stack.template {
        Template::Member => {
            line(format_args!("template_file = {}", quoted(template)));
            line(format_args!("language_extensions = true"));
        }
        Template::PeerRole => {
            let beside = Path::new(template).with_file_name("peer-role.yaml");
            line(format_args!("template_file = {}", quoted(&beside.to_string_lossy())));
        }
    }
    line(format_args!("resolve_s3 = true"));
    line(format_args!("s3_prefix = {name}"));
    let capabilities = match stack.template {
        Template::Member => r#"["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]"#,
        Template::PeerRole => r#"["CAPABILITY_NAMED_IAM"]"#,
    };
    line(format_args!("capabilities = {capabilities}"));
    line(format_args!("confirm_changeset = false"));
    line(format_args!("fail_on_empty_changeset = false"));
    line(format_args!("\n[{environment}.deploy.parameters.{OVERRIDES}]"));
    for (name, value) in &stack.parameters {
        line(format_args!("{name} = {}", toml(value)));
    }
}

fn toml(value: &Value) -> String {
    match value {
        Value::Line(text) => quoted(text),
        Value::Lines(text) => lines(text),
        Value::List(items) if items.is_empty() => "[]".to_owned(),
        Value::List(items) => {
            let items = items.iter().fold(String::new(), |mut out, item| {
                let _ = write!(out, "\n  {},", quoted(item));
                out
            });
            format!("[{items}\n]")
        }
    }
}

/// A member's name as a key: without quotes, one with a dot would be two keys.
fn key(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.chars().all(bare) { text.to_owned() } else { quoted(text) }
}

/// A text on one line.
fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// A text of several lines, as it is where TOML can hold it as it is.
fn lines(text: &str) -> String {
    let plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
    if text.chars().all(plain) && !text.contains("'''") && !text.ends_with('\'') {
        format!("'''\n{text}'''")
    } else {
        quoted(text)
    }
}
