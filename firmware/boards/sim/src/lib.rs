//! The two firmwares as processes on the host.
