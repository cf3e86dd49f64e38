//! The two serial ports: which USART, and on which pins (data sheet of the STM32F405, table 9).

use crate::registers::register;
use board_arm::Port;
use board_stm32::gpio::{self, Pin};
use board_stm32::{Line, Usart};

const fn usart(port: Port, base: usize, interrupt: u8) -> Usart {
    Usart {
        port,
        interrupt,
        status: register(base),
        came: register(base + 0x4),
        goes: register(base + 0x4),
        rate: register(base + 0x8),
        control: register(base + 0xC),
        on: 1 << 13,
        clear: None,
    }
}

const fn port_a(number: u32) -> Pin {
    const BASE: usize = 0x4002_0000;
    let port = gpio::Port {
        mode: register(BASE),
        pull: register(BASE + 0xC),
        functions: [register(BASE + 0x20), register(BASE + 0x24)],
    };
    Pin { port, number, function: 7 }
}

/// USART1 is console or link.
pub(crate) const HOST: Line =
    Line { usart: usart(Port::Host, 0x4001_1000, 37), transmit: port_a(9), receive: port_a(10) };
/// USART2 is the air.
pub(crate) const AIR: Line = Line { usart: usart(Port::Air, 0x4000_4400, 38), transmit: port_a(2), receive: port_a(3) };
