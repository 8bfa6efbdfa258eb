//! What a sealed process must not be able to do, tried. Each attempt is harmless where it is let through: calls get arguments
//! that the kernel refuses after it has let them in, and files are those of a folder made for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use libc::c_long;

use super::raw::call;

/// A folder to try things on: a bundle, a state folder, and a file beside them.
#[derive(Debug)]
pub struct Ground(PathBuf);

impl Ground {
    /// Makes the folder for this process below the folder for temporary files.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make() -> io::Result<Self> {
        let name = format!("countersign-probe-{}-{}", super::super::clock::process(), super::super::clock::uptime().as_nanos());
        let ground = Self(std::env::temp_dir().join(name));
        fs::create_dir(&ground.0)?;
        fs::create_dir(ground.bundle())?;
        fs::create_dir(ground.state())?;
        fs::write(ground.bundle().join("file"), "of the bundle")?;
        fs::write(ground.outside(), "outside")?;
        std::os::unix::fs::symlink("../outside", ground.bundle().join("link"))?;
        Ok(ground)
    }

    /// The one that was made there by another process.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// What may be read.
    #[must_use]
    pub fn bundle(&self) -> PathBuf {
        self.0.join("bundle")
    }

    /// What may be written.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    fn outside(&self) -> PathBuf {
        self.0.join("outside")
    }

    /// Takes it away.
    pub fn remove(self) {
        // It is among temporary files: what is left of it goes with them.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// What it would be good for: `network`, `programs`, `memory`, `system`, `files`.
    pub group: &'static str,
    /// What was tried.
    pub what: &'static str,
    /// Whether it was refused.
    pub refused: bool,
    /// What the system answered.
    pub answer: String,
}

type Try = fn(&Ground) -> io::Result<()>;

/// Tries everything, in this process as it is.
#[must_use]
pub fn probe(ground: &Ground) -> Vec<Probed> {
    let groups: [(&str, &[(&str, Try)]); 5] =
        [("network", NETWORK), ("programs", PROGRAMS), ("memory", MEMORY), ("system", SYSTEM), ("files", FILES)];
    let all = groups.into_iter().flat_map(|(group, tries)| tries.iter().map(move |(what, attempt)| (group, *what, attempt)));
    all.map(|(group, what, attempt)| {
        let (refused, answer) = match attempt(ground) {
            Ok(()) => (false, "done".to_owned()),
            Err(e) => match e.raw_os_error() {
                Some(libc::EPERM) => (true, "EPERM".to_owned()),
                Some(libc::EACCES) => (true, "EACCES".to_owned()),
                // A call that is told not to be there was never made; the kernel itself answers otherwise.
                Some(libc::ENOSYS) if what == "clone3" => (true, "ENOSYS".to_owned()),
                _ => (false, format!("let in: {e}")),
            },
        };
        Probed { group, what, refused, answer }
    })
    .collect()
}

fn tried(number: c_long, arguments: [usize; 6]) -> io::Result<()> {
    call(number, arguments).map(drop)
}

/// A descriptor of a socket, closed again.
fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<()> {
    let opened = call(libc::SYS_socket, [family as usize, kind as usize, protocol as usize, 0, 0, 0])?;
    tried(libc::SYS_close, [opened as usize, 0, 0, 0, 0, 0])
}

/// No descriptor: a call that is let in says EBADF.
const NOTHING: usize = usize::MAX;

/// What the other process, if there is one, does: end at once.
fn not_here(child: c_long) -> io::Result<()> {
    if child == 0 {
        let _ = tried(libc::SYS_exit_group, [0; 6]);
    }
    Ok(())
}

const NETWORK: &[(&str, Try)] = &[
    ("socket: IPv4, stream", |_| socket(libc::AF_INET, libc::SOCK_STREAM, 0)),
    ("socket: IPv4, datagram", |_| socket(libc::AF_INET, libc::SOCK_DGRAM, 0)),
    ("socket: IPv6, stream", |_| socket(libc::AF_INET6, libc::SOCK_STREAM, 0)),
    ("socket: IPv6, datagram", |_| socket(libc::AF_INET6, libc::SOCK_DGRAM, 0)),
    ("socket: netlink", |_| socket(libc::AF_NETLINK, libc::SOCK_RAW, 0)),
    ("socket: packet", |_| socket(libc::AF_PACKET, libc::SOCK_RAW, 0)),
    ("socket: vsock", |_| socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0)),
    ("socket: Bluetooth", |_| socket(libc::AF_BLUETOOTH, libc::SOCK_RAW, 0)),
    ("socket: kernel cryptography", |_| socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0)),
    ("socket: Unix", |_| socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)),
    // The number of `socket` in the x32 ABI: a list of what is refused would miss it.
    #[cfg(target_arch = "x86_64")]
    ("socket: by its x32 number", |_| tried(0x4000_0000 | libc::SYS_socket, [libc::AF_INET as usize, 1, 0, 0, 0, 0])),
    ("a pair of Unix sockets", |_| {
        let mut pair = [0_i32; 2];
        tried(libc::SYS_socketpair, [libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0, pair.as_mut_ptr() as usize, 0, 0])
    }),
    ("connect", |_| tried(libc::SYS_connect, [NOTHING, 0, 0, 0, 0, 0])),
    ("bind", |_| tried(libc::SYS_bind, [NOTHING, 0, 0, 0, 0, 0])),
    ("listen", |_| tried(libc::SYS_listen, [NOTHING, 1, 0, 0, 0, 0])),
    ("accept", |_| tried(libc::SYS_accept4, [NOTHING, 0, 0, 0, 0, 0])),
    ("send to an address", |_| {
        let address = [0_u8; 16];
        tried(libc::SYS_sendto, [NOTHING, 0, 0, 0, address.as_ptr() as usize, address.len()])
    }),
    ("send a descriptor", |_| tried(libc::SYS_sendmsg, [NOTHING, 0, 0, 0, 0, 0])),
];

const PROGRAMS: &[(&str, Try)] = &[
    ("execve", |_| tried(libc::SYS_execve, [c"".as_ptr() as usize, 0, 0, 0, 0, 0])),
    ("execveat", |_| tried(libc::SYS_execveat, [NOTHING, c"".as_ptr() as usize, 0, 0, 0, 0])),
    #[cfg(target_arch = "x86_64")]
    ("fork", |_| call(libc::SYS_fork, [0; 6]).and_then(not_here)),
    ("clone, not as a thread", |_| call(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0]).and_then(not_here)),
    ("clone3", |_| tried(libc::SYS_clone3, [0; 6])),
    ("start a program", |_| super::super::apart::start_nothing()),
    ("kill the parent", |_| tried(libc::SYS_kill, [rustix_parent(), 0, 0, 0, 0, 0])),
    ("pidfd_open", |_| tried(libc::SYS_pidfd_open, [rustix_parent(), 0, 0, 0, 0, 0])),
    ("ptrace", |_| tried(libc::SYS_ptrace, [0x4206, rustix_parent(), 0, 0, 0, 0])),
    ("process_vm_readv", |_| tried(libc::SYS_process_vm_readv, [rustix_parent(), 0, 0, 0, 0, 0])),
    ("process_vm_writev", |_| tried(libc::SYS_process_vm_writev, [rustix_parent(), 0, 0, 0, 0, 0])),
    ("type into the terminal (TIOCSTI)", |_| tried(libc::SYS_ioctl, [0, libc::TIOCSTI as usize, 0, 0, 0, 0])),
];

fn rustix_parent() -> usize {
    rustix::process::getppid().map_or(NOTHING, |pid| pid.as_raw_nonzero().get() as usize)
}

/// Asks for memory and gives it back.
fn memory(protection: i32) -> io::Result<usize> {
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
    call(libc::SYS_mmap, [0, 4096, protection as usize, flags, NOTHING, 0]).map(|at| at as usize)
}

fn given_back(at: usize) -> io::Result<()> {
    tried(libc::SYS_munmap, [at, 4096, 0, 0, 0, 0])
}

const MEMORY: &[(&str, Try)] = &[
    ("mmap, executable", |_| memory(libc::PROT_READ | libc::PROT_EXEC).and_then(given_back)),
    ("mprotect, executable", |_| {
        let at = memory(libc::PROT_READ)?;
        let made = tried(libc::SYS_mprotect, [at, 4096, (libc::PROT_READ | libc::PROT_EXEC) as usize, 0, 0, 0]);
        given_back(at).and(made)
    }),
    ("pkey_mprotect", |_| tried(libc::SYS_pkey_mprotect, [0, 0, libc::PROT_EXEC as usize, NOTHING, 0, 0])),
    ("memfd_create", |_| tried(libc::SYS_memfd_create, [c"probe".as_ptr() as usize, 0, 0, 0, 0, 0])),
    ("userfaultfd", |_| tried(libc::SYS_userfaultfd, [0, 0, 0, 0, 0, 0])),
    ("shmget", |_| tried(libc::SYS_shmget, [libc::IPC_PRIVATE as usize, 0, 0, 0, 0, 0])),
];

const SYSTEM: &[(&str, Try)] = &[
    ("bpf", |_| tried(libc::SYS_bpf, [NOTHING, 0, 0, 0, 0, 0])),
    ("io_uring_setup", |_| tried(libc::SYS_io_uring_setup, [0; 6])),
    ("perf_event_open", |_| tried(libc::SYS_perf_event_open, [0; 6])),
    ("mount", |_| tried(libc::SYS_mount, [0; 6])),
    ("unshare", |_| tried(libc::SYS_unshare, [NOTHING, 0, 0, 0, 0, 0])),
    ("chroot", |_| tried(libc::SYS_chroot, [0; 6])),
    ("keyctl", |_| tried(libc::SYS_keyctl, [NOTHING, 0, 0, 0, 0, 0])),
    ("clock_settime", |_| tried(libc::SYS_clock_settime, [0; 6])),
    ("personality", |_| tried(libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0, 0])),
    ("prctl, dumpable", |_| tried(libc::SYS_prctl, [libc::PR_GET_DUMPABLE as usize, 0, 0, 0, 0, 0])),
];

fn read(path: impl AsRef<Path>) -> io::Result<()> {
    use std::io::Read as _;
    fs::File::open(path)?.read(&mut [0; 16]).map(drop)
}

const FILES: &[(&str, Try)] = &[
    ("read /etc/passwd", |_| read("/etc/passwd")),
    ("list the root folder", |_| fs::read_dir("/").map(drop)),
    ("read /proc/self/environ", |_| read("/proc/self/environ")),
    // The first page: nothing is there, which is what an open file says.
    ("read /proc/self/mem", |_| fs::File::open("/proc/self/mem").map(drop)),
    ("read the memory of the parent", |_| fs::File::open(format!("/proc/{}/mem", rustix_parent())).map(drop)),
    ("read a file beside the bundle", |g| read(g.outside())),
    ("read through a link out of the bundle", |g| read(g.bundle().join("link"))),
    ("write a file of the bundle", |g| fs::OpenOptions::new().write(true).open(g.bundle().join("file")).map(drop)),
    ("make a file in the bundle", |g| fs::write(g.bundle().join("new"), "")),
    ("shorten a file of the bundle", |g| truncate(&g.bundle().join("file"))),
    ("rename a file of the bundle", |g| {
        fs::rename(g.bundle().join("file"), g.bundle().join("other"))?;
        fs::rename(g.bundle().join("other"), g.bundle().join("file"))
    }),
    ("move a file of the bundle into the state", |g| {
        fs::rename(g.bundle().join("file"), g.state().join("file"))?;
        fs::rename(g.state().join("file"), g.bundle().join("file"))
    }),
    ("write a file beside the state", |g| fs::write(g.outside(), "changed")),
    ("make a file in /tmp", |g| {
        fs::write(format!("{}.new", g.folder().display()), "").and_then(|()| fs::remove_file(format!("{}.new", g.folder().display())))
    }),
    ("make a symbolic link in the state", |g| std::os::unix::fs::symlink("/", g.state().join("link"))),
    ("make a hard link in the state", |g| fs::hard_link(g.bundle().join("file"), g.state().join("hard"))),
    ("make a pipe with a name in the state", |g| {
        let path = std::ffi::CString::new(g.state().join("pipe").as_os_str().as_encoded_bytes())?;
        tried(libc::SYS_mknodat, [libc::AT_FDCWD as usize, path.as_ptr() as usize, (libc::S_IFIFO | 0o600) as usize, 0, 0, 0])
    }),
    ("change the mode of a file of the bundle", |g| {
        let file = fs::File::open(g.bundle().join("file"))?;
        file.set_permissions(file.metadata()?.permissions())
    }),
    ("change the mode of a file, by its path", |g| {
        let path = g.bundle().join("file");
        fs::set_permissions(&path, fs::metadata(&path)?.permissions())
    }),
    ("change the time of a file of the bundle", |g| fs::File::open(g.bundle().join("file"))?.set_modified(std::time::UNIX_EPOCH)),
    ("open by a call whose flags no filter sees", |g| {
        let path = std::ffi::CString::new(g.bundle().join("file").as_os_str().as_encoded_bytes())?;
        let how = [libc::O_RDWR as u64, 0, 0];
        tried(libc::SYS_openat2, [libc::AT_FDCWD as usize, path.as_ptr() as usize, how.as_ptr() as usize, size_of_val(&how), 0, 0])
    }),
    ("move a file of the state out of it", |g| {
        fs::write(g.state().join("own"), "")?;
        fs::rename(g.state().join("own"), g.folder().join("own"))
    }),
    ("make a file beside the state, by ..", |g| fs::write(g.state().join("../beside"), "")),
    ("change an owner", |g| std::os::unix::fs::chown(g.bundle().join("file"), None, None)),
    ("remove a file of the bundle", |g| fs::remove_file(g.bundle().join("file"))),
];

/// By its path, as no open descriptor is needed for.
fn truncate(path: &Path) -> io::Result<()> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes())?;
    tried(libc::SYS_truncate, [path.as_ptr() as usize, 0, 0, 0, 0, 0])
}
