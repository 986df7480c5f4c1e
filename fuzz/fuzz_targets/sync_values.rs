#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    gort::__fuzzing::seed();
    gort_fuzz::sync_values::run(data);
});
