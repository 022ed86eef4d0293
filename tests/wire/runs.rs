//! Whole runs of the reconcile loop, through the real clients, in a region that this
//! machine plays. Only the mirror remembers; everything else answers as a test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sync_aws::{Aws, SystemClock};
use sync_core::events::{Hook, Transition};
use sync_core::mesh::Mesh;
use sync_core::ports::{AuditLine, AuditLog};
use sync_core::reconcile::{Engine, Request};
use sync_core::report::{HookResult, Report, Trigger};
use tokio::time::Instant;

use crate::bodies::{auto_scaling, dynamodb, group, groups, instance, instances, rule, rules};
use crate::calls::Call;
use crate::server::{ASG, Endpoint, config, mesh};

/// How long a run has: enough for every pause that a test provokes.
const TIME: Duration = Duration::from_secs(8);

/// A region and its functions.
pub struct Place {
    pub endpoint: Endpoint,
    mirror: Arc<Mutex<Option<Value>>>,
    audit: Arc<Lines>,
}

#[derive(Default)]
struct Lines(Mutex<Vec<AuditLine>>);

impl AuditLog for Lines {
    fn write(&self, line: &AuditLine) {
        self.0.lock().expect("the lines").push(line.clone());
    }
}

impl Place {
    /// A region whose group has these instances, `i-1` at 54.1.2.1 and so on, in these states.
    pub async fn with(instances: &[(&str, &str)]) -> Self {
        let place = Self::bare().await;
        place.groups(instances).await;
        place.instances(instances).await;
        place
    }

    /// A region with a mirror and nothing else.
    pub async fn bare() -> Self {
        let place = Self {
            endpoint: Endpoint::start().await,
            mirror: Arc::default(),
            audit: Arc::default(),
        };
        let (read, write) = (Arc::clone(&place.mirror), Arc::clone(&place.mirror));
        let rows = move |_: &_| {
            let items: Vec<_> = read.lock().expect("the mirror").iter().cloned().collect();
            dynamodb(200, &json!({ "Responses": { "sgsync-orders-db": items } }))
        };
        let put = move |params: &BTreeMap<String, String>| {
            let body: Value = serde_json::from_str(&params["body"]).expect("a JSON body");
            *write.lock().expect("the mirror") = Some(body["Item"].clone());
            dynamodb(200, &json!({}))
        };
        place.endpoint.answer_by(Call::Rows.action(), rows).await;
        place.endpoint.answer_by(Call::Put.action(), put).await;
        let done = auto_scaling(Call::Complete.action(), "");
        // Behind whatever a test answers first.
        place.endpoint.answer_last(Call::Complete.action(), done).await;
        place
    }

    pub async fn groups(&self, listed: &[(&str, &str)]) {
        let answer = groups(&[group(ASG, listed)], None);
        self.endpoint.answer(Call::DescribeGroups.action(), answer).await;
    }

    pub async fn instances(&self, listed: &[(&str, &str)]) {
        let item = |(id, _): &(&str, &str)| {
            let address = format!("<ipAddress>{}</ipAddress>", address(id));
            instance(id, ASG, &address)
        };
        let items: Vec<_> = listed.iter().map(item).collect();
        self.endpoint.answer(Call::DescribeInstances.action(), instances(&items, None)).await;
    }

    /// What the row remembers.
    pub fn remember(&self, ids: &[&str]) {
        let held = |id: &&str| {
            let cidr = format!("{}/32", address(id));
            ((*id).to_owned(), json!({ "L": [{ "S": cidr }] }))
        };
        let instances: serde_json::Map<_, _> = ids.iter().map(held).collect();
        *self.mirror.lock().expect("the mirror") = Some(json!({
            "member": { "S": "us-east-1" }, "asg": { "S": ASG }, "schema": { "N": "1" },
            "version": { "N": "7" }, "observed_at": { "S": "2026-11-22T11:07:55Z" },
            "instances": { "M": instances }, "writer": { "S": "lifecycle 1" },
        }));
    }

    /// Whose addresses the row has.
    pub fn remembered(&self) -> Vec<String> {
        let row = self.mirror.lock().expect("the mirror").clone().expect("a row");
        row["instances"]["M"].as_object().expect("a map").keys().cloned().collect()
    }

    /// The rules of these instances, in every look.
    pub async fn rules(&self, ids: &[&str]) {
        self.endpoint.answer(Call::DescribeRules.action(), rules(&rules_of(ids), None)).await;
    }

    /// The same in the next look only.
    pub async fn rules_once(&self, ids: &[&str]) {
        self.endpoint.answer_once(Call::DescribeRules.action(), rules(&rules_of(ids), None)).await;
    }

    /// Runs for a hook of `i-1`, or a true-up.
    pub async fn run(&self, hook: Option<Transition>) -> Report {
        self.run_of(mesh(""), hook).await
    }

    /// The same with another document.
    pub async fn run_of(&self, mesh: Mesh, hook: Option<Transition>) -> Report {
        let url = self.endpoint.url();
        let aws = Aws::with_configs(&mesh, |_| config(&url)).await;
        let home = mesh.members[0].name.clone();
        let engine = Engine {
            home: Some(home.clone()),
            readers: aws.readers(),
            writers: aws.writers(),
            clock: Arc::new(SystemClock),
            audit: self.audit.clone(),
            mesh,
        };
        let request = Request {
            trigger: if hook.is_some() { Trigger::Lifecycle } else { Trigger::Schedule },
            scope: BTreeMap::from([(home, [ASG.into()].into())]),
            hooks: hook.map(waiting).into_iter().collect(),
            dry_run: false,
            allow_removals: false,
            run_id: "r-1".to_owned(),
            function: "sgsync".to_owned(),
            deadline: Instant::now() + TIME,
        };
        engine.run(&request).await
    }

    /// Runs for a hook of `i-1` and says how it was answered.
    pub async fn answer(&self, transition: Transition) -> (HookResult, Report) {
        let report = self.run(Some(transition)).await;
        (report.hooks[0].result, report)
    }

    /// How often a call was made.
    pub async fn count(&self, call: Call) -> usize {
        self.endpoint.asked(call.action()).await.len()
    }

    /// The addresses of each Authorize, in order.
    pub async fn authorized(&self) -> Vec<Vec<String>> {
        let asked = self.endpoint.asked(Call::Authorize.action()).await;
        let cidrs = |params: &BTreeMap<String, String>| {
            params
                .iter()
                .filter(|(name, _)| name.ends_with("CidrIp"))
                .map(|(_, v)| v.clone())
                .collect()
        };
        asked.iter().map(cidrs).collect()
    }

    /// What the audit lines say was done, in order.
    pub fn done(&self) -> Vec<String> {
        let lines = self.audit.0.lock().expect("the lines");
        let text = |line: &AuditLine| {
            format!(
                "{} {} -> {}",
                line.action,
                line.permission.as_deref().unwrap_or("hook"),
                line.after
            )
        };
        lines.iter().map(text).collect()
    }
}

/// Where an instance is: `i-7` at 54.1.2.7.
pub fn address(id: &str) -> String {
    format!("54.1.2.{}", id.trim_start_matches("i-"))
}

/// The rules of these instances, `sgr-7` of `i-7`.
pub fn rules_of(ids: &[&str]) -> Vec<String> {
    let one = |id: &&str| {
        let source = format!("<cidrIpv4>{}/32</cidrIpv4>", address(id));
        rule(&id.replace("i-", "sgr-"), &source)
            .replace("orders-db i-1", &format!("orders-db {id}"))
    };
    ids.iter().map(one).collect()
}

fn waiting(transition: Transition) -> Hook {
    Hook {
        name: "sgsync-hook".to_owned(),
        asg: ASG.into(),
        instance: "i-1".into(),
        transition,
        token: Some("f66c3d47-e602-4af0-8edd-d4e4d2fe4620".to_owned()),
    }
}
