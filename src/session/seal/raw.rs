//! Calls that safe code does not offer: made here and nowhere else.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

use libc::c_long;

/// Makes a call; whatever pointers are among the arguments must be valid for it or null.
pub(super) fn call(number: c_long, arguments: [usize; 6]) -> io::Result<c_long> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the callers pass no pointer but null and those to values that live until the call is over.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// The descriptor that a call has just made.
pub(super) fn owned(made: c_long) -> io::Result<OwnedFd> {
    let number = i32::try_from(made).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made it, and nobody else has its number.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
