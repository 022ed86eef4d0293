//! The `trueup` function: schedule and manual events in, report out.

use lambda::{Role, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    serve(Role::TrueUp).await
}
