//! `sgsync`: the operator's tool.

use std::process::ExitCode;

use clap::Parser as _;

mod adopt;
mod args;
mod check;
mod commands;
mod explain;
mod forget;
mod hints;
mod history;
mod init;
mod pages;
mod plan;
mod release;
mod render;
mod report;
mod screen;
mod status;
mod text;
mod world;

use args::Args;

/// Everything is as it should be.
const OK: u8 = 0;
/// Something could not be done or seen; also wrong usage, for which clap would take 2.
const ERROR: u8 = 1;
/// There are changes to make.
const PENDING: u8 = 2;
/// The guard holds removals until a person allows them.
const HELD: u8 = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(usage) => {
            let failed = usage.use_stderr();
            // Nothing is left to tell anyone when even this cannot be printed.
            let _ = usage.print();
            return ExitCode::from(if failed { ERROR } else { OK });
        }
    };
    match commands::run(args).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let error = format!("{error:#}");
            screen::complain(&format!("{}: {error}", screen::paint(screen::BAD, "error")));
            let next = hints::next([error.as_str()]);
            if !next.is_empty() {
                screen::complain(next.trim_end());
            }
            ExitCode::from(ERROR)
        }
    }
}
