//! The broker's own process.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::roots::{Roots, number};
use super::wire;
use crate::session::apart;
use crate::session::seal::{Needs, filter};

/// The longest path of the kernel, with the zero at its end.
const PATH_MAX: u64 = 4096;

/// The process whose calls are made here.
struct Sealed {
    memory: File,
    number: i32,
    folder: PathBuf,
    roots: Roots,
}

/// Opens files for the process that started this one, as long as that lives. Standard output is the connection to it.
///
/// # Errors
/// In words, when this process was not started by another of this program, or the system does not let it.
pub fn serve(needs: &Needs) -> Result<(), String> {
    let link = io::stdout().as_fd().try_clone_to_owned().map_err(|e| e.to_string())?;
    let not_ours = |_| "a broker is started by countersign itself".to_owned();
    let socket = std::os::unix::net::UnixStream::from(link);
    socket.peer_addr().map_err(not_ours)?;
    let mut link = File::from(OwnedFd::from(socket));
    apart::end_with_parent();
    // What the terminal sends to the foreground is for the other one: its last words are still to be written.
    let _ = rustix::process::setsid();
    let sealed = match apart::hear(&mut link).ok().flatten().as_deref() {
        Some([word]) if word == b"read me" => Sealed::new(needs),
        _ => return Err("a broker is started by countersign itself".to_owned()),
    };
    let sealed = match sealed {
        Ok(sealed) => sealed,
        Err(why) => {
            let _ = apart::tell(&mut link, &[b"refused", why.as_bytes()]);
            return Err(why);
        }
    };
    let say = |link: &mut File| apart::tell(link, &[b"ready"]).map_err(|e| e.to_string());
    say(&mut link)?;
    let calls = wire::receive(&link).map_err(|e| e.to_string())?;
    if let Err(why) = filter::install_for_broker(&wire::REQUESTS) {
        let _ = apart::tell(&mut link, &[b"refused", why.as_bytes()]);
        return Err(why);
    }
    say(&mut link)?;
    drop(link);
    while let Some(asked) = wire::next(calls.as_fd()).map_err(|e| e.to_string())? {
        let result = match sealed.make(asked.data.nr.into(), asked.data.args) {
            Ok(Made::File(file, close)) => wire::give(calls.as_fd(), asked.id, &file, close).map_err(|e| number(&e)),
            Ok(Made::Done) => Ok(0),
            Err(error) => Err(error),
        };
        wire::answer(calls.as_fd(), asked.id, result);
    }
    Ok(())
}

/// What came of a call.
enum Made {
    /// A file, and whether it is closed when another program starts.
    File(OwnedFd, bool),
    Done,
}

impl Sealed {
    fn new(needs: &Needs) -> Result<Self, String> {
        let parent = rustix::process::getppid().ok_or("the process that asked is gone")?;
        let number = parent.as_raw_nonzero().get();
        let memory =
            File::open(format!("/proc/{number}/mem")).map_err(|e| format!("its memory cannot be read ({e}), and with it no path"))?;
        let folder = std::env::current_dir().map_err(|e| e.to_string())?;
        Ok(Self { memory, number, folder, roots: Roots::open(needs) })
    }

    /// The whole path that two arguments name.
    fn path(&self, folder: u64, at: u64) -> Result<PathBuf, i32> {
        let mut text = Vec::new();
        let mut memory = &self.memory;
        memory.seek(io::SeekFrom::Start(at)).map_err(|_| libc::EFAULT)?;
        // What follows the path may be memory that is not there.
        let _ = memory.take(PATH_MAX).read_to_end(&mut text);
        let end = text.iter().position(|b| *b == 0).ok_or(if text.len() as u64 == PATH_MAX { libc::ENAMETOOLONG } else { libc::EFAULT })?;
        text.truncate(end);
        if text.is_empty() {
            return Err(libc::ENOENT);
        }
        let path = Path::new(std::ffi::OsStr::from_bytes(&text));
        // A descriptor is an `int`: its upper half says nothing.
        let folder = folder as i32;
        if path.is_absolute() {
            Ok(path.to_owned())
        } else if folder == libc::AT_FDCWD {
            Ok(self.folder.join(path))
        } else {
            let place = std::fs::read_link(format!("/proc/{}/fd/{folder}", self.number)).map_err(|_| libc::EBADF)?;
            Ok(place.join(path))
        }
    }

    fn make(&self, number: libc::c_long, arguments: [u64; 6]) -> Result<Made, i32> {
        let [a, b, c, d, e, _] = arguments;
        let here = libc::AT_FDCWD as u64;
        let open = |folder, at, flags: u64, mode: u64| {
            let flags = flags as i32;
            let file = self.roots.open_file(&self.path(folder, at)?, flags, mode as u32)?;
            Ok(Made::File(file, flags & libc::O_CLOEXEC != 0))
        };
        let done = |result: Result<(), i32>| result.map(|()| Made::Done);
        match number {
            libc::SYS_openat => open(a, b, c, d),
            libc::SYS_mkdirat => done(self.roots.make_folder(&self.path(a, b)?, c as u32)),
            libc::SYS_unlinkat => done(self.roots.remove(&self.path(a, b)?, c as i32)),
            libc::SYS_renameat2 => done(self.roots.rename(&self.path(a, b)?, &self.path(c, d)?, e as u32)),
            libc::SYS_renameat => done(self.roots.rename(&self.path(a, b)?, &self.path(c, d)?, 0)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => open(here, a, b, c),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_mkdir => done(self.roots.make_folder(&self.path(here, a)?, b as u32)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_unlink => done(self.roots.remove(&self.path(here, a)?, 0)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rmdir => done(self.roots.remove(&self.path(here, a)?, libc::AT_REMOVEDIR)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename => done(self.roots.rename(&self.path(here, a)?, &self.path(here, b)?, 0)),
            _ => {
                let _ = here;
                Err(libc::EPERM)
            }
        }
    }
}
