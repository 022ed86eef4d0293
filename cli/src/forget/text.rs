//! What is left of a member, for people.

use std::fmt::Write as _;

use super::Forgetting;
use crate::hints;
use crate::screen::{BAD, HEADING, paint};

pub(super) fn forgetting(forgetting: &Forgetting) -> String {
    let mut out = format!("forget {} of mesh {}\n", forgetting.member, forgetting.mesh);
    for place in &forgetting.places {
        let _ = writeln!(out, "\n{}", paint(HEADING, format_args!("in {}", place.region)));
        for row in &place.rows {
            let row = format!("- row {}/{}", forgetting.member, row.asg);
            let _ = writeln!(out, "  {}", paint(BAD, row));
        }
        for line in &place.rules {
            let rule = format!("- {} {}", line.id, line.permission);
            let _ = writeln!(out, "  {}  in {}", paint(BAD, rule), line.security_group);
        }
        if place.kept > 0 {
            let _ = writeln!(out, "  {} of its rules stay: members want the same", place.kept);
        }
        if let Some(error) = &place.error {
            let _ = writeln!(out, "  {} {error}", paint(BAD, "error:"));
        }
    }
    let left: usize = forgetting.places.iter().map(super::Place::left).sum();
    let all: usize =
        forgetting.places.iter().map(|place| place.rows.len() + place.rules.len()).sum();
    let summary = match (forgetting.dry_run, left, all) {
        _ if forgetting.places.iter().any(|place| place.error.is_some()) && all == left => {
            "nothing was removed where there is an error".to_owned()
        }
        (_, _, 0) => "nothing is left of it".to_owned(),
        (true, left, _) => format!("to remove: {left}; the same with --yes does it"),
        (false, 0, all) => format!("removed: {all}"),
        (false, left, all) => format!("removed: {}, not removed: {left}", all - left),
    };
    let _ = writeln!(out, "\n{summary}");
    out + &hints::next(forgetting.places.iter().filter_map(|place| place.error.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::super::{Line, Place, Row};
    use super::*;

    fn sample(dry_run: bool, error: Option<&str>) -> Forgetting {
        let line = Line {
            id: "sgr-1".into(),
            security_group: "sg-0123456789abcdef0".into(),
            permission: "tcp 7000-7001 198.51.100.7/32".to_owned(),
            revoked: !dry_run,
        };
        let place = Place {
            member: "us-east-1".to_owned(),
            region: "us-east-1".to_owned(),
            rows: vec![Row { asg: "orders".to_owned(), removed: !dry_run && error.is_none() }],
            rules: vec![line],
            kept: 1,
            error: error.map(str::to_owned),
        };
        Forgetting {
            mesh: "orders-db".to_owned(),
            member: "eu-west-1".to_owned(),
            dry_run,
            places: vec![place],
        }
    }

    fn shown(sample: &Forgetting) -> String {
        anstream::adapter::strip_str(&forgetting(sample)).to_string()
    }

    #[test]
    fn what_is_left_of_a_member_is_named() {
        insta::assert_snapshot!(shown(&sample(true, None)));
        assert_eq!(sample(true, None).exit_code(), crate::PENDING);
        assert_eq!(sample(false, None).exit_code(), crate::OK);
    }

    #[test]
    fn what_could_not_be_removed_is_said() {
        let failed = sample(false, Some("dynamodb:DeleteItem: AccessDeniedException: no"));
        insta::assert_snapshot!(shown(&failed));
        assert_eq!(failed.exit_code(), crate::ERROR);
    }
}
