//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::{adopt, render};

/// Keeps EC2 security groups in several regions equal to who is really in the cluster.
#[derive(Debug, Parser)]
#[command(name = "sgsync", version, max_term_width = 100)]
pub(crate) struct Args {
    /// The mesh document, TOML or JSON
    #[arg(long, global = true, value_name = "FILE", default_value = "mesh.toml")]
    pub mesh: PathBuf,

    /// What to print
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,

    #[command(subcommand)]
    pub command: Command,
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
    /// Validate the mesh document; asks AWS nothing
    ///
    /// Exits 0 if it is valid, 1 with every problem if it is not.
    Check,

    /// Say what `apply` would do, and change nothing
    ///
    /// Exits 0 if everything is in sync, 2 if changes are pending, 1 on an error.
    Plan(Limits),

    /// Bring every target of every member to what it should be
    ///
    /// Observes every member's Auto Scaling groups, tells every mirror, then adds what is
    /// missing and revokes what is left over. Exits 0 if that worked, 2 if the guard holds
    /// removals, 1 on an error.
    Apply {
        /// Also carry out removals that the guard holds
        #[arg(long)]
        allow_removals: bool,

        #[command(flatten)]
        limits: Limits,
    },

    /// Write `samconfig.toml`, so that `sam deploy --config-env REGION` launches the stack
    ///
    /// Asks AWS nothing. Exits 0 if the file says what it should, 1 on a problem.
    Render(render::Options),

    /// Take over rules of others that the mesh wants, and change nothing else
    ///
    /// Tags them as the mesh's, so that it may revoke them when nobody wants them any more.
    /// Nothing is opened or closed. Without --yes it says what it would do. Exits 0 if nothing is
    /// left to adopt, 2 if something is, 1 on an error.
    Adopt(adopt::Options),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Limits {
    /// Seconds to work before giving up
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guides_commands_are_understood() {
        let guides =
            [include_str!("../../docs/deploy.md"), include_str!("../../docs/operations.md")];
        let lines = guides.iter().flat_map(|guide| guide.lines()).map(str::trim);
        let commands: Vec<&str> = lines.filter(|line| line.starts_with("sgsync ")).collect();
        assert!(commands.len() > 10, "{commands:?}");
        for command in commands {
            let parsed = Args::try_parse_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{command}: {}", parsed.expect_err("an error"));
        }
    }
}
