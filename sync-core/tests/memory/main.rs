//! What reading hostile input may allocate, measured: at its peak no more than a stated
//! multiple of the input's length, and a constant. One test in a program of its own,
//! because everything that the program allocates counts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use peak_alloc::PeakAlloc;
use serde_json::{Value, json};
use sync_core::events::{Expected, read};
use sync_core::mesh::{Base, Compact, Mesh};
use sync_core::permission::{Protocol, Rule, Source, Traffic};
use sync_core::planner::{Policy, check, desired, plan};
use sync_core::ports::Item;
use sync_core::row::Rows;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What every kind of input may cost besides its length: messages, tables of keys.
const CONSTANT: usize = 1024 * 1024;

/// Bytes at the peak for each byte of a mesh document. The reader keeps a value of 32
/// bytes and a path for what can be two bytes of text, and the TOML parser its tokens
/// beside them. The longest document is 256 KiB: at most 65 MiB.
const PER_DOCUMENT_BYTE: usize = 256;

/// For each byte of an event's payload, which is a value already. A body is text inside
/// it and becomes a value again, twice where SNS wrapped it: two bytes of text can be a
/// value of 32 bytes, in a list with room for as many again.
const PER_EVENT_BYTE: usize = 160;

/// For each byte of a mirror's items as JSON, with the plan made of them: each address
/// becomes a permission for each `allow` entry, and one line of the plan.
const PER_ROW_BYTE: usize = 160;

/// For each rule of a group.
const PER_RULE: usize = 4 * 1024;

/// Most bytes that `work` holds at once, beyond what was held before it.
fn peak<T>(work: impl FnOnce() -> T) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let kept = work();
    let peak = ALLOCATOR.peak_usage();
    drop(kept);
    peak.saturating_sub(before)
}

/// Holds a peak against its bound and says how near it came.
fn hold(what: &str, units: usize, per_unit: usize, peak: usize) {
    let piece: String = what.chars().take(40).flat_map(char::escape_debug).collect();
    let share = peak.saturating_sub(CONSTANT) / units.max(1);
    println!("{peak:>10} bytes, {share:>4} per unit of {units:>7} (at most {per_unit}): {piece}");
    assert!(peak <= units * per_unit + CONSTANT, "{piece}: {peak} bytes for {units}");
}

fn policy(mesh: &Mesh) -> Policy {
    Policy {
        mesh: mesh.name.clone(),
        guard: mesh.guard,
        rules_per_group: mesh.limits.rules_per_group,
        compact: Compact::Off,
        departed: BTreeSet::new(),
        allow_removals: false,
    }
}

fn repeated(piece: &str, length: usize) -> String {
    piece.repeat(length / piece.len())
}

fn documents(length: usize) {
    let pieces = [
        "[",
        "{\"a\":",
        "a.",
        "[[a]]\n",
        "a = 1 1\n",
        "'",
        "\"",
        "\n",
        "x\n",
        "a=[1]\n",
        "\u{0}",
        "é",
        "[a.b.c]\n",
        "a={b={c=1}}\n",
        "[[member]]\n",
        "[[allow]]\n[[member]]\n",
        "\\u0000",
        "= ",
        "#",
    ];
    for piece in pieces {
        let text = repeated(piece, length);
        let peak = peak(|| Mesh::parse(&text).map_err(|invalid| invalid.to_string()));
        hold(piece, text.len(), PER_DOCUMENT_BYTE, peak);
    }
    let lists =
        [("allow", "0,"), ("member", "{},"), ("member", "[],"), ("x", "[[]],"), ("allow", "\"\",")];
    for (key, piece) in lists {
        for text in [
            format!("{{\"{key}\":[{}0]}}", repeated(piece, length - 64)),
            format!("{key} = [{}0]", repeated(&piece.replace("{}", "{a=1}"), length - 64)),
        ] {
            let peak = peak(|| Mesh::parse(&text).map_err(|invalid| invalid.to_string()));
            hold(&format!("{key}: {piece}"), text.len(), PER_DOCUMENT_BYTE, peak);
        }
    }
    let name = |at| format!("{{\"name\":\"{}{at}\"}},", "n".repeat(62));
    let names = (0..24).map(name).collect::<Vec<_>>().concat();
    let from = repeated("\"\",", length - 2600);
    let text = format!("{{\"member\":[{names}0],\"allow\":[{{\"from\":[{from}0]}}]}}");
    let peak = peak(|| Mesh::parse(&text).map_err(|invalid| invalid.to_string()));
    hold("names that nobody has", text.len(), PER_DOCUMENT_BYTE, peak);
}

fn events(length: usize) {
    let mesh = Mesh::parse(
        "name = \"orders-db\"\nallow = [{protocol = \"tcp\", ports = 7000}]\n\
         [[member]]\nregion = \"us-east-1\"\nsecurity_groups = [\"sg-00000001\"]\n",
    )
    .expect("a mesh");
    let expected = Expected { member: &mesh.members[0], account: None };
    for piece in ["0,", "{},", "[],", "\"\",", "[", "{\"a\":", "\"\\u0000\",", "x", "{\"a\":[]},"] {
        let list = format!("[{}0]", repeated(piece, length));
        let object = format!("{{\"trueup\":true,\"x\":{list}}}");
        for text in [list, object, repeated(piece, length)] {
            let topic = "arn:aws:sns:us-east-1:123456789012:t";
            let notified = json!({"TopicArn": topic, "Message": text});
            let sqs =
                |body: &str| json!({"eventSource": "aws:sqs", "messageId": "m", "body": body});
            let payloads = [
                json!({ "Records": [sqs(&text)] }),
                json!({ "Records": [{"EventSource": "aws:sns", "Sns": notified}] }),
                json!({ "Records": [sqs(&notified.to_string())] }),
                serde_json::from_str(&text).unwrap_or(Value::Null),
            ];
            for payload in payloads {
                let peak = peak(|| format!("{:?}", read(&payload, expected).messages));
                hold(piece, text.len(), PER_EVENT_BYTE, peak);
            }
        }
    }
}

fn rows(length: usize) {
    let mesh = Mesh::parse(
        "name = \"orders-db\"\nallow = [{protocol = \"tcp\", ports = 7000}]\n[[member]]\nregion = \"us-east-1\"\n\
         auto_scaling_groups = [\"blue\"]\nsecurity_groups = [\"sg-00000001\"]\n",
    )
    .expect("a mesh");
    let policy = policy(&mesh);
    let address = |n: usize| format!("54.{}.{}.{}/32", n >> 16 & 255, n >> 8 & 255, n & 255);
    let many: Vec<String> = (0..length / 20).map(address).collect();
    let each: Value =
        many.iter().enumerate().map(|(n, a)| (format!("i-{n:x}"), json!([a]))).collect();
    for (what, instances) in [
        ("one instance of many addresses", json!({"i-1": many})),
        ("many instances of one address", each),
        ("one address again and again", json!({"i-1": vec!["54.0.0.1/32"; length / 14]})),
        ("a long id", json!({"i".repeat(length): []})),
        ("a long address", json!({"i-1": ["5".repeat(length)]})),
        ("no addresses", json!({"i-1": vec![0; length / 2]})),
        ("no object", json!("x".repeat(length))),
    ] {
        let item = json!({"member": "us-east-1", "asg": "blue", "schema": 1, "version": 1, "writer": "w",
            "observed_at": "2026-11-20T08:15:04Z", "instances": instances});
        let length = item.to_string().len();
        let items: Vec<Item> = vec![item.as_object().expect("an item").clone()];
        let peak = peak(|| {
            let rows = Rows::read(&items, &mesh);
            let desired = desired(&mesh, &mesh.members[0], &rows, &Base::default());
            let plan = plan(&desired, &[], &policy);
            (
                check(&plan, &desired, &[], &policy),
                format!("{:?}", rows.stored.values().next()).len(),
            )
        });
        hold(what, length, PER_ROW_BYTE, peak);
    }
}

fn rules(count: usize) {
    let mesh = Mesh::parse(
        "name = \"orders-db\"\nallow = [{protocol = \"tcp\", ports = 7000}]\n[[member]]\nregion = \"us-east-1\"\n\
         security_groups = [\"sg-00000001\"]\n[guard]\nmax_removals = 0\nmax_removal_percent = 0\n",
    )
    .expect("a mesh");
    let rule = |number: usize, tag: &str, pages: usize| Rule {
        id: format!("sgr-{}", number / pages).as_str().into(),
        traffic: Traffic::new(Protocol::Tcp, Some(-1), None),
        source: Source::Group(format!("sg-{number}")),
        description: Some("d".repeat(255)),
        tags: [("sgsync:mesh".to_owned(), tag.to_owned())].into(),
    };
    for (what, tag, pages) in [
        ("foreign", "another", 1),
        ("owned", "orders-db", 1),
        ("in two ways", "orders-db", 2),
        ("one id", "x", 9999),
    ] {
        let actual: Vec<Rule> = (0..count).map(|number| rule(number, tag, pages)).collect();
        let desired = desired(&mesh, &mesh.members[0], &Rows::read(&[], &mesh), &Base::default());
        let policy = policy(&mesh);
        let peak = peak(|| {
            let plan = plan(&desired, &actual, &policy);
            check(&plan, &desired, &actual, &policy).expect("a plan that passes");
        });
        hold(what, count, PER_RULE, peak);
    }
}

#[test]
fn reading_costs_no_more_than_a_multiple_of_what_is_read() {
    for length in [4 * 1024, 64 * 1024, 256 * 1024] {
        documents(length);
    }
    for length in [4 * 1024, 64 * 1024] {
        events(length);
        rows(length);
    }
    // AWS grants a group at most a thousand.
    for count in [60, 1000] {
        rules(count);
    }
}
