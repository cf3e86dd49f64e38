//! The groups of rides that are summed up.

use crate::names::Name;
use jiff::civil::Date;
use taprig_model::books::result::Class;

/// What a group has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct GroupNames {
    pub(crate) day: Option<Date>,
    pub(crate) merchant: Name,
    pub(crate) terminal: Name,
    pub(crate) batch: u32,
    pub(crate) line: Option<Name>,
    pub(crate) product: Option<Name>,
    pub(crate) class: Class,
}
