//! taprig: the engine.
