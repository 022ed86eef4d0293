//! What the stack cannot do, found before CloudFormation finds it: all of it at once.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::mesh::{Invalid, Member, Mesh, Problem};

use super::sizes;
use super::stack::{Stack, account_of};

/// The largest document, in bytes: the template's `MaxLength`. All variables of a
/// function's environment together hold 4096.
pub(super) const MAX_DOCUMENT: usize = 3900;

/// CloudFormation's limit on one parameter, in bytes.
const MAX_PARAMETER: usize = 4096;

/// The most letters and digits in a group's name: the template puts `TerminateHook` before
/// them, and CloudFormation allows 255 characters in a resource's name.
pub(super) const MAX_GROUP_LETTERS: usize = 255 - "TerminateHook".len();

/// The longest name of a function, and of a schedule.
const MAX_FUNCTION: usize = 64;

/// Checks stacks before they are written down.
pub(super) fn check(
    mesh: &Mesh,
    document: &str,
    account: Option<&str>,
    stacks: &[Stack],
) -> Result<(), Invalid> {
    let mut problems = Vec::new();
    whole_document(document, &mut problems);
    accounts(mesh, account, &mut problems);
    for (place, member) in mesh.members.iter().enumerate() {
        one_member(mesh, place, member, &mut problems);
    }
    lengths(stacks, &mut problems);
    sizes::check(stacks, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(Invalid { problems }) }
}

fn problem(path: impl Into<String>, detail: impl Into<String>) -> Problem {
    Problem { path: path.into(), detail: detail.into() }
}

fn whole_document(document: &str, problems: &mut Vec<Problem>) {
    if document.len() > MAX_DOCUMENT {
        problems.push(problem(
            "",
            format!(
                "the document is {} bytes long; the stack takes {MAX_DOCUMENT} (a function's \
                 environment holds 4096): remove comments and blank lines, or write it as JSON \
                 on one line",
                document.len()
            ),
        ));
    }
    if let Some((place, c)) = first_foreign_character(document) {
        problems.push(problem(
            "",
            format!(
                "line {place}: `{c}`: CloudFormation shows such characters as `?` when it is asked \
                 for the stack; write it in ASCII (in a string, as \\u{:04x})",
                u32::from(c)
            ),
        ));
    }
    let altered = |line: &str| ["\\ ", "\\\"", "\\'"].iter().any(|pair| line.contains(pair));
    if let Some(place) = document.lines().position(altered) {
        problems.push(problem(
            "",
            format!(
                "line {}: a backslash before a space or a quote, which `sam deploy` drops on its \
                 way to CloudFormation; write it without",
                place + 1
            ),
        ));
    }
}

/// The first character that is not ASCII, and its line.
fn first_foreign_character(document: &str) -> Option<(usize, char)> {
    let in_line =
        |(place, line): (usize, &str)| line.chars().find(|c| !c.is_ascii()).map(|c| (place + 1, c));
    document.lines().enumerate().find_map(in_line)
}

fn one_member(mesh: &Mesh, place: usize, member: &Member, problems: &mut Vec<Problem>) {
    let suffix = member.name_suffix();
    if !suffix.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        let detail = format!(
            "`{}`: the stack, which carries the name, takes letters, digits and `-` only",
            member.name
        );
        problems.push(problem(format!("member[{place}].name"), detail));
    }
    let longest = format!("{}-trueup", mesh.stack_name(member));
    if longest.len() > MAX_FUNCTION {
        let detail = format!(
            "the function {longest} would have a name of {} characters; Lambda and Scheduler allow \
             {MAX_FUNCTION}: give the member or the mesh a shorter one",
            longest.len()
        );
        problems.push(problem(format!("member[{place}].name"), detail));
    }
    group_names(place, member, problems);
}

fn group_names(place: usize, member: &Member, problems: &mut Vec<Problem>) {
    let mut plain: BTreeMap<String, &str> = BTreeMap::new();
    for (index, group) in member.auto_scaling_groups.iter().enumerate() {
        let (name, path) =
            (group.as_str(), format!("member[{place}].auto_scaling_groups[{index}]"));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "+=.@_-".contains(c);
        if !name.chars().all(allowed) {
            let detail = format!("`{name}`: the stack takes letters, digits and `+=.@_-` only");
            problems.push(problem(&path, detail));
        }
        let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        if letters.len() > MAX_GROUP_LETTERS {
            let detail = format!(
                "{} letters and digits long; the stack takes {MAX_GROUP_LETTERS}",
                letters.len()
            );
            problems.push(problem(&path, detail));
        }
        if let Some(other) = plain.insert(letters, name) {
            let detail = format!(
                "`{name}` and `{other}` differ in punctuation only, which one stack cannot tell apart"
            );
            problems.push(problem(&path, detail));
        }
    }
}

/// Nothing may be longer than a parameter, or come back otherwise. What is the same in
/// every stack is said once.
fn lengths(stacks: &[Stack], problems: &mut Vec<Problem>) {
    for stack in stacks {
        for (name, value) in stack.parameters.iter().filter(|(name, _)| *name != "Mesh") {
            let sent = value.as_sent();
            let detail = if sent.len() > MAX_PARAMETER {
                format!(
                    "the stack's parameter {name} would be {} bytes long; CloudFormation \
                     allows {MAX_PARAMETER}: use fewer or shorter names",
                    sent.len()
                )
            } else if !sent.is_ascii() {
                format!("the stack's parameter {name} would be `{sent}`; write it in ASCII")
            } else {
                continue;
            };
            let found = problem("", detail);
            if !problems.contains(&found) {
                problems.push(found);
            }
        }
    }
}

/// Somebody has to say in which account each member is; where there are several, each is
/// reached through a role.
fn accounts(mesh: &Mesh, given: Option<&str>, problems: &mut Vec<Problem>) {
    let accounts: Vec<_> = mesh.members.iter().map(|member| account_of(member, given)).collect();
    let known: BTreeSet<&str> = accounts.iter().copied().flatten().collect();
    let several = known.iter().copied().collect::<Vec<_>>().join(", ");
    for (place, (member, account)) in mesh.members.iter().zip(accounts).enumerate() {
        let (key, detail) = match account {
            None => (
                "account",
                format!(
                    "nobody says in which account `{}` is, and the ARNs that IAM needs contain it: \
                     run `sgsync render --account ID` with the ID that `aws sts \
                     get-caller-identity` shows, or add `account = \"ID\"` to the member",
                    member.name
                ),
            ),
            Some(_) if known.len() > 1 && member.role.is_none() => (
                "role_arn",
                format!(
                    "missing: the members are in several accounts ({several}), so the others \
                     reach `{}` through a role",
                    member.name
                ),
            ),
            Some(_) => continue,
        };
        problems.push(problem(format!("member[{place}].{key}"), detail));
    }
}
