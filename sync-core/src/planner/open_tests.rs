use super::*;

fn permission(port: u16, cidr: &str) -> Permission {
    use crate::permission::Protocol;
    Permission {
        traffic: Traffic::ports(Protocol::Tcp, port, port),
        cidr: cidr.parse().expect(cidr),
    }
}

fn open(cidrs: &[&str]) -> Open {
    Open::of(&cidrs.iter().map(|cidr| permission(1, cidr)).collect::<Vec<_>>())
}

#[test]
fn a_block_is_open_if_it_is_there_or_a_wider_one_or_all_of_its_parts() {
    let some = open(&["10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/31", "10.0.0.8/30", "2600::/127"]);
    for (cidr, expected) in [
        ("10.0.0.0/32", true),
        ("10.0.0.0/31", true),
        ("10.0.0.0/30", true),
        ("10.0.0.0/29", false),
        ("10.0.0.3/32", true),
        ("10.0.0.4/32", false),
        ("10.0.0.8/31", true),
        ("0.0.0.0/0", false),
        ("2600::1/128", true),
        ("2600::/126", false),
        ("::/0", false),
    ] {
        assert_eq!(some.admits(permission(1, cidr)), expected, "{cidr}");
        assert!(!some.admits(permission(2, cidr)), "{cidr} for other traffic");
    }
    let everything = open(&["0.0.0.0/1", "128.0.0.0/1"]);
    assert!(everything.admits(permission(1, "0.0.0.0/0")));
}

#[test]
fn the_parts_of_a_block_are_those_that_are_there() {
    let some = open(&["10.0.0.0/32", "10.0.0.2/31", "10.0.0.4/32", "10.0.0.0/24"]);
    let within =
        |cidr| some.within(permission(1, cidr)).map(|p| p.cidr.to_string()).collect::<Vec<_>>();
    assert_eq!(within("10.0.0.0/30"), ["10.0.0.0/32", "10.0.0.2/31"]);
    assert_eq!(within("10.0.0.0/24").len(), 4);
    assert_eq!(within("10.0.0.3/32"), [] as [&str; 0]);
}
