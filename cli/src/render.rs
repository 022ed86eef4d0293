//! `sgsync render`: the mesh document as a `samconfig.toml`, one environment per region.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use sync_core::mesh::{Invalid, Mesh};

mod limits;
mod samconfig;
mod stack;

pub(crate) use stack::Setting;

/// What to render, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The file to write; `-` prints it
    #[arg(long, short = 'o', value_name = "FILE", default_value = "samconfig.toml")]
    pub output_file: PathBuf,

    /// Write over a file that was edited, or that something else wrote
    #[arg(long)]
    pub force: bool,

    /// The account of members whose `account` the document does not say
    #[arg(long, value_name = "ID", value_parser = account)]
    pub account: Option<String>,

    /// The template, as seen from where `sam deploy` is run
    #[arg(long, value_name = "FILE", default_value = "sam/template.yaml")]
    pub template: String,

    /// A parameter of the stack that the document does not decide, such as `Architecture=x86_64`;
    /// can be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = Setting::parse)]
    pub settings: Vec<Setting>,
}

fn account(text: &str) -> Result<String, String> {
    let valid = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if valid { Ok(text.to_owned()) } else { Err("an account id has twelve digits".to_owned()) }
}

/// What became of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was printed instead.
    Printed,
    /// It is new, or says something else than before.
    Written,
    /// It said that already.
    Unchanged,
}

/// The `samconfig.toml` of a mesh. `document` is the text that `mesh` was parsed from.
///
/// # Errors
/// Every reason why the stack could not be launched like that.
pub(crate) fn render(mesh: &Mesh, document: &str, options: &Options) -> Result<String, Invalid> {
    let document = tidy(document);
    let account = options.account.as_deref();
    let stacks = stack::stacks(mesh, &document, account, &options.settings);
    limits::check(mesh, &document, account, &stacks)?;
    Ok(samconfig::text(&stacks, &options.template))
}

/// The document without what is no part of it: a byte order mark, blank lines at the ends,
/// another system's line ends. So that however it was saved, every region gets the same text.
fn tidy(document: &str) -> String {
    let document = document.strip_prefix('\u{feff}').unwrap_or(document);
    document.replace("\r\n", "\n").trim_matches('\n').to_owned() + "\n"
}

/// Puts the rendered text where it belongs.
///
/// # Errors
/// A file that holds somebody's own words is not overwritten without `force`.
pub(crate) fn place(text: &str, options: &Options) -> anyhow::Result<Outcome> {
    let path = options.output_file.as_path();
    if path == Path::new("-") {
        print!("{text}");
        return Ok(Outcome::Printed);
    }
    let shown = path.display();
    match std::fs::read_to_string(path) {
        Ok(there) if there == text => return Ok(Outcome::Unchanged),
        Ok(there) if !options.force => match samconfig::author(&there) {
            samconfig::Author::Render => {}
            samconfig::Author::Edited => bail!(
                "{shown} was edited since `sgsync render` wrote it; compare it with \
                 `sgsync render --output-file -`, or overwrite it with --force"
            ),
            samconfig::Author::Other => bail!(
                "{shown} was not written by `sgsync render`; name another --output-file, or \
                 overwrite it with --force"
            ),
        },
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{shown} cannot be read"));
        }
        _ => {}
    }
    std::fs::write(path, text).with_context(|| format!("{shown} cannot be written"))?;
    Ok(Outcome::Written)
}

/// What became of the file, and what to do next.
pub(crate) fn outcome_text(outcome: Outcome, file: &str, regions: &[&str]) -> String {
    let became = if outcome == Outcome::Unchanged { "up to date" } else { "written" };
    let next = regions.iter().map(|region| format!("  sam deploy --config-env {region}\n"));
    format!("{file} is {became}\n{}", next.collect::<String>())
}

#[cfg(test)]
mod tests;
