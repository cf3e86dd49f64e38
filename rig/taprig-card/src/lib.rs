//! The emulated card: image, personalisation, application, faults; no I/O.
