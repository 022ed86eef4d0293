//! How the names in a mesh document are spelled. A typing error found here is
//! one that AWS would otherwise report to every run.

use crate::names::{AccountId, AsgName, MemberName, Region, SecurityGroupId};
use crate::permission::Protocol;

use super::problems::quoted;

/// The longest member name. It is a table key and the value of the rule tag
/// `sgsync:member`, and it is read by people.
const MEMBER_NAME_LEN: usize = 64;

/// Lengths of the hexadecimal part of an EC2 id: of old ones, and of those given out since 2018.
const ID_LENGTHS: [usize; 2] = [8, 17];

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn lowercase(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

pub(super) fn member_name(text: &str) -> Result<MemberName, String> {
    if (1..=MEMBER_NAME_LEN).contains(&text.len()) && text.chars().all(name_char) {
        return Ok(text.into());
    }
    let shown = quoted(text);
    Err(format!(
        "{shown} is not a member name: use 1 to {MEMBER_NAME_LEN} of a-z, A-Z, 0-9, _, . and -"
    ))
}

/// `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`: words and a number.
pub(super) fn region(text: &str) -> Result<Region, String> {
    let fits = match text.rsplit_once('-') {
        Some((words, number)) => {
            digits(number)
                && number.len() <= 2
                && words.contains('-')
                && words.split('-').all(lowercase)
        }
        None => false,
    };
    if fits && text.len() <= 32 {
        return Ok(text.into());
    }
    Err(format!("{} is not a region such as `us-east-1`", quoted(text)))
}

pub(super) fn account(text: &str) -> Result<AccountId, String> {
    if text.len() == 12 && digits(text) {
        return Ok(text.into());
    }
    Err(format!("{} is not an account id: use its 12 digits", quoted(text)))
}

/// A role's ARN, `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`, with the account it names.
pub(super) fn role_arn(text: &str) -> Result<(String, AccountId), String> {
    let role_char = |c: char| name_char(c) || matches!(c, '/' | '+' | '=' | ',' | '@');
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let fits = match parts[..] {
        ["arn", partition, "iam", "", account, resource] => {
            let role = resource.strip_prefix("role/").unwrap_or_default();
            let named = !role.is_empty() && !role.ends_with('/') && role.chars().all(role_char);
            let partition = partition.starts_with("aws") && partition.split('-').all(lowercase);
            (named && partition && text.len() <= 2048).then_some(account)
        }
        _ => None,
    };
    match fits.and_then(|id| account(id).ok()) {
        Some(account) => Ok((text.to_owned(), account)),
        None => Err(format!(
            "{} is not a role's ARN such as `arn:aws:iam::123456789012:role/sgsync-peer`",
            quoted(text)
        )),
    }
}

/// An external id, as STS takes it (`AssumeRole`, parameter `ExternalId`).
pub(super) fn external_id(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if (2..=1224).contains(&text.len()) && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{} is not an external id: use 2 to 1224 letters, digits and `_+=,.@:/-`",
        quoted(text)
    ))
}

pub(super) fn security_group(text: &str) -> Result<SecurityGroupId, String> {
    target(text, "sg-", "a security group id")
}

pub(super) fn prefix_list(text: &str) -> Result<SecurityGroupId, String> {
    target(text, "pl-", "a prefix list's id")
}

fn target(text: &str, kind: &str, what: &str) -> Result<SecurityGroupId, String> {
    let id = text.strip_prefix(kind).unwrap_or_default();
    let hex = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hex && ID_LENGTHS.contains(&id.len()) {
        return Ok(text.into());
    }
    Err(format!("{} is not {what}: `{kind}` and 8 or 17 of 0-9 and a-f", quoted(text)))
}

pub(super) fn auto_scaling_group(text: &str) -> Result<AsgName, String> {
    let why = if text.is_empty() {
        "is empty"
    } else if text.chars().nth(255).is_some() {
        "is longer than 255 characters"
    } else if text.contains(':') {
        "has a colon, which Auto Scaling does not allow"
    } else if text.chars().any(char::is_control) {
        "has a control character"
    } else {
        return Ok(text.into());
    };
    Err(format!("{} is not an Auto Scaling group's name: it {why}", quoted(text)))
}

pub(super) fn table(text: &str) -> Result<String, String> {
    if (3..=255).contains(&text.len()) && text.chars().all(name_char) {
        return Ok(text.to_owned());
    }
    let shown = quoted(text);
    Err(format!(
        "{shown} is not a table name: DynamoDB takes 3 to 255 of a-z, A-Z, 0-9, _, . and -"
    ))
}

pub(super) fn protocol(text: &str) -> Result<Protocol, String> {
    // Through the number and back, so that `06` is tcp: EC2 would open all of a
    // protocol that it knows only by a number (`facts/aws.md`, Values).
    let text = match text.parse::<u8>() {
        Ok(number) if digits(text) => number.to_string(),
        _ => text.to_owned(),
    };
    let known = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    known.then(|| Protocol::parse(&text)).flatten().ok_or_else(|| {
        let hint = if text == "-1" { "; for every protocol write `all`" } else { "" };
        let shown = quoted(&text);
        format!("{shown} is not tcp, udp, icmp, icmpv6, all or a number from 0 to 255{hint}")
    })
}

/// `9042` or `7000-7001`.
pub(super) fn ports(text: &str) -> Result<(u16, u16), String> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|_| digits(text));
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (port(from), port(to)) {
        (Some(from), Some(to)) if from <= to => Ok((from, to)),
        (Some(_), Some(_)) => {
            Err(format!("{} runs backwards: write \"{to}-{from}\"", quoted(text)))
        }
        _ => Err(format!(
            "{} is not a port or a range of ports from 0 to 65535, such as \"9042\" or \"7000-7001\"",
            quoted(text)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_aws_spells_them_pass() {
        for text in
            ["us-east-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-12"]
        {
            assert!(region(text).is_ok(), "{text}");
        }
        for text in ["sg-01234567", "sg-0123456789abcdef0"] {
            assert!(security_group(text).is_ok(), "{text}");
            assert!(prefix_list(&text.replace("sg-", "pl-")).is_ok(), "{text}");
        }
        for text in [
            "arn:aws:iam::123456789012:role/r",
            "arn:aws-us-gov:iam::123456789012:role/a/b/r+=,.@-_",
        ] {
            assert_eq!(role_arn(text), Ok((text.to_owned(), "123456789012".into())));
        }
        for text in ["orders us/east (blue)", "é", &"a".repeat(255)] {
            assert!(auto_scaling_group(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn other_spellings_do_not() {
        for text in [
            "",
            "us-east",
            "east-1",
            "us-east-",
            "us-east-123",
            "US-east-1",
            "us--1",
            "us-east-1a",
            "us-ea1t-1",
        ] {
            assert!(region(text).is_err(), "{text}");
        }
        for text in [
            "",
            "sg-",
            "sg-0123456",
            "sg-012345678",
            "sg-0123456G",
            "sg-0123456A",
            "sgr-01234567",
            "pl-01234567",
        ] {
            assert!(security_group(text).is_err(), "{text}");
            assert!(prefix_list(&text.replace("pl-", "sg-")).is_err(), "{text}");
        }
        for text in [
            "",
            "arn:aws:iam::123456789012:user/u",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam::123456789012:role/a:b",
            "arn:aws:iam::12345678901:role/r",
            "arn:aws:iam:us-east-1:123456789012:role/r",
            "arn::iam::123456789012:role/r",
            "arn:aws1:iam::123456789012:role/r",
            "arn:cloud:iam::123456789012:role/r",
            "arn:aws:sts::123456789012:assumed-role/r",
        ] {
            assert!(role_arn(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_external_id_is_what_sts_takes() {
        for text in ["ab", "_+=,.@:/-", &"x".repeat(1224)] {
            assert_eq!(external_id(text), Ok(text.to_owned()));
        }
        for text in ["", "a", "a b", "a\u{e9}", "a*b", &"x".repeat(1225)] {
            assert!(external_id(text).is_err(), "{text}");
        }
        for text in ["", "a:b", "a\tb", "\u{7f}", &"a".repeat(256)] {
            assert!(auto_scaling_group(text).is_err(), "{text}");
        }
    }

    #[test]
    fn protocols_have_one_spelling_each() {
        for (text, expected) in [
            ("tcp", Some(Protocol::Tcp)),
            ("6", Some(Protocol::Tcp)),
            ("006", Some(Protocol::Tcp)),
            ("58", Some(Protocol::Icmpv6)),
            ("0", Some(Protocol::Number(0))),
            ("50", Some(Protocol::Number(50))),
            ("255", Some(Protocol::Number(255))),
            ("all", Some(Protocol::All)),
            ("256", None),
            ("-1", None),
            ("+6", None),
            ("TCP", None),
            ("", None),
        ] {
            assert_eq!(protocol(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn ports_are_one_or_a_range() {
        for (text, expected) in [
            ("9042", Some((9042, 9042))),
            ("7000-7001", Some((7000, 7001))),
            ("0-65535", Some((0, 65535))),
            ("7001-7000", None),
            ("65536", None),
            ("", None),
            ("-", None),
            ("-1", None),
            ("+1", None),
            ("1-", None),
            ("1-2-3", None),
            ("7000 - 7001", None),
            ("http", None),
        ] {
            assert_eq!(ports(text).ok(), expected, "{text}");
        }
    }
}
