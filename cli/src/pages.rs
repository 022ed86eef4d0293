//! What is made from the command line's own description: completions and manual pages.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;
use crate::screen::print;

/// For which shell.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    pub shell: Shell,
}

/// Where to.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Man {
    /// A folder to write a page for every command into
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// Prints a shell's completions.
pub(crate) fn completions(options: &Completions) {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut Args::command(), "sgsync", &mut text);
    print(&String::from_utf8_lossy(&text));
}

/// Prints the manual page, or writes one for every command.
pub(crate) fn man(options: &Man) -> anyhow::Result<()> {
    let Some(folder) = &options.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Args::command()).render(&mut page)?;
        print(&String::from_utf8_lossy(&page));
        return Ok(());
    };
    let there = folder.display();
    std::fs::create_dir_all(folder).with_context(|| format!("{there} cannot be made"))?;
    clap_mangen::generate_to(Args::command(), folder)
        .with_context(|| format!("{there} cannot be written to"))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "sgsync", &mut text);
            let text = String::from_utf8(text).expect("text");
            for command in Args::command().get_subcommands() {
                assert!(text.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
