//! Inputs as they should be.

use serde_json::{Value, json};

use crate::entries::event::wrapped;

/// Every key there is.
const DOCUMENT: &str = r#"
name = "orders-db"
foreign = "report"

[[allow]]
protocol = "tcp"
ports = 9042
from = ["east-blue"]
to = ["us-west-2", "east-blue"]

[[allow]]
protocol = 50

[[allow]]
protocol = "icmpv6"

[[member]]
name = "east-blue"
region = "us-east-1"
auto_scaling_groups = ["orders blue", "orders green"]
security_groups = ["sg-01234567"]
table = "orders.mirror_1"
account = "012345678901"
role_arn = "arn:aws:iam::012345678901:role/sgsync/peer"
external_id = "our-mesh"

[[member]]
region = "us-west-2"
security_groups = ["sg-0fedcba9876543210"]

[addresses]
kinds = ["private-ipv4", "ipv6"]

[guard]
max_removals = 0
max_removal_percent = 100

[limits]
rules_per_group = 100
peer_budget_ms = 2500
stale_after_minutes = 45

[hooks]
on_launch_failure = "continue"
"#;

pub fn documents() -> Vec<String> {
    let json = json_documents().into_iter().map(|document| document.to_string());
    json.chain([DOCUMENT.to_owned()]).collect()
}

pub fn json_documents() -> Vec<Value> {
    let member = |region: &str, id: &str| {
        json!({"region": region, "auto_scaling_groups": [format!("orders-{region}")],
            "security_groups": [id]})
    };
    let members = [member("us-east-1", "sg-00000001"), member("us-west-2", "sg-00000002")];
    let allow = json!([{"protocol": "tcp", "ports": "7000-7001"}]);
    let more = json!([{"protocol": "udp", "ports": 53, "from": ["us-east-1"], "to": ["us-west-2"]},
        {"protocol": "icmp"}, {"protocol": 50}]);
    vec![
        json!({"name": "orders-db", "allow": allow, "member": members}),
        json!({"name": "x", "allow": more, "member": members, "foreign": "report",
            "addresses": {"kinds": ["public-ipv4"]}, "hooks": {"on_launch_failure": "abandon"},
            "guard": {"max_removals": 1}, "limits": {"rules_per_group": 5},
            "link": [{"from": ["us-east-1"], "to": ["us-west-2"], "kinds": ["ipv6", "ipv4-prefix"]},
                {"from": ["us-west-2"], "kinds": ["private-ipv4"]}]}),
    ]
}

macro_rules! bodies {
    ($($name:literal)*) => {
        [$(include_str!(concat!("../../events/", $name, ".json"))),*]
    };
}

/// Every event body there is, bare and in every wrapping.
pub fn events() -> Vec<Value> {
    let bodies = bodies!(
        "autoscaling-flat-launch" "autoscaling-flat-test" "autoscaling-notification"
        "cloudtrail-authorize" "cloudtrail-authorize-failed" "cloudtrail-modify" "cloudtrail-revoke"
        "eventbridge-detach-successful" "eventbridge-launch" "eventbridge-launch-successful"
        "eventbridge-launch-unsuccessful" "eventbridge-replace-root-volume"
        "eventbridge-state-change" "eventbridge-terminate" "eventbridge-terminate-successful"
        "scheduled-rule" "scheduler-default" "trueup-manual"
    );
    let mut events = Vec::new();
    for body in bodies {
        events.push(serde_json::from_str(body).expect("a body"));
        events.extend(wrapped(body));
    }
    events
}

/// The items of a full mirror, for each of the meshes that read them.
pub fn items() -> Vec<Value> {
    let item = |member: &str, asg: &str, instances: Value| {
        json!({"member": member, "asg": asg, "schema": 1, "version": 1_793_000_000_000_u64,
            "writer": "lifecycle 8f4e", "observed_at": "2026-11-20T08:15:04Z", "instances": instances})
    };
    vec![
        json!([
            item(
                "us-east-1",
                "blue",
                json!({"i-017425ec54f22f994": ["54.0.0.1/32", "54.0.0.2/32"]})
            ),
            item("us-east-1", "green", json!({"i-0a": ["54.0.0.3/32"], "i-0b": []})),
            item("us-west-2", "blue", json!({"i-0c": ["54.0.0.4/32"]})),
        ]),
        json!([
            item("us-east-1", "blue", json!({"i-0d": ["10.0.0.1/32", "2600:1f18::1/128"]})),
            item("us-east-1", "green", json!({})),
            item("us-west-2", "blue", json!({"i-0e": ["10.0.0.9/32", "2600:1F18:0::2/128"]})),
        ]),
        json!([
            item("us-east-1", "blue", json!({"i-0f": ["10.0.0.16/28", "2600:1f18:0:0:5::/80"]})),
            item("us-east-1", "green", json!({"i-1a": ["10.0.0.32/28"]})),
            item("us-west-2", "blue", json!({"i-1b": ["10.0.0.48/28"]})),
        ]),
    ]
}
