//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    adopt, check, explain, forget, history, init, pages, plan, release, render, report, status,
};

#[cfg(test)]
mod reference;

/// What every exit code means, for whoever writes a script.
const EXIT_CODES: &str = "\
Exit codes:
  0  fine: nothing is left to do
  1  an error: something could not be done or seen, or was asked for wrongly
  2  changes are pending
  3  the guard holds removals until a person allows them

Credentials, regions' endpoints and the profile come from the environment, as for the AWS CLI.
Colour is used on a terminal only, and never where NO_COLOR is set.";

/// Keeps EC2 security groups in several regions equal to who is really in the cluster.
#[derive(Debug, Parser)]
#[command(name = "sgsync", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub common: Common,

    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// The mesh document, TOML or JSON
    #[arg(long, global = true, value_name = "FILE", default_value = "mesh.toml")]
    pub mesh: PathBuf,

    /// What to print
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,

    /// The profile of the AWS configuration to use
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,

    /// Also say on standard error which calls AWS refused, each with its request id
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// What to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// For programs: one JSON document
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented mesh document to begin with
    ///
    /// From --member options, or by looking at each --region and letting you choose. Exits 0 if it
    /// is written, 1 on a problem.
    Init(init::Options),

    /// Validate the mesh document; with --online also what it names
    ///
    /// Without --online AWS is asked nothing. Exits 0 if all is well, 1 with every problem if it
    /// is not.
    Check(check::Options),

    /// Say what `apply` would do, and change nothing
    ///
    /// `+` is added, `-` revoked, `~` granted by somebody else's rule already, `!` held or left
    /// out, `?` kept because its member is not fully known. Exits 0 if everything is in sync, 2 if
    /// changes are pending, 3 if the guard holds removals, 1 on an error.
    Plan(plan::PlanOptions),

    /// Bring every target of every member to what it should be
    ///
    /// Shows the plan, asks, and does what it showed and nothing else. Observes every member's
    /// Auto Scaling groups, tells every mirror, then adds what is missing and revokes what is left
    /// over. Exits 0 if that worked, 2 if the answer was no, 3 if the guard holds removals, 1 on
    /// an error, also if the world moved after the plan was shown.
    Apply(plan::ApplyOptions),

    /// Show each member's rows, each target and what waits, on one screen
    ///
    /// Exits 0 if everything is in sync, 2 if changes are pending, 3 if the guard would hold
    /// removals, 1 if something could not be seen.
    Status(status::Options),

    /// Write the mesh as one page of HTML, for auditors and for looking
    ///
    /// A picture, findings, quotas and every rule with a search; it needs no network. What could
    /// not be seen is shown as such. Exits 0 if the page is written and everything was seen, 1 if
    /// not.
    Report(report::Options),

    /// Say where an address, an instance or a rule is admitted and because of what, or why not
    ///
    /// Exits 0 if it is admitted wherever the mesh wants it, 2 if it is not, 1 on an error.
    Explain(explain::Options),

    /// Show what the functions changed, newest first, from the audit lines in their logs
    ///
    /// Exits 0 if the logs could be read, whether there was anything or not, 1 if not.
    History(history::Options),

    /// Take over rules of others that the mesh wants, and change nothing else
    ///
    /// Tags them as the mesh's, so that it may revoke them when nobody wants them any more.
    /// Nothing is opened or closed. Without --yes it says what it would do. Exits 0 if nothing is
    /// left to adopt, 2 if something is, 1 on an error.
    Adopt(adopt::Options),

    /// Let go of rules of the mesh, and change nothing else: the counterpart of `adopt`
    ///
    /// Takes the mesh's tags off, so that no run revokes them any more. Nothing is opened or
    /// closed. Without --yes it says what it would do. Exits 0 if nothing is left to release, 2 if
    /// something is, 1 on an error.
    Release(release::Options),

    /// Remove the rows and rules of a member that has left for good
    ///
    /// The document must not name the member any more, and be deployed everywhere, or its
    /// functions write its rows anew. Without --yes it says what it would do. Exits 0 if nothing
    /// is left of the member, 2 if something is, 1 on an error.
    Forget(forget::Options),

    /// Write `samconfig.toml`, so that `sam deploy --config-env REGION` launches the stack
    ///
    /// Asks AWS nothing. Exits 0 if the file says what it should, 1 on a problem.
    Render(render::Options),

    /// Print what makes a shell complete sgsync's words
    Completions(pages::Completions),

    /// Print the manual page, or write one for every command into a folder
    Man(pages::Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_guides_commands_are_understood() {
        let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let pages = ["", "docs", "sam", "examples"].map(|folder| root.join(folder).read_dir());
        let files = pages.into_iter().flat_map(|folder| folder.expect("a folder"));
        let files = files.map(|file| file.expect("a file").path());
        let guides = files.filter(|path| path.extension().is_some_and(|name| name == "md"));
        let text: String =
            guides.map(|path| std::fs::read_to_string(path).expect("text")).collect();
        let mut shell = false;
        let lines = text.lines().map(str::trim).filter(|line| {
            shell = if line.starts_with("```") { *line == "```sh" } else { shell };
            shell && line.starts_with("sgsync ")
        });
        // What the shell does with it is the shell's.
        let commands: Vec<&str> = lines.filter_map(|line| line.split(['>', '|']).next()).collect();
        assert!(commands.len() > 30, "{commands:?}");
        for command in commands {
            let parsed = Args::try_parse_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{command}: {}", parsed.expect_err("an error"));
        }
    }

    /// Help as a pipe gets it, of every command.
    #[test]
    fn every_help_text_says_what_it_should() {
        let mut top = Args::command().term_width(100);
        top.build();
        let mut pages = vec![("sgsync".to_owned(), top.render_long_help().to_string())];
        for command in top.get_subcommands_mut() {
            pages.push((command.get_name().to_owned(), command.render_long_help().to_string()));
        }
        for (name, page) in pages {
            insta::assert_snapshot!(format!("help_{name}"), page);
        }
    }
}
