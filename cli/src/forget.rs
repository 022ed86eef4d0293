//! `sgsync forget`: removes the rows and rules of a member that has left for good.

use std::collections::BTreeSet;

use anyhow::bail;
use jiff::Timestamp;
use serde::Serialize;
use sync_aws::{Aws, LeftRow, SystemClock, TracingAuditLog};
use sync_core::mesh::{Member, Mesh, RowKey};
use sync_core::names::{MemberName, RuleId, SecurityGroupId};
use sync_core::permission::{OwnedRule, Rule};
use sync_core::ports::{AuditLine, AuditLog as _, Called, Clock as _, RuleWriter};
use sync_core::row::Stored;

use crate::args::{Common, Output};
use crate::screen::{during, print, print_json};
use crate::world::{Seen, look_with};
use crate::{ERROR, OK, PENDING};

mod text;

/// Whom to forget.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// The member's name, as the document had it
    #[arg(value_name = "MEMBER")]
    pub member: String,

    /// Do it; otherwise only say what would be done
    #[arg(short, long)]
    pub yes: bool,
}

/// What became of the member.
#[derive(Clone, Debug, Serialize)]
struct Forgetting {
    mesh: String,
    member: String,
    dry_run: bool,
    places: Vec<Place>,
}

/// What is left of it in one member's region.
#[derive(Clone, Debug, Serialize)]
struct Place {
    member: String,
    region: String,
    /// Its rows in the table here, by Auto Scaling group.
    rows: Vec<Row>,
    /// Its rules here.
    rules: Vec<Line>,
    /// Rules of it that stay, because a member wants the same.
    kept: usize,
    error: Option<String>,
}

/// One row.
#[derive(Clone, Debug, Serialize)]
struct Row {
    asg: String,
    removed: bool,
}

/// One rule.
#[derive(Clone, Debug, Serialize)]
struct Line {
    id: RuleId,
    security_group: SecurityGroupId,
    permission: String,
    revoked: bool,
}

/// Runs the command; its exit code.
pub(crate) async fn run(mesh: &Mesh, options: &Options, common: &Common) -> anyhow::Result<u8> {
    let gone = MemberName::new(&options.member);
    if mesh.member(&gone).is_some() {
        bail!(
            "the document names {gone}: take it out, deploy the document everywhere, then forget it"
        );
    }
    let aws = Aws::connect_as(mesh, common.profile.as_deref()).await;
    let nobody = BTreeSet::new();
    let all = async { futures::join!(look_with(&aws, mesh, &nobody), aws.rows_of(&gone)) };
    let (world, mut left) = during("looking at every region", all).await;
    let writers = aws.writers();
    let forgetting = async {
        let mut places = Vec::new();
        for member in &mesh.members {
            let (Some(seen), Some(left)) = (world.get(&member.name), left.remove(&member.name))
            else {
                continue;
            };
            let mut place = place(mesh, member, seen, left, &gone);
            if options.yes && place.error.is_none() {
                let writer = writers[&member.name].rules.as_ref();
                let done = place.clear(&aws, member, writer, &gone).await;
                place.error = done.err().map(|error| error.to_string());
            }
            places.push(place);
        }
        places
    };
    let places = during("forgetting", Box::pin(forgetting)).await;
    let forgetting = Forgetting {
        mesh: mesh.name.to_string(),
        member: gone.to_string(),
        dry_run: !options.yes,
        places,
    };
    match common.output {
        Output::Text => print(&text::forgetting(&forgetting)),
        Output::Json => print_json(&forgetting)?,
    }
    Ok(forgetting.exit_code())
}

/// What is left of a member in another's region. Nothing, and why, where that is not certain.
fn place(
    mesh: &Mesh,
    member: &Member,
    seen: &Seen,
    left: Called<Vec<LeftRow>>,
    gone: &MemberName,
) -> Place {
    let mut place = Place {
        member: member.name.to_string(),
        region: member.region.to_string(),
        rows: Vec::new(),
        rules: Vec::new(),
        kept: 0,
        error: None,
    };
    let (rules, rows, left) = match (&seen.rules, &seen.rows, left) {
        (Ok(rules), Ok(rows), Ok(left)) => (rules, rows, left),
        (Err(error), ..) | (_, Err(error), _) => {
            place.error = Some(error.to_string());
            return place;
        }
        (.., Err(error)) => {
            place.error = Some(error.to_string());
            return place;
        }
    };
    if let Some(reason) = alive(mesh, &left, SystemClock.now()) {
        place.error = Some(reason);
        return place;
    }
    // A run under a document that names the member would be in the right to want its rules.
    let other = rows
        .stored
        .iter()
        .find(|(_, stored)| stored.row().is_none_or(|row| row.document != mesh.hash));
    if let Some((key, stored)) = other {
        let what = match stored {
            Stored::Row(_) => "was written under another mesh document",
            Stored::Missing => "is missing",
            Stored::Rejected { .. } => "is not believed",
        };
        place.error = Some(format!(
            "the row {}/{} {what}: deploy this document everywhere, wait for a run of each member, \
             then forget {gone}",
            key.member, key.asg
        ));
        return place;
    }
    for (group, rules) in rules {
        let desired = seen.desired(mesh, member, group).unwrap_or_default();
        // Of a spread it may be wanted in another group.
        let wanted = |permission| {
            desired.wanted.contains_key(&permission) || desired.elsewhere.contains_key(&permission)
        };
        for rule in rules.iter().filter_map(|rule| OwnedRule::claim(rule, &mesh.name)) {
            let rule = rule.rule();
            if rule.member().as_ref() != Some(gone) {
                continue;
            }
            if rule.permission().is_some_and(wanted) {
                place.kept += 1;
            } else {
                place.rules.push(line(group, rule));
            }
        }
    }
    place.rows =
        left.into_iter().map(|row| Row { asg: row.key.asg.to_string(), removed: false }).collect();
    place
}

/// Why a member may not have left at all: its functions keep its rows fresh. One that joined
/// and that this document does not name yet looks the same as one that left (decision 18).
fn alive(mesh: &Mesh, left: &[LeftRow], now: Timestamp) -> Option<String> {
    let stale_after = mesh.limits.stale_after;
    let fresh = left.iter().find(|row| {
        row.observed_at.is_some_and(|at| now.duration_since(at).unsigned_abs() <= stale_after)
    })?;
    Some(format!(
        "its row {}/{} was observed less than {} minutes ago: its functions still run. Delete its \
         stack, wait until the row is older, then forget it",
        fresh.key.member,
        fresh.key.asg,
        stale_after.as_secs() / 60
    ))
}

fn line(group: &SecurityGroupId, rule: &Rule) -> Line {
    Line {
        id: rule.id.clone(),
        security_group: group.clone(),
        permission: rule.to_string(),
        revoked: false,
    }
}

impl Place {
    /// Rules first: while the row is there, it says why they are.
    async fn clear(
        &mut self,
        aws: &Aws,
        member: &Member,
        writer: &dyn RuleWriter,
        gone: &MemberName,
    ) -> Called<()> {
        let groups: BTreeSet<SecurityGroupId> =
            self.rules.iter().map(|line| line.security_group.clone()).collect();
        for group in groups {
            let mut lines: Vec<&mut Line> =
                self.rules.iter_mut().filter(|line| line.security_group == group).collect();
            let ids: Vec<RuleId> = lines.iter().map(|line| line.id.clone()).collect();
            let receipt = writer.revoke(&group, &ids).await?;
            for line in &mut lines {
                line.revoked = true;
                audit(member, line, receipt.request_id.as_deref());
            }
        }
        for row in &mut self.rows {
            let key = RowKey { member: gone.clone(), asg: row.asg.as_str().into() };
            aws.erase(&member.name, &key).await?;
            row.removed = true;
        }
        Ok(())
    }

    fn left(&self) -> usize {
        self.rules.iter().filter(|line| !line.revoked).count()
            + self.rows.iter().filter(|row| !row.removed).count()
    }
}

/// One line for every rule (promise 8).
fn audit(member: &Member, line: &Line, request_id: Option<&str>) {
    TracingAuditLog.write(&AuditLine {
        who: format!("sgsync/{}", SystemClock.now()),
        trigger: "operator",
        member: member.name.clone(),
        instance: None,
        action: "forget",
        target: format!("{}/{}", member.region, line.security_group),
        permission: Some(line.permission.clone()),
        before: line.id.to_string(),
        after: "absent".to_owned(),
        aws_request_id: request_id.map(str::to_owned),
    });
}

impl Forgetting {
    fn exit_code(&self) -> u8 {
        if self.places.iter().any(|place| place.error.is_some()) {
            ERROR
        } else if self.places.iter().any(|place| place.left() > 0) {
            PENDING
        } else {
            OK
        }
    }
}
