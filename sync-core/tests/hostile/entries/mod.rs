//! One entry for each kind of input that others write. Each takes bytes, hands them to
//! the code that reads such input, and panics if what comes out breaks a promise. Every
//! driver uses these: the property tests and the corpus here, and the fuzz targets.

pub mod bounds;
pub mod dice;
pub mod document;
pub mod event;
pub mod oracle;
pub mod rows;
pub mod rules;

/// What reads one kind of input.
pub type Entry = fn(&[u8]);
