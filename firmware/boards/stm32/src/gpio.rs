//! Pins of the chip (RM0090 8.4, RM0351 8.5).

use board_arm::Register;

/// The registers of a port that a pin of a peripheral needs.
#[derive(Debug, Clone, Copy)]
pub struct Port {
    /// MODER.
    pub mode: Register,
    /// PUPDR.
    pub pull: Register,
    /// AFRL and AFRH.
    pub functions: [Register; 2],
}

/// A pin that a USART has.
#[derive(Debug, Clone, Copy)]
pub struct Pin {
    /// Its port.
    pub port: Port,
    /// Its number in the port.
    pub number: u32,
    /// The alternate function that is the USART.
    pub function: u32,
}

impl Pin {
    /// Gives the pin to a transmitter.
    pub fn transmit(self) {
        self.give(0b00);
    }

    /// Gives the pin to a receiver. It is pulled up, so that an open line is silent.
    pub fn receive(self) {
        self.give(0b01);
    }

    /// The function is chosen before the mode, so that the pin never belongs to another peripheral.
    fn give(self, pull: u32) {
        let (of_two, of_four) = (2 * self.number, 4 * (self.number % 8));
        self.port.functions[(self.number as usize / 8) % 2].modify(0xF << of_four, self.function << of_four);
        self.port.pull.modify(0b11 << of_two, pull << of_two);
        self.port.mode.modify(0b11 << of_two, 0b10 << of_two);
    }
}
