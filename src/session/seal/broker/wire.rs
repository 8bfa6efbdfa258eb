//! What the kernel and the two processes say to each other about calls, byte by byte.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd, RawFd};

use libc::{seccomp_data, seccomp_notif, seccomp_notif_addfd, seccomp_notif_resp};
use seccompiler::{BpfProgram, sock_filter};

use crate::session::seal::raw::{call, owned};

/// Puts a filter on this process whose calls come out of the descriptor that is returned.
pub(super) fn listen(program: &BpfProgram) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Program {
        length: u16,
        filter: *const sock_filter,
    }
    let program = Program { length: u16::try_from(program.len()).map_err(io::Error::other)?, filter: program.as_ptr() };
    let install = |flags: libc::c_ulong| {
        let at = std::ptr::from_ref(&program) as usize;
        call(libc::SYS_seccomp, [libc::SECCOMP_SET_MODE_FILTER as usize, flags as usize, at, 0, 0, 0])
    };
    // A call that was handed over is not broken off by a signal and made again: Linux 5.19 has that, an older one makes a file
    // twice in the rare case, and says that it is there.
    let made = install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
        .or_else(|_| install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER))?;
    owned(made)
}

/// The message of the kernel (`struct user_msghdr`) that carries one descriptor.
#[repr(C)]
struct Message {
    name: usize,
    name_length: i32,
    parts: *mut Part,
    part_count: usize,
    control: *mut Control,
    control_length: usize,
    flags: u32,
}

#[repr(C)]
struct Part {
    bytes: *mut u8,
    length: usize,
}

#[repr(C)]
struct Control {
    length: usize,
    level: i32,
    kind: i32,
    descriptor: i32,
    padding: i32,
}

/// The length of the header and one descriptor.
const CONTROL: usize = size_of::<usize>() + 3 * size_of::<i32>();

fn exchange(number: libc::c_long, link: RawFd, control: &mut Control, flags: i32) -> io::Result<libc::c_long> {
    let mut byte = 0_u8;
    let mut part = Part { bytes: &raw mut byte, length: 1 };
    let (parts, control) = (&raw mut part, std::ptr::from_mut(control));
    let mut message = Message { name: 0, name_length: 0, parts, part_count: 1, control, control_length: size_of::<Control>(), flags: 0 };
    call(number, [link as usize, &raw mut message as usize, flags as usize, 0, 0, 0])
}

/// Sends a descriptor over a local socket.
pub(super) fn send(link: &File, descriptor: &OwnedFd) -> io::Result<()> {
    let descriptor = descriptor.as_raw_fd();
    let mut control = Control { length: CONTROL, level: libc::SOL_SOCKET, kind: libc::SCM_RIGHTS, descriptor, padding: 0 };
    exchange(libc::SYS_sendmsg, link.as_raw_fd(), &mut control, 0).map(drop)
}

/// Receives one.
pub(super) fn receive(link: &File) -> io::Result<OwnedFd> {
    let mut control = Control { length: 0, level: 0, kind: 0, descriptor: -1, padding: 0 };
    let got = exchange(libc::SYS_recvmsg, link.as_raw_fd(), &mut control, libc::MSG_CMSG_CLOEXEC)?;
    if got != 1 || control.length != CONTROL || control.level != libc::SOL_SOCKET || control.kind != libc::SCM_RIGHTS {
        return Err(io::Error::other("no descriptor came"));
    }
    owned(control.descriptor.into())
}

fn told(calls: BorrowedFd<'_>, request: u32, about: usize) -> io::Result<libc::c_long> {
    call(libc::SYS_ioctl, [calls.as_raw_fd() as usize, request as usize, about, 0, 0, 0])
}

/// The requests that the broker makes of the kernel.
pub(in crate::session::seal) const REQUESTS: [u32; 3] =
    [libc::SECCOMP_IOCTL_NOTIF_RECV as u32, libc::SECCOMP_IOCTL_NOTIF_SEND as u32, libc::SECCOMP_IOCTL_NOTIF_ADDFD as u32];

/// The next call; `None` when nobody is left who makes one.
pub(super) fn next(calls: BorrowedFd<'_>) -> io::Result<Option<seccomp_notif>> {
    #[repr(C)]
    struct Poll {
        descriptor: i32,
        events: i16,
        revents: i16,
    }
    loop {
        let mut poll = Poll { descriptor: calls.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        match call(libc::SYS_ppoll, [&raw mut poll as usize, 1, 0, 0, 0, 0]) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if poll.revents & libc::POLLIN == 0 {
            return Ok(None);
        }
        let data = seccomp_data { nr: 0, arch: 0, instruction_pointer: 0, args: [0; 6] };
        let mut asked = seccomp_notif { id: 0, pid: 0, flags: 0, data };
        match told(calls, REQUESTS[0], &raw mut asked as usize) {
            Ok(_) => return Ok(Some(asked)),
            // Broken off before it was taken.
            Err(e) if e.raw_os_error() == Some(libc::ENOENT) || e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// What a call gives: the number that it returns, or the error.
pub(super) fn answer(calls: BorrowedFd<'_>, id: u64, result: Result<i64, i32>) {
    let (val, error) = match result {
        Ok(value) => (value, 0),
        Err(error) => (0, -error),
    };
    let mut said = seccomp_notif_resp { id, val, error, flags: 0 };
    // Whoever was killed meanwhile needs no answer.
    let _ = told(calls, REQUESTS[1], &raw mut said as usize);
}

/// Gives the process that made the call a copy of a descriptor, and says its number there.
pub(super) fn give(calls: BorrowedFd<'_>, id: u64, descriptor: &OwnedFd, close_on_exec: bool) -> io::Result<i64> {
    let newfd_flags = if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 };
    let srcfd = u32::try_from(descriptor.as_raw_fd()).map_err(io::Error::other)?;
    let mut given = seccomp_notif_addfd { id, flags: 0, srcfd, newfd: 0, newfd_flags };
    told(calls, REQUESTS[2], &raw mut given as usize)
}
