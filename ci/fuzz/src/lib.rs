//! Fuzz targets: everything that reads bytes from outside.
//!
//! What a target does with one input is a function here, for two uses: libFuzzer calls it from `targets/`, which needs
//! the feature `libfuzzer`, and the tests call it with every input of `corpus/`, on any compiler.

pub mod acquirer_message;
pub mod adapter_messages;
pub mod case_file;
pub mod clearing_file;
pub mod decode;
pub mod emulator_air;
pub mod gdb_packets;
pub mod kernel_card;
pub mod pn532_frames;
pub mod record_inputs;
pub mod rules_console;
pub mod seal_sums;
pub mod terminal_message;
pub mod validator_console;
pub mod vpcd_messages;
pub mod wire_messages;

/// What is called with one input.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: [(&str, Target); 16] = [
    ("acquirer_message", acquirer_message::run),
    ("adapter_messages", adapter_messages::run),
    ("case_file", case_file::run),
    ("clearing_file", clearing_file::run),
    ("decode", decode::run),
    ("emulator_air", emulator_air::run),
    ("gdb_packets", gdb_packets::run),
    ("kernel_card", kernel_card::run),
    ("pn532_frames", pn532_frames::run),
    ("record_inputs", record_inputs::run),
    ("rules_console", rules_console::run),
    ("seal_sums", seal_sums::run),
    ("terminal_message", terminal_message::run),
    ("validator_console", validator_console::run),
    ("vpcd_messages", vpcd_messages::run),
    ("wire_messages", wire_messages::run),
];
