//! Contactless reader: entry point, kernel 7, offline data authentication, TLV.
#![no_std]
