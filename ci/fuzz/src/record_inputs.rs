//! The archive of inputs in a record from anywhere: read or refused.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use taprig_record::Inputs;

/// One input: a tar archive. It is compressed here, because a fuzzer would hardly ever find a valid checksum.
pub fn run(input: &[u8]) {
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    if packed.write_all(input).is_err() {
        return;
    }
    let Ok(packed) = packed.finish() else { return };
    if let Ok(inputs) = Inputs::unpack(packed.as_slice()) {
        // What can be read can be judged by: every criterion has an id.
        assert!(inputs.criteria.iter().all(|criteria| !format!("{criteria:?}").is_empty()));
    }
}
