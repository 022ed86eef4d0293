//! The mesh document of a shape.

use std::fmt::Write;

use super::Shape;

/// The regions that members are in, in order.
pub(super) const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2"];

impl Shape {
    /// The members' names.
    #[must_use]
    pub fn regions(&self) -> &'static [&'static str] {
        &REGIONS[..usize::try_from(self.members).unwrap_or(2).clamp(2, 4)]
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

    /// The mesh document.
    #[must_use]
    pub fn document(&self) -> String {
        let mut text = "name = \"orders-db\"\n".to_owned();
        let mut say = |line: String| {
            let _ = writeln!(text, "{line}");
        };
        say("[[allow]]\nprotocol = \"tcp\"\nports = \"7000-7001\"".to_owned());
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
            let second = format!("\", \"sg-{:017x}", place + 16);
            let second = if self.double == 1 && place == 0 { second } else { String::new() };
            say(format!(
                "[[member]]\nregion = \"{region}\"\nauto_scaling_groups = [\"{groups}\"]\n\
                 security_groups = [\"sg-{place:017x}{second}\"]"
            ));
        }
        match self.kinds {
            1 => say("[addresses]\nkinds = [\"public-ipv4\", \"ipv6\"]".to_owned()),
            2 => say("[addresses]\nkinds = [\"private-ipv4\"]".to_owned()),
            _ => {}
        }
        // Else so few rules that the guard would hold half of the removals.
        let guard = if self.guard == 1 { (1, 10) } else { (10, 100) };
        say(format!("[guard]\nmax_removals = {}\nmax_removal_percent = {}", guard.0, guard.1));
        if self.limit > 0 {
            // Beside the cluster's there are people's rules. Two ports need twice the room.
            let room = self.limit * if self.allow == 2 { 2 } else { 1 };
            say(format!("[limits]\nrules_per_group = {}", room + 4));
        }
        if self.lenient == 1 {
            say("[hooks]\non_launch_failure = \"continue\"".to_owned());
        }
        text
    }
}
