//! Data that others read: cases, devices, benches, cards, events, results.
