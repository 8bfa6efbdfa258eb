//! Calls that safe code does not offer: made here and nowhere else.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use libc::c_long;

/// Bytes of all names of attributes of a file, and of one value: the kernel's own bounds.
const MAX_ATTRIBUTES: usize = 64 << 10;

/// Makes a call; whatever pointers are among the arguments must be valid for it or null.
pub(super) fn call(number: c_long, arguments: [usize; 6]) -> io::Result<c_long> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the callers pass no pointer but null and those to values that live until the call is over.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// The names of the extended attributes of an open file or folder.
pub(in crate::session) fn attributes(file: &File) -> io::Result<Vec<CString>> {
    let mut names = vec![0u8; MAX_ATTRIBUTES];
    let number = usize::try_from(file.as_raw_fd()).map_err(io::Error::other)?;
    match call(libc::SYS_flistxattr, [number, names.as_mut_ptr().addr(), names.len(), 0, 0, 0]) {
        Ok(length) => {
            names.truncate(usize::try_from(length).map_err(io::Error::other)?);
            let each = names.split(|b| *b == 0).filter(|name| !name.is_empty());
            each.map(|name| CString::new(name).map_err(io::Error::other)).collect()
        }
        Err(e) if e.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// An extended attribute of an open file; `None` when it has none of that name.
pub(in crate::session) fn attribute(file: &File, name: &CStr) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0u8; MAX_ATTRIBUTES];
    let number = usize::try_from(file.as_raw_fd()).map_err(io::Error::other)?;
    match call(libc::SYS_fgetxattr, [number, name.as_ptr().addr(), value.as_mut_ptr().addr(), value.len(), 0, 0]) {
        Ok(length) => {
            value.truncate(usize::try_from(length).map_err(io::Error::other)?);
            Ok(Some(value))
        }
        Err(e) if matches!(e.raw_os_error(), Some(libc::ENODATA | libc::EOPNOTSUPP)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The descriptor that a call has just made.
pub(super) fn owned(made: c_long) -> io::Result<OwnedFd> {
    let number = i32::try_from(made).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made it, and nobody else has its number.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
