//! Languages to [`Program`](wb_core::Program)s, and back to text.
//!
//! Each language has a module that lifts its code to the one form of wb-core. [`capability`] then answers
//! for all of them what a program can do; [`mod@print`] shows any program as Python; [`peel`] takes encodings
//! off strings; [`indicators`] finds hosts, URLs and commands in text.
//!
//! Nothing here judges and nothing is ever run. Every function is total: hostile input yields what could
//! be read, and the rest as oddities and gaps.

#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::panic
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::panic
    )
)]

pub mod capability;
pub mod cpython;
pub mod indicators;
pub mod javascript;
pub mod jinja;
pub mod peel;
pub mod pickle;
pub mod print;
pub mod python;
pub mod shell;
