//! What each command does.

use anyhow::Context as _;
use serde_json::json;
use sync_core::mesh::{Invalid, Mesh};

use crate::args::{Args, Command, Common, Output};
use crate::screen::{complain, print, print_json};
use crate::{
    ERROR, OK, adopt, check, explain, forget, history, init, pages, plan, release, render, report,
    status,
};

/// Runs a command; its exit code.
pub(crate) async fn run(args: Args) -> anyhow::Result<u8> {
    let common = args.common;
    write_log_lines(&common);
    // None of these needs a mesh.
    match &args.command {
        Command::Completions(options) => {
            pages::completions(options);
            return Ok(OK);
        }
        Command::Man(options) => return pages::man(options).map(|()| OK),
        Command::Init(options) => return Box::pin(init::run(options, &common)).await,
        _ => {}
    }
    let path = common.mesh.display();
    let document = std::fs::read_to_string(&common.mesh)
        .with_context(|| format!("the mesh document {path} cannot be read; name it with --mesh, or begin one with `sgsync init`"))?;
    let mesh = match Mesh::parse(&document) {
        Ok(mesh) => mesh,
        Err(invalid) => return print_invalid(&invalid, &common),
    };
    match args.command {
        Command::Check(options) => check::run(&mesh, &options, &common).await,
        Command::Plan(options) => plan::plan(mesh, &options, &common).await,
        Command::Apply(options) => plan::apply(mesh, &options, &common).await,
        Command::Render(options) => run_render(&mesh, &document, &options, &common),
        Command::Status(options) => status::run(&mesh, &options, &common).await,
        Command::Report(options) => report::run(&mesh, &options, &common).await,
        Command::Explain(options) => explain::run(&mesh, &options, &common).await,
        Command::History(options) => history::run(&mesh, &options, &common).await,
        Command::Adopt(options) => adopt::run(&mesh, &options, &common).await,
        Command::Release(options) => release::run(&mesh, &options, &common).await,
        Command::Forget(options) => Box::pin(forget::run(&mesh, &options, &common)).await,
        Command::Init(_) | Command::Completions(_) | Command::Man(_) => Ok(OK), // They have been answered.
    }
}

/// Every change leaves its line on stderr, apart from what was asked for on stdout; so does,
/// if asked for, every call that AWS refused.
fn write_log_lines(common: &Common) {
    let calls = if common.verbose { ",sgsync::call=debug" } else { "" };
    let filter = tracing_subscriber::EnvFilter::new(format!("error,audit=info{calls}"));
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    match common.output {
        Output::Text => {
            lines.without_time().with_level(false).with_ansi(false).compact().init();
        }
        Output::Json => lines.json().init(),
    }
}

fn run_render(
    mesh: &Mesh,
    document: &str,
    options: &render::Options,
    common: &Common,
) -> anyhow::Result<u8> {
    let there = render::there(options)?;
    match render::render(mesh, document, options, there.as_deref()) {
        Ok(rendered) => {
            let outcome = render::place(&rendered.text, options, there.as_deref())?;
            print_placed(outcome, &rendered, options, common.output);
            Ok(OK)
        }
        Err(invalid) => print_invalid(&invalid, common),
    }
}

/// Says what became of the file, unless the text itself was printed.
fn print_placed(
    outcome: render::Outcome,
    rendered: &render::Rendered,
    options: &render::Options,
    output: Output,
) {
    let file = options.output_file.display().to_string();
    let choices = &rendered.choices;
    match (outcome, output) {
        (render::Outcome::Printed, _) => {}
        (_, Output::Json) => println!(
            "{}",
            json!({
                "file": file,
                "written": outcome == render::Outcome::Written,
                "kept": choices.kept,
                "changed": choices.changed,
                "sizes": rendered.sizes,
                "environments": rendered.environments,
            })
        ),
        (_, Output::Text) => {
            print(&render::outcome_text(outcome, &file, choices, &rendered.environments));
        }
    }
}

fn print_invalid(invalid: &Invalid, common: &Common) -> anyhow::Result<u8> {
    match common.output {
        Output::Text => complain(&format!("{}: {invalid}", common.mesh.display())),
        Output::Json => {
            let problems = invalid
                .problems
                .iter()
                .map(|problem| json!({ "path": problem.path, "detail": problem.detail }))
                .collect::<Vec<_>>();
            print_json(&json!({ "valid": false, "problems": problems }))?;
        }
    }
    Ok(ERROR)
}
