//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

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
}

#[derive(Debug, clap::Args)]
pub(crate) struct Limits {
    /// Seconds to work before giving up
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}
