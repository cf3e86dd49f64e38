//! What the emulator needs of a board.

/// A board that carries a card emulator.
///
/// All methods take `&self`, as the validator's board does, so that one type can be both. Bytes that arrive while the firmware does other things must be kept: 2 KiB in each direction are enough.
pub trait CardBoard {
    /// How long the host may think before the card asks the reader for more time, in us of [`CardBoard::now_us`].
    ///
    /// On the modelled air the reader's clock is only a guard of 1.5 s against a dead emulator, so that the default
    /// stays well below that and well above what a busy host machine needs: S(WTX) that the host's load brings about would
    /// make two runs of a case differ. A board with a real antenna takes less than the frame waiting time that the
    /// card's ATS announces.
    const PATIENCE_US: u64 = 750_000;

    /// Kind of board, as its folder in `firmware/boards` is called.
    fn name(&self) -> &'static str;

    /// The image in flash, for the digest; empty where there is none (hosted).
    fn image(&self) -> &[u8];

    /// Time since the board started, in us.
    fn now_us(&self) -> u64;

    /// Sleeps until the clock reads `until_us`, or until a byte has arrived from host or reader since the last `sleep`
    /// returned, whichever is first. May return early for no reason. `u64::MAX`: no deadline.
    fn sleep(&self, until_us: u64);

    /// The next byte from the host, if there is one.
    fn link_read(&self) -> Option<u8>;

    /// Sends bytes to the host.
    fn link_write(&self, bytes: &[u8]);

    /// Sends bytes for which the host does not wait. A board may keep them for a moment, or until it sends others, in order.
    fn link_write_later(&self, bytes: &[u8]) {
        self.link_write(bytes);
    }

    /// The next byte from the reader, if there is one.
    fn air_read(&self) -> Option<u8>;

    /// How long a byte is on the UART to the reader, in ns. 0: as long as the host takes (hosted and emulated boards).
    fn air_byte_ns(&self) -> u32 {
        0
    }

    /// When the reader's last message was complete, on the board's clock in us. A board that notes this as the last byte
    /// arrives is exact even if the firmware was busy; others tell when they are asked.
    fn air_heard_us(&self) -> u64 {
        self.now_us()
    }

    /// Sends bytes to the reader.
    fn air_write(&self, bytes: &[u8]);

    /// True when a hosted board is asked to end. A board with a processor of its own never stops.
    fn stopped(&self) -> bool {
        false
    }
}
