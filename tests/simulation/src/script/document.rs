//! The mesh document of a shape.

use std::fmt::Write;

use super::Shape;

/// The regions that members are in, in order.
pub(super) const REGIONS: [&str; 8] = [
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-2",
    "eu-central-1",
    "sa-east-1",
    "ca-central-1",
    "ap-northeast-1",
];

impl Shape {
    /// The members' names.
    #[must_use]
    pub fn regions(&self) -> &'static [&'static str] {
        &REGIONS[..usize::try_from(self.members).unwrap_or(2).clamp(2, 8)]
    }

    /// The Auto Scaling groups of the member at this place.
    #[must_use]
    pub fn groups(&self, place: usize) -> Vec<String> {
        let first = format!("orders-{}", REGIONS[place]);
        let second = format!("{first}-b");
        if self.double == 1 && place == 0 { vec![first, second] } else { vec![first] }
    }

    /// How many addresses the cluster may have at once.
    #[must_use]
    pub fn crowd(&self) -> usize {
        let room = if self.limit > 0 { self.limit } else { 14 };
        usize::try_from(room.min(self.pool)).unwrap_or(8)
    }

    fn compact(&self) -> &'static str {
        ["off", "when-needed", "always"][usize::try_from(self.compact).unwrap_or(0).min(2)]
    }

    /// The mesh document.
    #[must_use]
    pub fn document(&self) -> String {
        let mut text = "name = \"orders-db\"\n".to_owned();
        let mut say = |line: String| {
            let _ = writeln!(text, "{line}");
        };
        let allowed = ["protocol = \"tcp\"\nports = \"7000-7001\"", "ports = \"self-reference\""];
        say(format!("[[allow]]\n{}", allowed[usize::from(self.base == 1)]));
        match self.allow {
            1 => say(format!("from = [\"{}\"]", REGIONS[0])),
            2 => say(format!(
                "[[allow]]\nprotocol = \"udp\"\nports = 53\nfrom = [\"{}\"]\nto = [\"{}\"]",
                REGIONS[0], REGIONS[1]
            )),
            _ => {}
        }
        for (place, region) in self.regions().iter().enumerate() {
            let groups = self.groups(place).join("\", \"");
            let count = if self.double == 1 && place == 0 { 2 } else { self.spread.max(1) };
            say(format!("[[member]]\nregion = \"{region}\"\nauto_scaling_groups = [\"{groups}\"]"));
            if self.lists < 2 {
                let ids: Vec<_> = (0..count).map(|n| format!("sg-{place:016x}{n:x}")).collect();
                say(format!("security_groups = [\"{}\"]", ids.join("\", \"")));
            }
            if self.lists > 0 {
                say(format!("prefix_lists = [\"pl-{place:016x}4\", \"pl-{place:016x}6\"]"));
            }
            if self.spread > 0 {
                say("spread = true".to_owned());
            }
        }
        match self.kinds {
            1 => say("[addresses]\nkinds = [\"public-ipv4\", \"ipv6\"]".to_owned()),
            2 => say("[addresses]\nkinds = [\"private-ipv4\"]".to_owned()),
            3 => say(link(&["private-ipv4"])),
            4 => say(link(&["private-ipv4", "ipv6", "ipv4-prefix", "ipv6-prefix"])),
            _ => {}
        }
        // Else so few rules that the guard would hold half of the removals.
        let guard = if self.guard == 1 { (1, 10) } else { (10, 100) };
        say(format!("[guard]\nmax_removals = {}\nmax_removal_percent = {}", guard.0, guard.1));
        say(format!("[limits]\ncompact = \"{}\"", self.compact()));
        if self.limit > 0 {
            // Beside the cluster's there are people's rules. Two ports need twice the room.
            let room = self.limit * if self.allow == 2 { 2 } else { 1 };
            let room = room.div_ceil(self.spread.max(1));
            say(format!("rules_per_group = {}", room + 4));
        }
        if self.lenient == 1 {
            say("[hooks]\non_launch_failure = \"continue\"".to_owned());
        }
        text
    }
}

/// Of these kinds from the first member to the second; public addresses between all others.
fn link(kinds: &[&str]) -> String {
    let (from, to, kinds) = (REGIONS[0], REGIONS[1], kinds.join("\", \""));
    format!("[[link]]\nfrom = [\"{from}\"]\nto = [\"{to}\"]\nkinds = [\"{kinds}\"]")
}
