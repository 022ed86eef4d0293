//! Turns a snapshot, JSON on standard input, into a page on standard output: how the browser's
//! test (tests/page) gets the pages that it looks at.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    let snapshot = serde_json::from_reader(io::stdin())?;
    io::stdout().write_all(report::html(&snapshot).as_bytes())
}
