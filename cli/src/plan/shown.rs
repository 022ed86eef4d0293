//! Writers that do what a plan showed to a person, and nothing else.
//!
//! A run always starts from live state (promise 5), so it may find other changes to make
//! than the plan had. Those are refused here, where no planning can get around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use sync_core::names::{MemberName, RuleId, SecurityGroupId};
use sync_core::ports::{CallError, Called, Failure, Grant, MemberWriters, Receipt, RuleWriter};
use sync_core::report::{Action, Report};

/// The changes that were shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Permissions to add to each group, as they were printed.
    adds: BTreeSet<(SecurityGroupId, String)>,
    revokes: BTreeSet<(SecurityGroupId, RuleId)>,
}

impl Shown {
    /// The changes of a plan.
    pub(super) fn of(plan: &Report) -> Self {
        let mut shown = Self::default();
        for target in &plan.targets {
            let group = &target.security_group;
            for change in &target.changes {
                match (change.action, &change.rule) {
                    (Action::Add, _) => {
                        shown.adds.insert((group.clone(), change.permission.clone()));
                    }
                    (Action::Revoke, Some(rule)) => {
                        shown.revokes.insert((group.clone(), rule.clone()));
                    }
                    _ => {}
                }
            }
        }
        shown
    }
}

/// A region's rule writer, held to what was shown.
pub(super) struct OnlyShown {
    writer: Arc<dyn RuleWriter>,
    shown: Arc<Shown>,
}

impl OnlyShown {
    /// Holds every member's rule writer to what was shown. Rows are no rules: they say what
    /// is, and are written as ever.
    pub(super) fn around(
        writers: BTreeMap<MemberName, MemberWriters>,
        shown: &Arc<Shown>,
    ) -> BTreeMap<MemberName, MemberWriters> {
        let held = |writers: MemberWriters| MemberWriters {
            rules: Arc::new(Self { writer: writers.rules, shown: shown.clone() }),
            ..writers
        };
        writers.into_iter().map(|(name, writers)| (name, held(writers))).collect()
    }
}

#[async_trait]
impl RuleWriter for OnlyShown {
    async fn authorize(&self, grant: &Grant) -> Called<Receipt> {
        for (permission, _) in &grant.permissions {
            let permission = permission.to_string();
            if !self.shown.adds.contains(&(grant.group.clone(), permission.clone())) {
                return Err(moved("ec2:AuthorizeSecurityGroupIngress", &permission));
            }
        }
        self.writer.authorize(grant).await
    }

    async fn revoke(&self, group: &SecurityGroupId, rules: &[RuleId]) -> Called<Receipt> {
        for rule in rules {
            if !self.shown.revokes.contains(&(group.clone(), rule.clone())) {
                return Err(moved("ec2:RevokeSecurityGroupIngress", rule.as_str()));
            }
        }
        self.writer.revoke(group, rules).await
    }
}

fn moved(call: &'static str, what: &str) -> CallError {
    CallError {
        call,
        kind: Failure::Refused,
        code: "WorldMoved".to_owned(),
        message: format!("the plan that was shown did not have {what}; it was left as it is"),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use sync_core::permission::{Permission, Protocol, Traffic};

    use super::*;

    /// Remembers what got through.
    #[derive(Default)]
    struct Through(Mutex<Vec<String>>);

    #[async_trait]
    impl RuleWriter for Through {
        async fn authorize(&self, grant: &Grant) -> Called<Receipt> {
            let all = grant.permissions.iter().map(|(permission, _)| format!("+ {permission}"));
            self.0.lock().expect("a lock").extend(all);
            Ok(Receipt::default())
        }

        async fn revoke(&self, _: &SecurityGroupId, rules: &[RuleId]) -> Called<Receipt> {
            self.0.lock().expect("a lock").extend(rules.iter().map(|rule| format!("- {rule}")));
            Ok(Receipt::default())
        }
    }

    fn permission(last: u8) -> Permission {
        let cidr = format!("198.51.100.{last}/32").parse().expect("a host");
        Permission { traffic: Traffic::ports(Protocol::Tcp, 7000, 7001), cidr }
    }

    fn grant(group: &str, lasts: &[u8]) -> Grant {
        let permissions = lasts.iter().map(|last| (permission(*last), String::new())).collect();
        Grant { group: group.into(), tags: BTreeMap::new(), permissions }
    }

    #[tokio::test]
    async fn only_what_was_shown_gets_through_and_the_rest_says_so() {
        let through = Arc::new(Through::default());
        let shown = Shown {
            adds: [("sg-1".into(), permission(7).to_string())].into(),
            revokes: [("sg-1".into(), "sgr-1".into())].into(),
        };
        let writer = OnlyShown { writer: through.clone(), shown: Arc::new(shown) };
        let (one, other): (SecurityGroupId, SecurityGroupId) = ("sg-1".into(), "sg-2".into());
        let refused = [
            writer.authorize(&grant("sg-1", &[7, 8])).await,
            writer.authorize(&grant("sg-2", &[7])).await,
            writer.revoke(&one, &["sgr-1".into(), "sgr-2".into()]).await,
            writer.revoke(&other, &["sgr-1".into()]).await,
        ];
        assert!(refused.iter().all(|answer| {
            answer.as_ref().is_err_and(|e| e.code == "WorldMoved" && !e.kind.wants_new_plan())
        }));
        assert!(through.0.lock().expect("a lock").is_empty(), "a call is done whole or not at all");
        writer.authorize(&grant("sg-1", &[7])).await.expect("it was shown");
        writer.revoke(&one, &["sgr-1".into()]).await.expect("it was shown");
        let through = through.0.lock().expect("a lock").clone();
        assert_eq!(through, ["+ tcp 7000-7001 198.51.100.7/32", "- sgr-1"]);
    }
}
