//! How a board starts. Boards and both sides of a bench need to know it.

/// How a board starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Its power came on, so it starts by itself.
    PoweredOn,
    /// Its power can't be switched, so it has been on the whole time.
    StillOn,
}
