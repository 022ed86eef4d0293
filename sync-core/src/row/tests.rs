use serde_json::json;

use super::*;

fn mesh() -> Mesh {
    Mesh::parse(
        "name = \"orders-db\"\nallow = [{protocol = \"tcp\", ports = 7000}]\n\
         [[member]]\nregion = \"us-east-1\"\nauto_scaling_groups = [\"blue\", \"green\"]\n",
    )
    .expect("a mesh")
}

fn key(asg: &str) -> RowKey {
    RowKey { member: "us-east-1".into(), asg: asg.into() }
}

fn row(version: u64) -> MemberRow {
    let observed_at = Timestamp::from_second(1_793_000_000).expect("a time");
    let addresses = BTreeSet::from(["54.0.0.1/32".parse().expect("a cidr")]);
    let instances = Instances::from([("i-1".into(), addresses)]);
    MemberRow::new(
        key("blue"),
        Version(version),
        observed_at,
        instances,
        "a run".to_owned(),
        mesh().hash,
    )
}

/// The item of a row after one attribute is changed, or taken out for null.
fn item(attribute: &str, value: Value) -> Item {
    let mut item = row(5).to_item();
    match value {
        Value::Null => drop(item.remove(attribute)),
        value => drop(item.insert(attribute.to_owned(), value)),
    }
    item
}

fn refusal(attribute: &str, value: Value) -> String {
    let refused = MemberRow::from_item(&item(attribute, value), &mesh());
    refused.expect_err(attribute).to_string()
}

#[test]
fn a_version_only_grows_and_is_never_behind_the_clock() {
    let now = Timestamp::from_millisecond(1000).expect("a time");
    for (old, next) in
        [(None, 1000), (Some(5), 1000), (Some(999), 1000), (Some(1000), 1001), (Some(7000), 7001)]
    {
        assert_eq!(Version::next(old.map(Version), now), Version(next), "{old:?}");
    }
    let before = Timestamp::from_second(-1).expect("a time");
    assert_eq!(Version::next(None, before), Version(0));
    assert_eq!(Version::next(Some(Version(u64::MAX)), now), Version(u64::MAX));
    assert_eq!((Version(7).number(), Version(7).to_string().as_str()), (7, "7"));
}

#[test]
fn a_row_is_stored_as_the_design_says_and_read_back() {
    let stored = json!({"member": "us-east-1", "asg": "blue", "version": 5, "schema": 1,
        "observed_at": "2026-10-26T07:33:20Z", "writer": "a run",
        "instances": {"i-1": ["54.0.0.1/32"]}, "document": mesh().hash});
    assert_eq!(Value::Object(row(5).to_item()), stored);
    assert_eq!(MemberRow::from_item(&row(5).to_item(), &mesh()), Ok(row(5)));
    assert_eq!(row(5).key(), key("blue"));
}

#[test]
fn what_is_no_row_of_this_schema_is_refused_and_says_why() {
    for (attribute, value, says) in [
        ("schema", json!(null), "the row has none"),
        ("schema", json!(2), "reads schema 1, the row has 2"),
        ("schema", json!("1"), "the row has \"1\""),
        ("version", json!(null), "missing field `version`"),
        ("version", json!(-1), "version: invalid value"),
        ("version", json!(1.0), "version: invalid type"),
        ("version", json!(1_000_000_000_000_001_u64), "beyond the year 30000"),
        ("observed_at", json!("yesterday"), "observed_at: "),
        ("instances", json!([]), "instances: invalid type"),
        ("more", json!(1), "unknown field `more`"),
    ] {
        let refusal = refusal(attribute, value.clone());
        assert!(refusal.contains(says), "{attribute} {value}: {refusal}");
    }
    let last = item("version", json!(1_000_000_000_000_000_u64));
    assert!(MemberRow::from_item(&last, &mesh()).is_ok());
}

#[test]
fn promise_7_what_the_mesh_could_not_have_written_is_refused_whole() {
    let unknown = "the mesh document names no such group";
    let wide = "is not one address of a kind this mesh admits";
    for (attribute, value, says) in [
        ("member", json!("us-west-2"), unknown),
        ("asg", json!("red"), unknown),
        ("instances", json!({"i-1": ["54.0.0.1/32", "0.0.0.0/0"]}), wide),
        ("instances", json!({"i-1": ["10.0.0.1/32"]}), wide),
        ("instances", json!({"i-1": ["2600::1/128"]}), wide),
        ("instances", json!({"i-1": ["54.0.0.1"]}), "is not an address block"),
        ("instances", json!({"x": ["54.0.0.1/32"]}), "`x` is no instance id"),
        ("instances", json!({"x\n": []}), "`x\\n` is no instance id"),
    ] {
        let refusal = refusal(attribute, value.clone());
        assert!(refusal.contains(says), "{attribute} {value}: {refusal}");
    }
}

#[test]
fn a_refusal_repeats_a_bounded_part_of_the_row() {
    let long = "x\n".repeat(100_000);
    for (attribute, value) in [
        ("schema", json!(long)),
        ("version", json!(long)),
        ("observed_at", json!(long)),
        ("member", json!(long)),
        ("asg", json!(long)),
        ("instances", json!({ long.as_str(): [] })),
        ("instances", json!({ "i-1": [long] })),
        (long.as_str(), json!(1)),
    ] {
        let refusal = refusal(attribute, value);
        assert!(refusal.len() < 600 && !refusal.contains('\n'), "{refusal}");
    }
}

#[test]
fn a_reading_has_every_key_and_names_the_strays() {
    let refused = item("schema", json!(9));
    let elsewhere = item("asg", json!("red"));
    let rows = Rows::read(&[refused, elsewhere], &mesh());
    assert_eq!(rows.stored.keys().collect::<Vec<_>>(), [&key("blue"), &key("green")]);
    assert_eq!(rows.stored[&key("green")], Stored::Missing);
    let Stored::Rejected { why, version } = &rows.stored[&key("blue")] else { panic!("{rows:?}") };
    assert_eq!((why, version), (&RowRejected::Schema("9".to_owned()), &Some(json!(5))));
    assert_eq!(rows.strays.len(), 1);
    assert_eq!((rows.row(&key("blue")), rows.row(&key("green"))), (None, None));
    let rows = Rows::read(&[row(5).to_item()], &mesh());
    assert_eq!(rows.row(&key("blue")), Some(&row(5)));
    assert!(rows.strays.is_empty());
    assert_eq!(Rows::read(&[item("member", json!(7))], &mesh()).strays.len(), 1);
}

#[test]
fn a_row_laid_over_takes_the_place_of_what_was_read() {
    let mut rows = Rows::read(&[row(5).to_item()], &mesh());
    rows.overlay(row(6));
    assert_eq!(rows.row(&key("blue")), Some(&row(6)));
    let mut none = Rows::default();
    none.overlay(row(6));
    assert_eq!(none.row(&key("blue")).map(|row| row.version), Some(Version(6)));
}
