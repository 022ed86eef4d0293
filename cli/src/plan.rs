//! `sgsync plan` and `sgsync apply`: one run over every member, from outside all of them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use anyhow::bail;
use sync_aws::{Aws, SystemClock, TracingAuditLog};
use sync_core::mesh::Mesh;
use sync_core::names::MemberName;
use sync_core::ports::{Clock as _, MemberWriters};
use sync_core::reconcile::{Engine, Request};
use sync_core::report::{Report, Trigger};
use tokio::time::{Duration, Instant};

use crate::args::{Common, Output};
use crate::screen::{complain, during, print, print_json};
use crate::{ERROR, HELD, OK, PENDING, hints, text};

mod shown;

use shown::{OnlyShown, Shown};

/// What to look at.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PlanOptions {
    /// Only this member's security groups; can be given several times
    #[arg(long = "member", value_name = "NAME")]
    pub members: Vec<String>,

    /// Plan as if a person had allowed the removals that the guard holds
    #[arg(long)]
    pub allow_removals: bool,

    /// Seconds to work before giving up
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}

/// What to do.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ApplyOptions {
    /// Only this member's security groups; can be given several times
    #[arg(long = "member", value_name = "NAME")]
    pub members: Vec<String>,

    /// Also carry out removals that the guard holds
    #[arg(long)]
    pub allow_removals: bool,

    /// Do it without showing a plan and asking first
    #[arg(short, long)]
    pub yes: bool,

    /// Seconds to work before giving up
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}

/// Says what an apply would do; the exit code.
pub(crate) async fn plan(mesh: Mesh, options: &PlanOptions, common: &Common) -> anyhow::Result<u8> {
    let work = Work::new(mesh, &options.members, options.allow_removals, options.timeout, common);
    let report = work?.dry_run().await;
    show(&report, common.output)?;
    Ok(exit_code(&report))
}

/// Shows the plan, asks, and does what it showed; the exit code.
pub(crate) async fn apply(
    mesh: Mesh,
    options: &ApplyOptions,
    common: &Common,
) -> anyhow::Result<u8> {
    let work = Work::new(mesh, &options.members, options.allow_removals, options.timeout, common)?;
    let report = if options.yes {
        work.run(None).await
    } else {
        if common.output == Output::Json {
            bail!("`apply --output json` has nobody to ask: add --yes");
        }
        let plan = work.dry_run().await;
        if plan.has_changes() {
            show(&plan, common.output)?;
            if !asked("Apply this plan? Only `yes` is taken for it: ")? {
                complain("nothing was done; with --yes apply does not ask");
                return Ok(PENDING);
            }
        }
        work.run(Some(Shown::of(&plan))).await
    };
    show(&report, common.output)?;
    Ok(match exit_code(&report) {
        PENDING => OK, // It has been done.
        code => code,
    })
}

/// What has to be known to run over a mesh.
struct Work {
    mesh: Mesh,
    allow_removals: bool,
    timeout: u64,
    profile: Option<String>,
}

impl Work {
    fn new(
        mut mesh: Mesh,
        members: &[String],
        allow_removals: bool,
        timeout: u64,
        common: &Common,
    ) -> anyhow::Result<Self> {
        narrow(&mut mesh, members)?;
        Ok(Self { mesh, allow_removals, timeout, profile: common.profile.clone() })
    }

    async fn dry_run(&self) -> Report {
        let aws = Aws::connect_as(&self.mesh, self.profile.as_deref()).await;
        during("planning", self.engine(&aws, aws.writers()).run(&self.request(true))).await
    }

    /// The run itself: if a plan was shown, no more than that.
    async fn run(&self, shown: Option<Shown>) -> Report {
        let aws = Aws::connect_as(&self.mesh, self.profile.as_deref()).await;
        let writers = match shown {
            Some(shown) => OnlyShown::around(aws.writers(), &Arc::new(shown)),
            None => aws.writers(),
        };
        during("applying", self.engine(&aws, writers).run(&self.request(false))).await
    }

    fn engine(&self, aws: &Aws, writers: BTreeMap<MemberName, MemberWriters>) -> Engine {
        Engine {
            mesh: self.mesh.clone(),
            home: None,
            readers: aws.readers(),
            writers,
            clock: Arc::new(SystemClock),
            audit: Arc::new(TracingAuditLog),
        }
    }

    fn request(&self, dry_run: bool) -> Request {
        let scope = self.mesh.members.iter().map(|member| {
            (member.name.clone(), member.auto_scaling_groups.iter().cloned().collect())
        });
        Request {
            trigger: Trigger::Operator,
            scope: scope.collect(),
            hooks: Vec::new(),
            dry_run,
            allow_removals: self.allow_removals,
            run_id: SystemClock.now().to_string(),
            function: "sgsync".to_owned(),
            deadline: Instant::now() + Duration::from_secs(self.timeout),
        }
    }
}

/// Leaves out the targets of all members but these. Everyone is still observed: who is to
/// be admitted to a target is everyone's business.
fn narrow(mesh: &mut Mesh, members: &[String]) -> anyhow::Result<()> {
    for name in members {
        known_member(mesh, name)?;
    }
    for member in &mut mesh.members {
        if !members.is_empty() && !members.iter().any(|name| *name == member.name.as_str()) {
            member.security_groups.clear();
            member.prefix_lists.clear();
        }
    }
    Ok(())
}

/// Refuses a name that no member has.
fn known_member(mesh: &Mesh, name: &str) -> anyhow::Result<()> {
    if mesh.member(&name.into()).is_none() {
        let known: Vec<&str> = mesh.members.iter().map(|member| member.name.as_str()).collect();
        bail!("`{name}` is no member of mesh {}; its members are {}", mesh.name, known.join(", "));
    }
    Ok(())
}

/// What a report means to a script.
fn exit_code(report: &Report) -> u8 {
    if report.has_errors() {
        ERROR
    } else if report.has_held() {
        HELD
    } else if report.has_changes() {
        PENDING
    } else {
        OK
    }
}

fn show(report: &Report, output: Output) -> anyhow::Result<()> {
    match output {
        Output::Text => {
            print(&text::report(report));
            let findings = report.findings.iter().map(|finding| finding.detail.as_str());
            let targets = report.targets.iter().filter_map(|target| target.error.as_deref());
            print(&hints::next(findings.chain(targets)));
        }
        Output::Json => print_json(report)?,
    }
    Ok(())
}

/// Asks whoever sits there. Whoever does not answer has said no.
fn asked(question: &str) -> anyhow::Result<bool> {
    let mut out = std::io::stdout();
    write!(out, "\n{question}")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if !answer.ends_with('\n') {
        writeln!(out)?;
    }
    Ok(answer.trim() == "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mesh() -> Mesh {
        Mesh::parse(
            r#"
            name = "orders-db"
            [[allow]]
            protocol = "tcp"
            ports = "7000"
            [[member]]
            region = "us-east-1"
            auto_scaling_groups = ["a"]
            security_groups = ["sg-0123456789abcdef0"]
            [[member]]
            region = "us-west-2"
            auto_scaling_groups = ["a"]
            security_groups = ["sg-0123456789abcdef1"]
            "#,
        )
        .expect("a mesh")
    }

    #[test]
    fn one_members_targets_are_looked_at_and_everyone_is_observed() {
        let mut narrowed = mesh();
        narrow(&mut narrowed, &["us-west-2".to_owned()]).expect("a member");
        let targets: Vec<usize> =
            narrowed.members.iter().map(|member| member.security_groups.len()).collect();
        assert_eq!(targets, [0, 1]);
        assert!(narrowed.members.iter().all(|member| !member.auto_scaling_groups.is_empty()));
        assert_eq!(narrowed.hash, mesh().hash, "it is the same document");
    }

    #[test]
    fn nobody_named_means_everyone_and_a_stranger_is_refused() {
        let mut all = mesh();
        narrow(&mut all, &[]).expect("no names");
        assert_eq!(all, mesh());
        let refused = narrow(&mut all, &["us-west-1".to_owned()]).expect_err("a stranger");
        insta::assert_snapshot!(refused, @"`us-west-1` is no member of mesh orders-db; its members are us-east-1, us-west-2");
    }
}
