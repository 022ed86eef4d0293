//! `sgsync render`: the mesh document as a `samconfig.toml`, one environment per region.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use sync_core::mesh::{Invalid, Mesh};

mod choices;
mod limits;
mod peer_role;
mod samconfig;
mod sizes;
mod stack;

pub(crate) use choices::Choices;
pub(crate) use sizes::Size;
pub(crate) use stack::Setting;

/// The option that names the template: a choice that lasts, as settings do.
const TEMPLATE: &str = "--template";

/// Where the template is, as seen from the root of the repository.
const DEFAULT_TEMPLATE: &str = "sam/template.yaml";

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

    /// The template, as seen from where `sam deploy` is run; if not given, what the file says,
    /// or sam/template.yaml
    #[arg(long, value_name = "FILE")]
    pub template: Option<String>,

    /// A parameter of the stack that the document does not decide, such as `Architecture=x86_64`;
    /// can be given several times. What is not given stays as it is in the file
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = Setting::parse)]
    pub settings: Vec<Setting>,
}

impl Options {
    /// What was given for a choice; the last word counts.
    fn given(&self, name: &str) -> Option<&str> {
        let set = self.settings.iter().rev().find(|setting| setting.name == name);
        let template = self.template.as_deref().filter(|_| name == TEMPLATE);
        set.map(|setting| setting.value.as_str()).or(template)
    }
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

/// A rendered file.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// Its text.
    pub text: String,
    /// What a person decided, and what of it differs from the file that is there.
    pub choices: Choices,
    /// The file's environments: every member's, then those of roles.
    pub environments: Vec<String>,
    /// How long the stacks' policies and event patterns get.
    pub sizes: Vec<Size>,
}

/// The text of the file that is there already, if there is one.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn there(options: &Options) -> anyhow::Result<Option<String>> {
    let path = options.output_file.as_path();
    if path == Path::new("-") {
        return Ok(None);
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// The `samconfig.toml` of a mesh. `document` is the text that `mesh` was parsed from,
/// `there` the file that is to be replaced.
///
/// # Errors
/// Every reason why the stack could not be launched like that.
pub(crate) fn render(
    mesh: &Mesh,
    document: &str,
    options: &Options,
    there: Option<&str>,
) -> Result<Rendered, Invalid> {
    let document = tidy(document);
    let account = options.account.as_deref();
    let choices = Choices::make(options, there);
    let mut stacks = stack::stacks(mesh, &document, account, &choices);
    let sizes = stacks.iter().flat_map(sizes::sizes).collect();
    stacks.extend(peer_role::stacks(mesh, account, choices.of("OperatorArns")));
    limits::check(mesh, &document, account, &stacks)?;
    let text = samconfig::text(&stacks, choices.of(TEMPLATE));
    let environments = stacks.into_iter().map(|stack| stack.environment).collect();
    Ok(Rendered { text, choices, environments, sizes })
}

/// The document without what is no part of it: a byte order mark, blank lines at the ends,
/// another system's line ends. So that however it was saved, every region gets the same text.
fn tidy(document: &str) -> String {
    let document = document.strip_prefix('\u{feff}').unwrap_or(document);
    document.replace("\r\n", "\n").trim_matches('\n').to_owned() + "\n"
}

/// Puts the rendered text where it belongs, in the place of what is `there`.
///
/// # Errors
/// A file that holds somebody's own words is not overwritten without `force`.
pub(crate) fn place(text: &str, options: &Options, there: Option<&str>) -> anyhow::Result<Outcome> {
    let path = options.output_file.as_path();
    if path == Path::new("-") {
        crate::screen::print(text);
        return Ok(Outcome::Printed);
    }
    let shown = path.display();
    match there {
        Some(there) if there == text => return Ok(Outcome::Unchanged),
        Some(there) if !options.force => match samconfig::author(there) {
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
        _ => {}
    }
    std::fs::write(path, text).with_context(|| format!("{shown} cannot be written"))?;
    Ok(Outcome::Written)
}

/// What became of the file, what lasts of earlier renderings, and what to do next.
pub(crate) fn outcome_text(
    outcome: Outcome,
    file: &str,
    choices: &Choices,
    environments: &[String],
) -> String {
    let became = if outcome == Outcome::Unchanged { "up to date" } else { "written" };
    let kept = choices.kept.iter().map(|kept| format!("  kept: {}={}\n", kept.name, kept.value));
    let changed = choices.changed.iter().map(|changed| {
        format!("  changed: {}={}, was {}\n", changed.name, changed.to, changed.from)
    });
    let next = environments.iter().map(|one| format!("  sam deploy --config-env {one}\n"));
    let lines: String = kept.chain(changed).chain(next).collect();
    format!("{file} is {became}\n{lines}")
}

#[cfg(test)]
mod tests;
