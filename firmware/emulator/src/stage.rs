//! The stages of a card, from the first frame on.

/// Where a card is between two frames. A front end that answers anticollision by itself has to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It listens for REQA and WUPA, or takes part in anticollision.
    Idle,
    /// The reader has selected it.
    Selected,
    /// It has answered RATS: blocks are exchanged.
    Blocks,
    /// It listens for WUPA alone.
    Halted,
    /// It says nothing any more ([`Fault::Mute`](wire::link::Fault::Mute)).
    Mute,
}
