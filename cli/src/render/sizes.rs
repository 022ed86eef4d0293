//! How long the stack's policies and event patterns get, as IAM and `EventBridge` count
//! them: every character that CloudFormation sends, without white space.

use sync_core::mesh::Problem;

use super::stack::{Stack, Template, Value};

/// What one service allows.
struct Limit {
    service: &'static str,
    what: &'static str,
    characters: usize,
}

const MANAGED: Limit = Limit { service: "IAM", what: "a policy", characters: 6144 };

/// Of all inline policies of a role together.
const INLINE: Limit = Limit { service: "IAM", what: "inline policies", characters: 10_240 };

/// Unless AWS has raised the account's quota.
const PATTERN: Limit = Limit { service: "EventBridge", what: "an event pattern", characters: 2048 };

/// A part of a policy: what is the same in every mesh, and how often each parameter is in it.
struct Part {
    /// A list that must not be empty, or the part is not there.
    only_with: Option<&'static str>,
    /// Characters beside the parameters.
    fixed: usize,
    /// Parameter, or pseudo parameter, and how often.
    uses: &'static [(&'static str, usize)],
}

/// A resource of the template that AWS limits.
struct Limited {
    /// The template's name for it.
    name: &'static str,
    limit: Limit,
    parts: &'static [Part],
}

/// Everything that grows with the mesh. The true-up's role has a part of the other's inline
/// policy. `tests/template` holds the numbers against the template.
const LIMITED: &[Limited] = &[
    Limited {
        name: "RulesPolicy",
        limit: MANAGED,
        parts: &[
            Part { only_with: None, fixed: 412, uses: &[("Regions", 1), ("AWS::Region", 1)] },
            Part {
                only_with: Some("SecurityGroupArns"),
                fixed: 668,
                uses: &[
                    ("Regions", 2),
                    ("SecurityGroupArns", 1),
                    ("MeshName", 1),
                    ("AWS::Partition", 2),
                ],
            },
        ],
    },
    Limited {
        name: "RowsPolicy",
        limit: MANAGED,
        parts: &[Part { only_with: None, fixed: 315, uses: &[("TableArns", 2), ("Member", 1)] }],
    },
    Limited {
        name: "LifecycleRole",
        limit: INLINE,
        parts: &[
            Part {
                only_with: None,
                fixed: 369,
                uses: &[("MeshName", 2), ("AWS::Region", 2), ("AWS::Partition", 2)],
            },
            Part {
                only_with: Some("AutoScalingGroupArns"),
                fixed: 100,
                uses: &[("AutoScalingGroupArns", 1)],
            },
            Part {
                only_with: Some("PrefixListArns"),
                fixed: 320,
                uses: &[("Regions", 1), ("PrefixListArns", 1)],
            },
            Part { only_with: Some("PeerRoleArns"), fixed: 121, uses: &[("PeerRoleArns", 1)] },
        ],
    },
    Limited {
        name: "HookRule",
        limit: PATTERN,
        parts: &[Part {
            only_with: Some("AutoScalingGroups"),
            fixed: 217,
            uses: &[("AutoScalingGroups", 1), ("MeshName", 2)],
        }],
    },
    Limited {
        name: "MembershipRule",
        limit: PATTERN,
        parts: &[Part {
            only_with: Some("AutoScalingGroups"),
            fixed: 208,
            uses: &[("AutoScalingGroups", 1)],
        }],
    },
    Limited {
        name: "TamperRule",
        limit: PATTERN,
        parts: &[Part {
            only_with: Some("SecurityGroups"),
            fixed: 553,
            uses: &[("SecurityGroups", 2), ("MeshName", 1), ("AWS::Partition", 1)],
        }],
    },
];

/// How long something in a stack gets that AWS limits.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Size {
    /// The stack's environment.
    pub environment: String,
    /// The template's name for the policy, the role whose inline policies these are, or the rule
    /// whose event pattern it is.
    pub resource: &'static str,
    /// How long it is.
    pub characters: usize,
    /// How long AWS lets it be.
    pub allowed: usize,
}

/// Every size of a stack.
pub(super) fn sizes(stack: &Stack) -> Vec<Size> {
    let size = |limited: &Limited| Size {
        environment: stack.environment.clone(),
        resource: limited.name,
        characters: limited.parts.iter().map(|part| part.length(stack)).sum(),
        allowed: limited.limit.characters,
    };
    LIMITED.iter().map(size).collect()
}

/// Says what AWS would refuse; each once, for the first stack that has it so.
pub(super) fn check(stacks: &[Stack], problems: &mut Vec<Problem>) {
    let members = || stacks.iter().filter(|stack| stack.template == Template::Member);
    for limited in LIMITED {
        let mut all = members().flat_map(sizes).filter(|size| size.resource == limited.name);
        if let Some(size) = all.find(|size| size.characters > size.allowed) {
            problems.push(Problem {
                path: String::new(),
                detail: format!(
                    "the stack's {} in {} would have {} of {} characters; {} allows {}: use fewer \
                     members, groups or security groups, or shorter names",
                    size.resource,
                    size.environment,
                    limited.limit.what,
                    size.characters,
                    limited.limit.service,
                    size.allowed
                ),
            });
        }
    }
}

impl Part {
    fn length(&self, stack: &Stack) -> usize {
        let is_empty = |name: &str| matches!(stack.parameter(name), Some(Value::List(items)) if items.is_empty());
        if self.only_with.is_some_and(is_empty) {
            return 0;
        }
        self.uses.iter().map(|(name, times)| times * length_of(stack, name)).sum::<usize>()
            + self.fixed
    }
}

/// A parameter's length in a policy: a list's items have quotes around and commas between.
fn length_of(stack: &Stack, name: &str) -> usize {
    match (name, stack.parameter(name)) {
        ("AWS::Region", _) => stack.region.as_str().len(),
        ("AWS::Partition", _) => stack.partition().len(),
        (_, Some(Value::List(items))) => {
            let quoted: usize = items.iter().map(|item| item.len() + 2).sum();
            quoted + items.len().saturating_sub(1)
        }
        (_, Some(Value::Line(text) | Value::Lines(text))) => text.len(),
        (_, None) => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::tests::{ACCOUNT, again, options};

    /// Fourteen regions with tables of this name; the first member's name is so long.
    fn document(table: usize, member: usize) -> String {
        let mut text =
            "name = \"orders\"\n[[allow]]\nprotocol = \"tcp\"\nports = \"1\"\n".to_owned();
        for place in 0..14 {
            let name = if place == 0 { "m".repeat(member) } else { format!("m{place}") };
            let (table, region) = ("t".repeat(table), place + 10);
            let _ = write!(
                text,
                "[[member]]\nname=\"{name}\"\nregion=\"us-east-{region}\"\ntable=\"{table}\"\n\
                 security_groups=[\"sg-{place:017x}\"]\n"
            );
        }
        text
    }

    /// How long the first stack's policy for rows gets, if it may.
    fn rows(table: usize, member: usize) -> Result<usize, String> {
        let rendered = again(&document(table, member), &options(ACCOUNT, &[]), None)?;
        let found = rendered.sizes.iter().find(|size| size.resource == "RowsPolicy");
        Ok(found.expect("a size").characters)
    }

    #[test]
    fn a_policy_is_refused_from_the_first_character_that_is_too_many() {
        let table =
            (3..255).take_while(|length| rows(*length, 1).is_ok()).last().expect("a length");
        let room = super::MANAGED.characters - rows(table, 1).expect("it fits");
        assert_eq!(rows(table, 1 + room), Ok(super::MANAGED.characters));
        let error = rows(table, 2 + room).expect_err("one too many");
        assert!(error.contains("the stack's RowsPolicy in mmm"), "{error}");
        assert!(error.contains("6145 characters; IAM allows 6144"), "{error}");
    }
}
