//! QEMU's gdbstub as a probe-rs debug probe, and emulated boards whose flash outlives them.
