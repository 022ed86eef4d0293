//! The `lifecycle` function: hook events in, hooks completed.

use lambda::{Role, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    serve(Role::Lifecycle).await
}
