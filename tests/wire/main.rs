//! Wire tests: the adapters and the real SDK clients against an HTTP server on this
//! machine. What goes out must be what AWS expects; what comes back is what AWS
//! documents, or what others saw it send (`facts/aws.md`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking, and so may what they share"
)]
#![allow(unreachable_pub, reason = "a test has no outside")]

mod bodies;
mod calls;
mod server;
mod wires;

mod audit;
mod codes;
mod connect;
mod facts;
mod groups;
mod groups_shapes;
mod hooks;
mod instances;
mod instances_shapes;
mod lists;
mod mirror_read;
mod mirror_shapes;
mod mirror_write;
mod operator;
mod role;
mod rules_answers;
mod rules_read;
mod rules_shapes;
mod rules_tag;
mod rules_write;
mod runs;
mod runs_hooks;
mod runs_reads;
mod runs_rules;
mod shapes;
mod transport;
