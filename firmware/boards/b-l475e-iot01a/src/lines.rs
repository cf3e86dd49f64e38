//! The two serial ports: which USART, and on which pins (data sheet of the STM32L475, table 17; ST user manual UM2153 of the
//! board).

use crate::registers::register;
use board_arm::Port;
use board_stm32::gpio::{self, Pin};
use board_stm32::{Line, Usart};

const fn usart(port: Port, base: usize, interrupt: u8) -> Usart {
    Usart {
        port,
        interrupt,
        control: register(base),
        rate: register(base + 0x0C),
        status: register(base + 0x1C),
        clear: Some(register(base + 0x20)),
        came: register(base + 0x24),
        goes: register(base + 0x28),
        on: 1 << 0,
    }
}

const fn pin(base: usize, number: u32, function: u32) -> Pin {
    let port = gpio::Port {
        mode: register(base),
        pull: register(base + 0xC),
        functions: [register(base + 0x20), register(base + 0x24)],
    };
    Pin { port, number, function }
}

const PORT_A: usize = 0x4800_0000;
const PORT_B: usize = 0x4800_0400;

/// USART1 is console or link.
pub(crate) const HOST: Line =
    Line { usart: usart(Port::Host, 0x4001_3800, 37), transmit: pin(PORT_B, 6, 7), receive: pin(PORT_B, 7, 7) };
/// UART4 is the air.
pub(crate) const AIR: Line =
    Line { usart: usart(Port::Air, 0x4000_4C00, 52), transmit: pin(PORT_A, 0, 8), receive: pin(PORT_A, 1, 8) };
