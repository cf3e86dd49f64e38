//! What a board gives to the validator.

/// Why the board started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetCause {
    /// Power came on.
    Power,
    /// Reset pin, debugger or [`Board::reset`].
    Reset,
    /// The watchdog bit.
    Watchdog,
}

/// The hardware under the validator.
///
/// All methods take `&self`: reader, console and memory are used side by side from one thread. A board without
/// an operating system works on registers and on ring buffers shared with its interrupts; a hosted one keeps
/// its state in cells. No method but [`sleep`](Board::sleep) and the two writes may block.
pub trait Board {
    /// Kind of board as in `firmware/boards`: `mps2-an386`, `sim`.
    fn name(&self) -> &'static str;

    /// Time since start, in us. Never runs backwards.
    fn now_us(&self) -> u64;

    /// Sleeps until `until_us` ([`now_us`](Board::now_us)'s scale), or until a byte has arrived on the console, on
    /// the air or on the uplink.
    ///
    /// "Has arrived" means: since the last `sleep` returned. So the board latches each arrival in its
    /// interrupt, and `sleep` takes the latch; a byte that came between the caller's last look and this call
    /// ends the sleep at once, and bytes that the caller left unread don't. May return early for no reason.
    fn sleep(&self, until_us: u64);

    /// The next byte from the console, if one is there. The board buffers 1 KiB or more.
    fn console_read(&self) -> Option<u8>;

    /// Sends bytes on the console; may block while the line is slower.
    fn console_write(&self, bytes: &[u8]);

    /// The next byte from the air (messages of [`wire::air`]), if one is there. The board buffers 512 bytes
    /// or more.
    fn air_read(&self) -> Option<u8>;

    /// Sends bytes on the air; may block while the line is slower.
    fn air_write(&self, bytes: &[u8]);

    /// Whether a line to an acquirer's host can be connected.
    fn has_uplink(&self) -> bool {
        false
    }

    /// Whether the board has a port for such a line, connected or not. It must never change: the layout of the memory depends on it.
    fn has_uplink_port(&self) -> bool {
        self.has_uplink()
    }

    /// The next byte from the acquirer's host, if one is there. The board buffers 2 KiB or more.
    fn uplink_read(&self) -> Option<u8> {
        None
    }

    /// Sends bytes to the acquirer's host. They are lost where no line is connected.
    fn uplink_write(&self, _bytes: &[u8]) {}

    /// Bytes of memory that keeps its content without power; 4 KiB or more.
    fn nvm_size(&self) -> usize;

    /// Reads `buffer.len()` bytes from `offset` on. The caller stays within [`nvm_size`](Board::nvm_size).
    fn nvm_read(&self, offset: usize, buffer: &mut [u8]);

    /// Writes bytes from `offset` on; they are safe when the call returns. A power cut in the middle may leave
    /// any part of them written. The caller stays within [`nvm_size`](Board::nvm_size).
    fn nvm_write(&self, offset: usize, bytes: &[u8]);

    /// The wall clock, in seconds since 1970-01-01T00:00:00 of local time; `None` until it was set.
    fn rtc(&self) -> Option<u64>;

    /// Sets the wall clock.
    fn set_rtc(&self, seconds: u64);

    /// A word that a card can't foresee: source of the unpredictable number (tag 9F37).
    fn entropy(&self) -> u32;

    /// The image in flash, from `__image_start` to `__image_end`; empty on a hosted board.
    fn image(&self) -> &[u8];

    /// Why the board started.
    fn reset_cause(&self) -> ResetCause;

    /// Restarts the board. Only a hosted board returns from it; [`run`](crate::run) then ends with
    /// [`End::Reset`](crate::End::Reset).
    fn reset(&self);

    /// True when a hosted board is asked to end; [`run`](crate::run) then returns
    /// [`End::Stopped`](crate::End::Stopped). A board in the field never stops.
    fn stopped(&self) -> bool {
        false
    }
}
