//! What each command does.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;
use sync_aws::{Aws, SystemClock, TracingAuditLog};
use sync_core::mesh::{Invalid, Mesh};
use sync_core::ports::Clock as _;
use sync_core::reconcile::{Engine, Request};
use sync_core::report::{Report, Trigger};
use tokio::time::{Duration, Instant};

use crate::args::{Args, Command, Output};
use crate::{ERROR, OK, PENDING, adopt, render, text};

/// Runs a command; its exit code.
pub(crate) async fn run(args: Args) -> anyhow::Result<u8> {
    write_audit_lines(args.output);
    let path = args.mesh.display();
    let document = std::fs::read_to_string(&args.mesh)
        .with_context(|| format!("the mesh document {path} cannot be read; name it with --mesh"))?;
    let mesh = match Mesh::parse(&document) {
        Ok(mesh) => mesh,
        Err(invalid) => return Ok(print_invalid(&invalid, &args)),
    };
    match args.command {
        Command::Check => Ok(print_valid(&mesh, args.output)),
        Command::Plan(limits) => {
            let report = reconcile(mesh, true, false, limits.timeout).await;
            print(&report, args.output)?;
            Ok(exit_code(&report))
        }
        Command::Apply { allow_removals, limits } => {
            let report = reconcile(mesh, false, allow_removals, limits.timeout).await;
            print(&report, args.output)?;
            Ok(match exit_code(&report) {
                PENDING if !report.has_held() => OK, // It has been done.
                code => code,
            })
        }
        Command::Render(ref options) => {
            let there = render::there(options)?;
            match render::render(&mesh, &document, options, there.as_deref()) {
                Ok(rendered) => {
                    let outcome = render::place(&rendered.text, options, there.as_deref())?;
                    print_placed(outcome, &rendered, options, args.output);
                    Ok(OK)
                }
                Err(invalid) => Ok(print_invalid(&invalid, &args)),
            }
        }
        Command::Adopt(options) => adopt::run(&mesh, &options, args.output).await,
    }
}

/// Every change leaves its line on stderr, apart from what was asked for on stdout.
fn write_audit_lines(output: Output) {
    let filter = tracing_subscriber::EnvFilter::new("error,audit=info");
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    match output {
        Output::Text => lines.without_time().with_level(false).compact().init(),
        Output::Json => lines.json().init(),
    }
}

/// One run over every member, from outside all of them.
async fn reconcile(mesh: Mesh, dry_run: bool, allow_removals: bool, timeout: u64) -> Report {
    let aws = Aws::connect(&mesh).await;
    let scope = mesh
        .members
        .iter()
        .map(|member| (member.name.clone(), member.auto_scaling_groups.iter().cloned().collect()));
    let request = Request {
        trigger: Trigger::Operator,
        scope: scope.collect(),
        hooks: Vec::new(),
        dry_run,
        allow_removals,
        run_id: SystemClock.now().to_string(),
        function: "sgsync".to_owned(),
        deadline: Instant::now() + Duration::from_secs(timeout),
    };
    let engine = Engine {
        home: None,
        readers: aws.readers(),
        writers: aws.writers(),
        mesh,
        clock: Arc::new(SystemClock),
        audit: Arc::new(TracingAuditLog),
    };
    engine.run(&request).await
}

/// What a report means to a script.
fn exit_code(report: &Report) -> u8 {
    if report.has_errors() {
        ERROR
    } else if report.has_changes() || report.has_held() {
        PENDING
    } else {
        OK
    }
}

fn print(report: &Report, output: Output) -> anyhow::Result<()> {
    match output {
        Output::Text => print!("{}", text::report(report)),
        Output::Json => println!("{}", serde_json::to_string_pretty(report)?),
    }
    Ok(())
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
            print!("{}", render::outcome_text(outcome, &file, choices, &rendered.environments));
        }
    }
}

fn print_valid(mesh: &Mesh, output: Output) -> u8 {
    match output {
        Output::Text => print!("{}", text::mesh(mesh)),
        Output::Json => println!("{}", json!({ "valid": true, "mesh": mesh.name, "problems": [] })),
    }
    OK
}

fn print_invalid(invalid: &Invalid, args: &Args) -> u8 {
    match args.output {
        Output::Text => eprintln!("{}: {invalid}", args.mesh.display()),
        Output::Json => {
            let problems = invalid
                .problems
                .iter()
                .map(|problem| json!({ "path": problem.path, "detail": problem.detail }))
                .collect::<Vec<_>>();
            println!("{}", json!({ "valid": false, "problems": problems }));
        }
    }
    ERROR
}
