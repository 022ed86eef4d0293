#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::entries::rules::entry(data));
