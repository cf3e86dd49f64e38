//! SW-DP and AHB-AP (Arm Debug Interface v5, IHI 0031) as registers, in the place where a USB probe puts bits on the
//! wire.

use super::{QemuProbe, QemuProbeError};
use crate::cortex_m::{CoreError, CortexM};
use probe_rs::{
    CoreStatus,
    architecture::arm::{ArmError, DapError, RawDapAccess, RegisterAddress},
    probe::{DebugProbe, DebugProbeError, WireProtocol},
};
use std::io;

/// Identification of a Cortex-M4's SW-DP.
const DPIDR: u32 = 0x2BA0_1477;
/// Identification of a Cortex-M4's AHB-AP.
const AHB_AP_IDR: u32 = 0x2477_0011;
/// The address of a Cortex-M4's ROM table, marked as present.
const ROM_TABLE: u32 = 0xE00F_F003;
/// The bit of nRESET among the pins of CMSIS-DAP's DAP_SWJ_Pins.
const NRESET: u32 = 1 << 7;

/// Registers of the access port.
const CSW: u32 = 0x00;
const TAR: u32 = 0x04;
const DRW: u32 = 0x0C;
const BD0: u32 = 0x10;
const BD3: u32 = 0x1C;
const BASE: u32 = 0xF8;
const IDR: u32 = 0xFC;

/// CSW.DeviceEn: the port works.
const DEVICE_EN: u32 = 1 << 6;

/// State of the debug port and the access port.
#[derive(Debug, Default)]
pub(super) struct Registers {
    ctrl: u32,
    select: u32,
    rdbuff: u32,
    csw: u32,
    tar: u32,
}

impl Registers {
    /// The address of an access port register, from its low bits and the bank.
    fn ap_address(&self, low: u8) -> u32 {
        (self.select & 0xF0) | (u32::from(low) & 0xC)
    }

    /// Whether the only access port is selected.
    fn is_ours(&self) -> bool {
        self.select >> 24 == 0
    }

    /// Number of bytes in one transfer: 1, 2 or 4.
    fn size(&self) -> u32 {
        1 << (self.csw & 7).min(2)
    }

    fn increments(&self) -> bool {
        self.csw >> 4 & 3 == 1
    }

    /// Increments the address within its block of 1 KiB.
    fn advance(&mut self, bytes: u32) {
        if self.increments() {
            self.tar = (self.tar & !0x3FF) | (self.tar.wrapping_add(bytes) & 0x3FF);
        }
    }

    fn ctrl_stat(&self) -> u32 {
        const REQUESTS: u32 = 0x5000_0000;
        const READOK: u32 = 1 << 6;
        // Requests for power-up are acknowledged at once, one bit above the request.
        (self.ctrl & (REQUESTS | 0xF00)) | (self.ctrl & REQUESTS) << 1 | READOK
    }
}

impl QemuProbe {
    fn core(&mut self) -> Result<&mut CortexM, ArmError> {
        self.core.as_mut().ok_or_else(|| DebugProbeError::NotAttached.into())
    }

    /// Does something with the core. A bus fault here corresponds to a FAULT acknowledge of a real probe. The driver of
    /// such a probe has cleared the sticky error before it reports the fault.
    fn on_core<T>(&mut self, action: impl FnOnce(&mut CortexM) -> Result<T, CoreError>) -> Result<T, ArmError> {
        action(self.core()?).map_err(|error| match error {
            CoreError::Fault { .. } => DapError::FaultResponse.into(),
            other => QemuProbeError::wrap(other).into(),
        })
    }

    /// Performs one transfer on the wire.
    fn transfer(&mut self, access_port: bool) -> Result<(), ArmError> {
        self.faults.with(|faults| {
            if !faults.count_transfer() {
                let gone = io::Error::new(io::ErrorKind::BrokenPipe, "the probe was unplugged");
                Err(DebugProbeError::Usb(gone).into())
            } else if faults.no_target {
                Err(DapError::NoAcknowledge.into())
            } else if faults.locked && access_port {
                Err(DapError::FaultResponse.into())
            } else {
                Ok(())
            }
        })
    }

    fn read_data(&mut self) -> Result<u32, ArmError> {
        let (address, size) = (self.registers.tar, self.registers.size());
        let word = if size == 4 || CortexM::is_modelled(address, size) {
            self.on_core(|core| core.read_word(address & !3))?
        } else {
            let mut lanes = [0; 4];
            let lane = (address & 3) as usize;
            let bytes = lanes.get_mut(lane..lane + size as usize).ok_or(DapError::FaultResponse)?;
            self.on_core(|core| core.read(address, bytes))?;
            u32::from_le_bytes(lanes)
        };
        self.registers.advance(size);
        let mut words = [word];
        self.faults.with(|faults| faults.spoil(address & !3, &mut words));
        Ok(words[0])
    }

    fn write_data(&mut self, value: u32) -> Result<(), ArmError> {
        let (address, size) = (self.registers.tar, self.registers.size());
        if size == 4 {
            self.on_core(|core| core.write_word(address & !3, value))?;
        } else {
            let lanes = value.to_le_bytes();
            let lane = (address & 3) as usize;
            let bytes = lanes.get(lane..lane + size as usize).ok_or(DapError::FaultResponse)?;
            self.on_core(|core| core.write(address, bytes))?;
        }
        self.registers.advance(size);
        Ok(())
    }

    /// The address of a banked data register: a word of the 16 bytes at TAR.
    fn banked(&self, register: u32) -> u32 {
        (self.registers.tar & !0xF) + (register - BD0)
    }

    /// Whether a block of words can be moved at once. This needs the data register, whole words, an incrementing
    /// address, and plain memory.
    fn is_plain_block(&self, address: RegisterAddress, words: usize) -> bool {
        let registers = &self.registers;
        matches!(address, RegisterAddress::ApRegister(low) if registers.ap_address(low) == DRW)
            && registers.is_ours()
            && registers.size() == 4
            && registers.increments()
            && !CortexM::is_modelled(registers.tar, 4 * words as u32)
    }
}

impl RawDapAccess for QemuProbe {
    fn raw_read_register(&mut self, address: RegisterAddress) -> Result<u32, ArmError> {
        match address {
            RegisterAddress::DpRegister(register) => {
                self.transfer(false)?;
                Ok(match (register.address & 0xC, self.registers.select & 0xF) {
                    (0x0, _) => DPIDR,
                    (0x4, 0) => self.registers.ctrl_stat(),
                    (0xC, _) => self.registers.rdbuff,
                    _ => 0,
                })
            }
            RegisterAddress::ApRegister(low) => {
                let ours = self.registers.is_ours();
                self.transfer(ours)?;
                if !ours {
                    return Ok(0);
                }
                let value = match self.registers.ap_address(low) {
                    CSW => self.registers.csw | DEVICE_EN,
                    TAR => self.registers.tar,
                    DRW => self.read_data()?,
                    register @ BD0..=BD3 => {
                        let at = self.banked(register);
                        self.on_core(|core| core.read_word(at))?
                    }
                    BASE => ROM_TABLE,
                    IDR => AHB_AP_IDR,
                    _ => 0,
                };
                self.registers.rdbuff = value;
                Ok(value)
            }
        }
    }

    fn raw_write_register(&mut self, address: RegisterAddress, value: u32) -> Result<(), ArmError> {
        match address {
            RegisterAddress::DpRegister(register) => {
                self.transfer(false)?;
                match (register.address & 0xC, self.registers.select & 0xF) {
                    (0x4, 0) => self.registers.ctrl = value,
                    (0x8, _) => self.registers.select = value,
                    _ => {}
                }
            }
            RegisterAddress::ApRegister(low) => {
                let ours = self.registers.is_ours();
                self.transfer(ours)?;
                if !ours {
                    return Ok(());
                }
                match self.registers.ap_address(low) {
                    CSW => self.registers.csw = value & !DEVICE_EN,
                    TAR => self.registers.tar = value,
                    DRW => self.write_data(value)?,
                    register @ BD0..=BD3 => {
                        let at = self.banked(register);
                        self.on_core(|core| core.write_word(at, value))?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    // Blocks make flashing fast: one packet replaces 256.
    fn raw_read_block(&mut self, address: RegisterAddress, values: &mut [u32]) -> Result<(), ArmError> {
        if !self.is_plain_block(address, values.len()) {
            for value in values {
                *value = self.raw_read_register(address)?;
            }
            return Ok(());
        }
        self.transfer(true)?;
        let mut bytes = vec![0; values.len() * 4];
        let start = self.registers.tar;
        self.on_core(|core| core.read(start, &mut bytes))?;
        for (value, word) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *value = u32::from_le_bytes(*word);
        }
        self.faults.with(|faults| faults.spoil(start, values));
        self.registers.advance(bytes.len() as u32);
        Ok(())
    }

    fn raw_write_block(&mut self, address: RegisterAddress, values: &[u32]) -> Result<(), ArmError> {
        if !self.is_plain_block(address, values.len()) {
            for value in values {
                self.raw_write_register(address, *value)?;
            }
            return Ok(());
        }
        self.transfer(true)?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let start = self.registers.tar;
        self.on_core(|core| core.write(start, &bytes))?;
        self.registers.advance(bytes.len() as u32);
        Ok(())
    }

    fn jtag_sequence(&mut self, _cycles: u8, _tms: bool, _tdi: u64) -> Result<(), DebugProbeError> {
        Err(DebugProbeError::UnsupportedProtocol(WireProtocol::Jtag))
    }

    fn swj_sequence(&mut self, _bit_len: u8, _bits: u64) -> Result<(), DebugProbeError> {
        // A line reset clears SELECT.
        self.registers.select = 0;
        Ok(())
    }

    fn swj_pins(&mut self, pin_out: u32, pin_select: u32, _pin_wait: u32) -> Result<u32, DebugProbeError> {
        if pin_select & NRESET != 0 {
            if pin_out & NRESET == 0 { self.target_reset_assert()? } else { self.target_reset_deassert()? }
        }
        Ok(if self.core.as_ref().is_some_and(CortexM::in_reset) { 0 } else { NRESET })
    }

    fn into_probe(self: Box<Self>) -> Box<dyn DebugProbe> {
        self
    }

    fn core_status_notification(&mut self, _state: CoreStatus) -> Result<(), DebugProbeError> {
        Ok(())
    }
}
