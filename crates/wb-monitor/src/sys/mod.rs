//! The platform module: every call into the kernel that the compiler cannot check, each behind a safe
//! function. No other module of the crate has `unsafe`.

#![allow(unsafe_code, reason = "system calls that neither std nor a kept library offers")]

pub(crate) mod bpf;
pub(crate) mod fanotify;
pub(crate) mod host;
pub(crate) mod netlink;
pub(crate) mod ring;

use std::io;

/// The result of a system call: minus one means `errno`.
fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
