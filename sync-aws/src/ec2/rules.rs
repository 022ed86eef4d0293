//! Rules as EC2 writes them.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, ResourceType, SecurityGroupRule, Tag, TagSpecification,
};
use sync_core::names::RuleId;
use sync_core::permission::{Permission, Protocol, Rule, Source, Traffic};

/// The longest description, and what it may hold besides letters and digits
/// (`facts/aws.md`, Values).
const DESCRIPTION_LEN: usize = 255;
const DESCRIPTION_MARKS: &str = " ._-:/()#,@[]+=&;{}!$*";

/// Reads a described rule.
///
/// # Errors
/// Says which part of it we do not understand. The caller gives up the whole read: a
/// rule left out would count as gone.
pub(super) fn rule(described: &SecurityGroupRule) -> Result<Rule, String> {
    let id = described.security_group_rule_id().ok_or("a rule without an id")?;
    let name = described.ip_protocol().unwrap_or_default();
    let protocol =
        Protocol::parse(name).ok_or_else(|| format!("{id}: `{name}` is no protocol we know"))?;
    let tag = |tag: &Tag| {
        (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned())
    };
    Ok(Rule {
        id: RuleId::new(id),
        traffic: Traffic::new(protocol, described.from_port(), described.to_port()),
        source: source(described).map_err(|problem| format!("{id}: {problem}"))?,
        description: described.description().map(str::to_owned),
        tags: described.tags().iter().map(tag).collect(),
    })
}

fn source(described: &SecurityGroupRule) -> Result<Source, String> {
    let group = described.referenced_group_info().and_then(|info| info.group_id());
    match (described.cidr_ipv4().or(described.cidr_ipv6()), described.prefix_list_id(), group) {
        (Some(cidr), None, None) => cidr.parse().map(Source::Cidr).map_err(|e| format!("{e}")),
        (None, Some(list), None) => Ok(Source::PrefixList(list.to_owned())),
        (None, None, Some(group)) => Ok(Source::Group(group.to_owned())),
        _ => Err("not exactly one source that we know".to_owned()),
    }
}

/// One entry for each protocol and port range, with all its addresses. A permission
/// that stands twice is sent once: EC2 refuses the whole request for it.
pub(super) fn ip_permissions(permissions: &[(Permission, String)]) -> Vec<IpPermission> {
    let mut by_traffic: BTreeMap<Traffic, BTreeMap<_, &str>> = BTreeMap::new();
    for (permission, description) in permissions {
        by_traffic.entry(permission.traffic).or_default().insert(permission.cidr, description);
    }
    let entry = |(traffic, ranges): (Traffic, BTreeMap<_, &str>)| {
        let ports = traffic.ec2_ports();
        let mut entry = IpPermission::builder()
            .ip_protocol(traffic.protocol().ec2_name())
            .set_from_port(ports.map(|(from, _)| from))
            .set_to_port(ports.map(|(_, to)| to));
        for (cidr, text) in ranges {
            let (cidr, text): (sync_core::cidr::Cidr, _) = (cidr, description(text));
            entry = if cidr.is_ipv4() {
                let range = IpRange::builder().cidr_ip(cidr.to_string()).set_description(text);
                entry.ip_ranges(range.build())
            } else {
                let range = Ipv6Range::builder().cidr_ipv6(cidr.to_string()).set_description(text);
                entry.ipv6_ranges(range.build())
            };
        }
        entry.build()
    };
    by_traffic.into_iter().map(entry).collect()
}

/// Tags for every rule of one call.
pub(super) fn tag_specifications(tags: &BTreeMap<String, String>) -> Option<Vec<TagSpecification>> {
    let specification = TagSpecification::builder()
        .resource_type(ResourceType::SecurityGroupRule)
        .set_tags(Some(self::tags(tags)))
        .build();
    (!tags.is_empty()).then(|| vec![specification])
}

/// Tags as EC2 takes them.
pub(super) fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// A description that EC2 takes: what it does not allow becomes `_`.
fn description(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || DESCRIPTION_MARKS.contains(c);
    let cut = text.chars().take(DESCRIPTION_LEN);
    (!text.is_empty()).then(|| cut.map(|c| if allowed(c) { c } else { '_' }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::ReferencedSecurityGroup;
    use aws_sdk_ec2::types::builders::SecurityGroupRuleBuilder;

    fn tcp() -> SecurityGroupRuleBuilder {
        let rule = SecurityGroupRule::builder().security_group_rule_id("sgr-1").ip_protocol("tcp");
        rule.from_port(22).to_port(22)
    }

    #[test]
    fn every_kind_of_source_is_read() {
        let group = ReferencedSecurityGroup::builder().group_id("sg-9").user_id("1").build();
        for (described, text) in [
            (tcp().cidr_ipv4("100.68.0.18/18"), "tcp 22 100.68.0.0/18"),
            (tcp().cidr_ipv6("2001:DB8::7/128"), "tcp 22 2001:db8::7/128"),
            (tcp().prefix_list_id("pl-1"), "tcp 22 pl-1"),
            (tcp().referenced_group_info(group), "tcp 22 sg-9"),
        ] {
            assert_eq!(rule(&described.build()).map(|rule| rule.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_cannot_be_read_in_full_is_an_error() {
        for (described, problem) in [
            (tcp(), "sgr-1: not exactly one source that we know"),
            (
                tcp().cidr_ipv4("1.2.3.4/32").prefix_list_id("pl-1"),
                "sgr-1: not exactly one source that we know",
            ),
            (
                tcp().cidr_ipv4("nonsense"),
                "sgr-1: `nonsense` is not an address block such as 198.51.100.7/32 or 2001:db8::7/128",
            ),
            (
                tcp().cidr_ipv4("1.2.3.4/32").ip_protocol("quic"),
                "sgr-1: `quic` is no protocol we know",
            ),
            (SecurityGroupRule::builder(), "a rule without an id"),
        ] {
            assert_eq!(rule(&described.build()).expect_err(problem), problem);
        }
    }

    #[test]
    fn a_description_is_cut_to_what_ec2_takes() {
        for (text, taken) in [
            ("sgsync orders-db i-1", Some("sgsync orders-db i-1".to_owned())),
            ("<é>\n", Some("____".to_owned())),
            ("", None),
            (&"x".repeat(300), Some("x".repeat(255))),
        ] {
            assert_eq!(description(text), taken);
        }
    }

    #[test]
    fn one_entry_for_each_port_range_and_each_permission_once() {
        let permission = |protocol: &str, port: u16, cidr: &str| Permission {
            traffic: Traffic::ports(Protocol::parse(protocol).expect(protocol), port, port),
            cidr: cidr.parse().expect(cidr),
        };
        let entries = ip_permissions(&[
            (permission("tcp", 22, "1.2.3.4/32"), "a".to_owned()),
            (permission("tcp", 22, "1.2.3.4/32"), "b".to_owned()),
            (permission("tcp", 22, "2001:db8::7/128"), "c".to_owned()),
            (permission("tcp", 23, "1.2.3.4/32"), "d".to_owned()),
            (permission("all", 0, "1.2.3.4/32"), "e".to_owned()),
        ]);
        let shapes: Vec<_> = entries
            .iter()
            .map(|e| (e.ip_protocol(), e.from_port(), e.ip_ranges().len(), e.ipv6_ranges().len()))
            .collect();
        assert_eq!(
            shapes,
            [
                (Some("-1"), None, 1, 0),
                (Some("tcp"), Some(22), 1, 1),
                (Some("tcp"), Some(23), 1, 0),
            ]
        );
    }
}
