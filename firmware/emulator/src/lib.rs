//! Card emulator: ISO/IEC 14443-3A and -4 card side, relay to the host.
#![no_std]
