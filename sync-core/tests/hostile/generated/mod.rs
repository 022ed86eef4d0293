//! Inputs made here: valid ones, changed in one place or several, and plain noise.

mod changes;
mod valid;

use std::fmt;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::entries::{Entry, document, event, rows, rules};
use changes::{changed_text, changed_value, noise};

/// Inputs of each kind, unless `SGSYNC_CASES` says otherwise.
const CASES: u32 = 100;

#[expect(clippy::disallowed_methods, reason = "how long to try is the caller's choice")]
fn cases() -> u32 {
    std::env::var("SGSYNC_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

/// Bytes, shown such that they can be kept as a file of the corpus: `printf` takes them.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes: {}", self.0.len(), self.0.escape_ascii())
    }
}

/// Runs an entry over inputs; a failing one is made smaller and shown.
fn drive(inputs: impl Strategy<Value = Vec<u8>>, entry: Entry) {
    let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&inputs.prop_map(Input), |input| {
        entry(&input.0);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[test]
fn no_mesh_document_breaks_anything() {
    drive(changed_text(valid::documents()), document::entry);
    drive(changed_value(valid::json_documents()), document::entry);
    drive(noise(), document::entry);
}

#[test]
fn no_event_breaks_anything() {
    drive(changed_value(valid::events()), event::entry);
    drive(changed_text(valid::events().iter().map(ToString::to_string).collect()), event::entry);
    drive(noise(), event::entry);
}

#[test]
fn no_row_breaks_anything() {
    drive(changed_value(valid::items()), rows::entry);
    drive(changed_text(valid::items().iter().map(ToString::to_string).collect()), rows::entry);
}

#[test]
fn no_rules_break_anything() {
    drive(prop::collection::vec(any::<u8>(), 0..900), rules::entry);
}

/// A valid input must get through, or the tests above try nothing but refusals.
#[test]
fn what_is_changed_was_valid() {
    let member = event::member();
    for body in valid::events() {
        let expected = sync_core::events::Expected { member: &member, account: None };
        for message in sync_core::events::read(&body, expected).messages {
            assert!(message.event.is_ok(), "{body}: {:?}", message.event);
        }
    }
    for text in valid::documents() {
        assert!(sync_core::mesh::Mesh::parse(&text).is_ok(), "{text}");
    }
    for document in valid::json_documents() {
        assert!(sync_core::mesh::Mesh::parse(&document.to_string()).is_ok(), "{document}");
    }
    let believed = |(mesh, _): &(sync_core::mesh::Mesh, _)| {
        let read = |items: &serde_json::Value| {
            let items: Vec<sync_core::ports::Item> =
                serde_json::from_value(items.clone()).expect("items");
            let rows = sync_core::row::Rows::read(&items, mesh);
            rows.stored.values().filter(|stored| stored.row().is_some()).count()
        };
        valid::items().iter().map(read).max()
    };
    assert!(rows::meshes().iter().all(|mesh| believed(mesh) == Some(3)));
}
