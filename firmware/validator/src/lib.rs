//! Fare validator: reader, fares, journal, lists, display, console.
#![no_std]
