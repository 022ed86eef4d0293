//! The page as a whole: what it says, and that text of others does nothing in it.

#![expect(clippy::expect_used, reason = "tests fail by panicking, and so may what they share")]

use jiff::Timestamp;
use report::{Finding, Group, Health, Member, Quota, Reach, Rule, Severity, Snapshot};
use report::{Standing, Target, html};

fn three() -> Snapshot {
    serde_json::from_str(include_str!("meshes/three.json")).expect("a snapshot")
}

/// One tag a line, and without style and script, so that a difference is read as one.
fn readable(page: &str) -> String {
    let cut = |page: &str, tag: &str| {
        let (before, rest) = page.split_once(&format!("<{tag}>")).expect("a tag");
        let (_, after) = rest.split_once(&format!("</{tag}>")).expect("its end");
        format!("{before}<{tag}>…</{tag}>{after}")
    };
    cut(&cut(page, "style"), "script").replace("><", ">\n<")
}

#[test]
fn a_page_of_three_members_says_all_that_was_seen() {
    insta::assert_snapshot!(readable(&html(&three())));
}

#[test]
fn a_mesh_with_nothing_to_say_has_a_page_too() {
    let snapshot = Snapshot {
        members: Vec::new(),
        reach: Vec::new(),
        targets: Vec::new(),
        findings: Vec::new(),
        ..three()
    };
    insta::assert_snapshot!(readable(&html(&snapshot)));
}

/// A text that ends whatever it is put into, and begins what a browser would run.
const HOSTILE: &str = "x' onload='alert(1)' \"><script>alert(1)</script></title></style><svg onload=alert(1)>\
     <!-- ]]> &lt; \u{202e}";

/// Every text of a snapshot that comes from somewhere.
fn hostile() -> Snapshot {
    let text = || HOSTILE.to_owned();
    let at: Timestamp = "2026-11-20T08:00:00Z".parse().expect("a time");
    let member = |name: &str, health| Member {
        name: name.to_owned(),
        region: text(),
        account: Some(text()),
        health,
        groups: vec![Group { name: text(), instances: Some(1), observed_at: Some(at) }],
        security_groups: vec![text()],
    };
    let rule = Rule {
        id: Some(text()),
        traffic: text(),
        source: text(),
        standing: Standing::Foreign,
        member: Some(text()),
        instance: Some(text()),
        description: Some(text()),
    };
    Snapshot {
        mesh: text(),
        at,
        tool: text(),
        document: text(),
        members: vec![member(HOSTILE, Health::Live), member("b", Health::Stale)],
        reach: vec![
            Reach { from: text(), to: "b".to_owned(), traffic: vec![text()] },
            Reach { from: "b".to_owned(), to: text(), traffic: vec!["tcp 1".to_owned()] },
        ],
        targets: vec![Target {
            member: text(),
            region: text(),
            security_group: text(),
            quota: Some(Quota { ipv4: 1, ipv6: 0, limit: 60 }),
            rules: Some(vec![rule]),
        }],
        findings: vec![Finding { severity: Severity::Error, subject: text(), detail: text() }],
    }
}

/// The same with a word in the place of every hostile text: what the page's own markup is.
fn harmless() -> Snapshot {
    let json = serde_json::to_string(&hostile()).expect("JSON");
    let quoted = serde_json::to_string(HOSTILE).expect("JSON");
    serde_json::from_str(&json.replace(&quoted, "\"word\"")).expect("a snapshot")
}

/// The page's tags, with their attributes, as a browser would tell them from text.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag)).collect()
}

#[test]
fn text_of_others_makes_no_markup() {
    let page = html(&hostile());
    assert_eq!(tags(&page), tags(&html(&harmless())));
    // 21 texts, some of them at several places, one shortened everywhere.
    let escaped = "x' onload='alert(1)' &quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;";
    assert!(page.matches(escaped).count() > 20, "{}", page.matches(escaped).count());
    assert!(!page.contains('\u{202e}'));
}

#[test]
fn nothing_is_fetched_and_nothing_is_inline_but_what_the_policy_names() {
    let page = html(&three());
    for forbidden in ["http:", "https:", " style=", " onclick", "@import", "<link", "<img", "src="]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for url in page.match_indices("url(").map(|(place, _)| &page[place..]) {
        assert!(url.starts_with("url(#head)"), "{}", &url[..20]);
    }
    assert_eq!((page.matches("<script>").count(), page.matches("<style>").count()), (1, 1));
}

#[test]
fn what_makes_a_page_is_written_and_read_as_json() {
    let json = serde_json::to_string(&three()).expect("JSON");
    assert_eq!(serde_json::from_str::<Snapshot>(&json).expect("a snapshot"), three());
    assert!(serde_json::from_str::<Snapshot>(&json.replacen("\"mesh\"", "\"mash\"", 1)).is_err());
}
