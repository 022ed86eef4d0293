//! Audit lines, as a JSON subscriber writes them.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sync_aws::TracingAuditLog;
use sync_core::ports::{AuditLine, AuditLog};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the lines").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn promise_8_a_change_is_one_json_line_with_every_part() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let line = AuditLine {
        who: "lifecycle 1".to_owned(),
        trigger: "lifecycle",
        member: "us-east-1".into(),
        instance: Some("i-1".into()),
        action: "authorize",
        target: "us-west-2 sg-1".to_owned(),
        permission: None,
        before: "absent".to_owned(),
        after: "sgr-1".to_owned(),
        aws_request_id: Some("r-1".to_owned()),
    };
    tracing::subscriber::with_default(subscriber, || TracingAuditLog.write(&line));

    let text = String::from_utf8(lines.0.lock().expect("the lines").clone()).expect("text");
    let mut written: Value = serde_json::from_str(&text).expect("one JSON line");
    assert_eq!(written["target"], "audit");
    let fields = written["fields"].as_object_mut().expect("fields");
    fields.remove("message");
    assert_eq!(Value::Object(fields.clone()), serde_json::to_value(&line).expect("JSON"));
    assert_eq!(fields["instance"], json!("i-1"));
}
