//! Registers of the peripheral, by their offset (nRF52840 Product Specification, NFCT), and what stands for them.

use core::sync::atomic::AtomicU8;

/// A register, by its offset from the peripheral's base address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register(pub u16);

/// Tasks: writing 1 does it.
pub mod task {
    use super::Register;
    /// Frames come and go from now on.
    pub const ACTIVATE: Register = Register(0x000);
    /// Nothing is heard, not even the field.
    pub const DISABLE: Register = Register(0x004);
    /// The field is looked for.
    pub const SENSE: Register = Register(0x008);
    /// Sends the frame, when FRAMEDELAYMODE says.
    pub const STARTTX: Register = Register(0x00C);
    /// Takes back STARTTX as long as the frame has not begun. The specification does not list it; Nordic's own driver
    /// (nrfx) uses it on the nRF52 for this purpose.
    pub const STOPTX: Register = Register(0x010);
    /// The next frame goes to the receive buffer.
    pub const ENABLERXDATA: Register = Register(0x01C);
    /// Back to IDLE: listens for REQA and WUPA.
    pub const GOIDLE: Register = Register(0x024);
    /// Back to SLEEP_A: listens for WUPA alone.
    pub const GOSLEEP: Register = Register(0x028);
}

/// Events: 1 when it happened, 0 is written to clear it.
pub mod event {
    use super::Register;
    /// There is a field.
    pub const FIELDDETECTED: Register = Register(0x104);
    /// There is none any more.
    pub const FIELDLOST: Register = Register(0x108);
    /// The first symbol of a frame goes out.
    pub const TXFRAMESTART: Register = Register(0x10C);
    /// The last symbol has gone out.
    pub const TXFRAMEEND: Register = Register(0x110);
    /// A frame is in the receive buffer, and checked.
    pub const RXFRAMEEND: Register = Register(0x118);
    /// ERRORSTATUS tells.
    pub const ERROR: Register = Register(0x11C);
    /// FRAMESTATUS.RX tells.
    pub const RXERROR: Register = Register(0x128);
    /// Anticollision is over: the reader has selected the card.
    pub const SELECTED: Register = Register(0x14C);

    /// All of these.
    pub const ALL: [Register; 8] =
        [FIELDDETECTED, FIELDLOST, TXFRAMESTART, TXFRAMEEND, RXFRAMEEND, ERROR, RXERROR, SELECTED];
}

/// Enables interrupts, a bit an event.
pub const INTENSET: Register = Register(0x304);
/// Disables them.
pub const INTENCLR: Register = Register(0x308);
/// The events after which the firmware has something to do.
pub const INTERRUPTS: u32 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 19;

/// What went wrong; a 1 clears a bit.
pub const ERRORSTATUS: Register = Register(0x404);
/// No frame was started before FRAMEDELAYMAX.
pub const FRAMEDELAYTIMEOUT: u32 = 1 << 0;
/// What is wrong with the last frame of the reader; a 1 clears a bit.
pub const FRAMESTATUS_RX: Register = Register(0x40C);
/// CRC or end of frame, parity, overrun.
pub const FRAME_ERRORS: u32 = 1 << 0 | 1 << 2 | 1 << 3;
/// What the peripheral is doing.
pub const NFCTAGSTATE: Register = Register(0x410);
/// A frame of the reader is coming in.
pub const RECEIVING: u32 = 4;
/// Bit 0: a field is there; bit 1: the receiver has locked to it.
pub const FIELDPRESENT: Register = Register(0x43C);

/// Earliest start of a frame after the reader's, in 13.56 MHz clocks. 16 bits.
pub const FRAMEDELAYMIN: Register = Register(0x504);
/// Latest start, or the only one. 20 bits.
pub const FRAMEDELAYMAX: Register = Register(0x508);
/// The greatest value of FRAMEDELAYMAX.
pub const LONGEST_DELAY: u32 = 0xF_FFFF;
/// What the two mean.
pub const FRAMEDELAYMODE: Register = Register(0x50C);
/// Values of FRAMEDELAYMODE.
pub mod mode {
    /// The frame starts with STARTTX, whatever the two say.
    pub const FREE_RUN: u32 = 0;
    /// It starts with STARTTX, but not before FRAMEDELAYMIN; not at all after FRAMEDELAYMAX.
    pub const WINDOW: u32 = 1;
    /// It starts at FRAMEDELAYMAX.
    pub const EXACT_VAL: u32 = 2;
    /// As WINDOW, and on the grid of ISO/IEC 14443-3.
    pub const WINDOW_GRID: u32 = 3;
}

/// Address of the buffer of the next frame, in RAM.
pub const PACKETPTR: Register = Register(0x510);
/// Its size, at most 257.
pub const MAXLEN: Register = Register(0x514);
/// How frames are sent.
pub const TXD_FRAMECONFIG: Register = Register(0x518);
/// Parity, unused bits discarded at the start, start of frame, CRC: what anticollision needs, and the value after reset.
pub const TXD_WITH_CRC: u32 = 0x17;
/// The same without CRC: the buffer holds one, right or wrong.
pub const TXD_WITHOUT_CRC: u32 = 0x07;
/// Bits 11-3: whole bytes to send, without CRC.
pub const TXD_AMOUNT: Register = Register(0x51C);
/// How frames are received.
pub const RXD_FRAMECONFIG: Register = Register(0x520);
/// Parity, start of frame, CRC.
pub const RXD_WITH_CRC: u32 = 0x15;
/// Bits 11-3: whole bytes received, CRC included; bits 2-0: bits beyond them.
pub const RXD_AMOUNT: Register = Register(0x524);
/// The last four bytes of the UID.
pub const NFCID1_LAST: Register = Register(0x590);
/// The three before them.
pub const NFCID1_SECOND_LAST: Register = Register(0x594);
/// The three before those.
pub const NFCID1_THIRD_LAST: Register = Register(0x598);
/// Bit 0: anticollision is left to the firmware. Bit 1 is always written as 1.
pub const AUTOCOLRESCONFIG: Register = Register(0x59C);
/// Anticollision by the peripheral.
pub const AUTOCOLRES_ON: u32 = 0b10;
/// Every frame goes to the firmware.
pub const AUTOCOLRES_OFF: u32 = 0b11;
/// ATQA, first byte in the low bits. Bits 7-6 are the length of the UID.
pub const SENSRES: Register = Register(0x5A0);
/// SAK without bit 2, which the peripheral sets by itself.
pub const SELRES: Register = Register(0x5A4);

/// The longest frame that EasyDMA moves, in bytes.
pub const LONGEST_FRAME: usize = 257;

/// A buffer that EasyDMA reaches.
#[derive(Debug, Clone, Copy)]
pub struct Buffer<'a> {
    /// Its address for PACKETPTR.
    pub address: u32,
    /// The bytes. EasyDMA changes them behind the firmware's back.
    pub bytes: &'a [AtomicU8; LONGEST_FRAME],
}

/// The peripheral: its registers, and two buffers in RAM. A chip has one; tests have a model of it.
pub trait Peripheral {
    /// The value of a register.
    fn read(&self, register: Register) -> u32;
    /// Writes a register, or triggers a task.
    fn write(&self, register: Register, value: u32);
    /// For frames of the card.
    fn transmit_buffer(&self) -> Buffer<'_>;
    /// For frames of the reader.
    fn receive_buffer(&self) -> Buffer<'_>;
    /// When the last RXFRAMEEND came, on the board's clock in us, which now reads `now_us`. Hardware notes it, whatever the
    /// firmware was doing.
    fn received_us(&self, now_us: u64) -> u64;
}
