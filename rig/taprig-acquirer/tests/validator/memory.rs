//! Memory that outlives power, and power that is cut in a write.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;

/// What a write leaves in which the power is cut. A memory may keep any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing: all bytes are as before.
    Old,
    /// Its first byte.
    FirstByte,
    /// Its first half.
    FirstHalf,
    /// Its second half.
    SecondHalf,
    /// Every second byte.
    EverySecond,
    /// All but its last byte.
    AllButLast,
    /// All of it. The power is off before the firmware goes on.
    New,
}

impl Left {
    /// Old, torn in five ways, and new.
    pub(crate) const ALL: [Self; 7] =
        [Self::Old, Self::FirstByte, Self::FirstHalf, Self::SecondHalf, Self::EverySecond, Self::AllButLast, Self::New];

    fn keeps(self, at: usize, length: usize) -> bool {
        match self {
            Self::Old => false,
            Self::FirstByte => at == 0,
            Self::FirstHalf => at < length / 2,
            Self::SecondHalf => at >= length / 2,
            Self::EverySecond => at % 2 == 1,
            Self::AllButLast => at + 1 < length,
            Self::New => true,
        }
    }
}

/// A power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The write in which it comes, counted from 0 since the power came on.
    pub(crate) write: usize,
    /// What is left of this write.
    pub(crate) left: Left,
}

/// What ends the firmware when the power is cut. It runs no further instruction.
#[derive(Debug)]
pub(crate) struct PowerCut;

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    /// Its first byte.
    pub(crate) offset: usize,
    /// What is written.
    pub(crate) bytes: Vec<u8>,
    /// The act under way.
    pub(crate) act: usize,
}

/// The memory chip.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chip {
    pub(crate) bytes: RefCell<Vec<u8>>,
    /// Where the power is cut.
    pub(crate) cut: Cell<Option<Cut>>,
    /// Writes since the power came on.
    pub(crate) writes: RefCell<Vec<Write>>,
    /// Whether nobody wants to know the writes, of which there are too many to keep.
    pub(crate) forgets_writes: bool,
    /// A planted fault: the chip says that a write is done while it still holds it back, until the next write begins. For
    /// whoever looks at the memory afterwards, all that the firmware did between the two writes came too early.
    pub(crate) holds_back: bool,
    /// The write that is held back: where it is, and what was there before.
    held: RefCell<Option<(usize, Vec<u8>)>>,
    /// A planted fault: a later write, which is already in the memory when the power is cut. For whoever looks at the memory
    /// afterwards, the firmware made this write too early.
    pub(crate) early: RefCell<Option<Write>>,
    /// The content at the end of each act, if that is wanted.
    pub(crate) marks: RefCell<Option<Vec<Vec<u8>>>>,
}

impl Chip {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: RefCell::new(bytes), ..Self::default() }
    }

    /// The chip when the power comes on again.
    pub(crate) fn on(&self, cut: Option<Cut>) -> Self {
        let (holds_back, marks) = (self.holds_back, self.marks.clone());
        Self { cut: Cell::new(cut), holds_back, marks, ..Self::new(self.bytes.borrow().clone()) }
    }

    pub(crate) fn borrow(&self) -> std::cell::Ref<'_, Vec<u8>> {
        self.bytes.borrow()
    }

    pub(crate) fn take(&self) -> Vec<u8> {
        self.bytes.take()
    }

    pub(crate) fn size(&self) -> usize {
        self.bytes.borrow().len()
    }

    pub(crate) fn read(&self, offset: usize, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.bytes.borrow()[offset..offset + buffer.len()]);
    }

    pub(crate) fn write(&self, offset: usize, new: &[u8], act: usize) {
        let number = self.writes.borrow().len();
        if !self.forgets_writes {
            self.writes.borrow_mut().push(Write { offset, bytes: new.to_vec(), act });
        }
        let mut bytes = self.bytes.borrow_mut();
        let cut = self.cut.get().filter(|cut| cut.write == number);
        if let Some(cut) = cut {
            if let Some((at, old)) = self.held.take() {
                bytes[at..at + old.len()].copy_from_slice(&old);
            }
            for (at, byte) in new.iter().enumerate().filter(|(at, _)| cut.left.keeps(*at, new.len())) {
                bytes[offset + at] = *byte;
            }
            if let Some(early) = self.early.take() {
                bytes[early.offset..early.offset + early.bytes.len()].copy_from_slice(&early.bytes);
            }
            drop(bytes);
            // No hook of a panic is called: nothing is wrong.
            resume_unwind(Box::new(PowerCut));
        }
        if self.holds_back {
            self.held.replace(Some((offset, bytes[offset..offset + new.len()].to_vec())));
        }
        bytes[offset..offset + new.len()].copy_from_slice(new);
    }

    /// An act has ended.
    pub(crate) fn mark(&self) {
        if let Some(marks) = &mut *self.marks.borrow_mut() {
            marks.push(self.bytes.borrow().clone());
        }
    }
}
