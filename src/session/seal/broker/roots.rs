//! The files and folders that were named, and calls made below them.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use crate::session::seal::files::SYSTEM;
use crate::session::seal::raw::{call, owned};
use crate::session::seal::{Needs, filter};

/// What the calls below a root are kept to: nothing of a path leads out of it, and no link of `/proc` is followed.
const RESOLVE: u64 = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS;

/// Flags of `openat` that are handed on. `O_NOFOLLOW`, `O_DIRECTORY` and the like only take away.
const KNOWN: i32 = libc::O_ACCMODE
    | libc::O_CREAT
    | libc::O_EXCL
    | libc::O_TRUNC
    | libc::O_APPEND
    | libc::O_NONBLOCK
    | libc::O_DSYNC
    | libc::O_SYNC
    | libc::O_DIRECTORY
    | libc::O_NOFOLLOW
    | libc::O_NOATIME
    | libc::O_CLOEXEC
    | libc::O_PATH
    | libc::O_TMPFILE;

struct Root {
    /// Its paths: as it was named, and without links.
    names: Vec<PathBuf>,
    at: OwnedFd,
    write: bool,
}

/// All of them.
pub(super) struct Roots(Vec<Root>);

/// The number of an error.
pub(super) fn number(error: &io::Error) -> i32 {
    // Out of the root is a place where nothing is allowed.
    error.raw_os_error().map_or(libc::EIO, |n| if n == libc::EXDEV { libc::EACCES } else { n })
}

fn text(path: &Path) -> Result<std::ffi::CString, i32> {
    std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| libc::EINVAL)
}

impl Roots {
    /// Opens them without reading them. What is not there is passed over, as the seal with Landlock does.
    pub(super) fn open(needs: &Needs) -> Self {
        let read = SYSTEM.iter().map(Path::new).chain(needs.read.iter().map(PathBuf::as_path)).map(|path| (path, false));
        let all = read.chain(needs.write.iter().map(|path| (path.as_path(), true)));
        Self(all.filter_map(|(path, write)| Root::open(path, write)).collect())
    }

    /// The root that the path is below, the nearest of those that will do, and the rest of the path.
    fn find<'a>(&self, path: &'a Path, writes: bool) -> Option<(&Root, &'a Path)> {
        let named = self.0.iter().filter(|root| root.write || !writes).flat_map(|root| root.names.iter().map(move |name| (root, name)));
        let fits = named.filter_map(|(root, name)| Some((name.as_os_str().len(), root, path.strip_prefix(name).ok()?)));
        fits.max_by_key(|(length, _, _)| *length).map(|(_, root, rest)| (root, rest))
    }

    /// Opens the file at that whole path.
    pub(super) fn open_file(&self, path: &Path, flags: i32, mode: u32) -> Result<OwnedFd, i32> {
        let writes = filter::writes(flags);
        let Some((root, rest)) = self.find(path, writes) else {
            // As the kernel says it: what is not there is not there, wherever that is.
            return Err(if writes || fs::symlink_metadata(path).is_ok() { libc::EACCES } else { libc::ENOENT });
        };
        // A pipe that nobody writes to must not keep all other calls waiting.
        let waits = flags & (libc::O_NONBLOCK | libc::O_PATH) == 0;
        let own = (flags & KNOWN) | libc::O_CLOEXEC | if waits { libc::O_NONBLOCK | libc::O_NOCTTY } else { 0 };
        let file = match rest.as_os_str().is_empty() {
            true if flags & (libc::O_CREAT | libc::O_EXCL) == libc::O_CREAT | libc::O_EXCL => return Err(libc::EEXIST),
            true => root.open_itself(own & !(libc::O_CREAT | libc::O_NOFOLLOW)),
            false => root.open_below(rest, own, mode),
        }?;
        if waits {
            // F_SETFL takes no notice of how it was opened.
            let set = own & !libc::O_NONBLOCK;
            call(libc::SYS_fcntl, [file.as_raw_fd() as usize, libc::F_SETFL as usize, set as usize, 0, 0, 0]).map_err(|e| number(&e))?;
        }
        Ok(file)
    }

    /// The folder that the last name of the path is in, open, and that name: below a root that is written in.
    fn folder_of<'a>(&self, path: &'a Path) -> Result<(OwnedFd, &'a Path), i32> {
        let (root, rest) = self.find(path, true).ok_or(libc::EACCES)?;
        let Some(Component::Normal(name)) = rest.components().next_back() else { return Err(libc::EACCES) };
        let folder = rest.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok((root.open_below(folder, libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC, 0)?, Path::new(name)))
    }

    pub(super) fn make_folder(&self, path: &Path, mode: u32) -> Result<(), i32> {
        // Of what is there already everybody is told so, as by the kernel.
        if fs::symlink_metadata(path).is_ok() {
            return Err(libc::EEXIST);
        }
        let (folder, name) = self.folder_of(path)?;
        let name = text(name)?;
        let arguments = [folder.as_raw_fd() as usize, name.as_ptr() as usize, mode as usize, 0, 0, 0];
        call(libc::SYS_mkdirat, arguments).map(drop).map_err(|e| number(&e))
    }

    pub(super) fn remove(&self, path: &Path, flags: i32) -> Result<(), i32> {
        let (folder, name) = self.folder_of(path)?;
        let name = text(name)?;
        let arguments = [folder.as_raw_fd() as usize, name.as_ptr() as usize, (flags & libc::AT_REMOVEDIR) as usize, 0, 0, 0];
        call(libc::SYS_unlinkat, arguments).map(drop).map_err(|e| number(&e))
    }

    pub(super) fn rename(&self, from: &Path, to: &Path, flags: u32) -> Result<(), i32> {
        if flags & !libc::RENAME_NOREPLACE != 0 {
            return Err(libc::EINVAL);
        }
        let ((from_folder, from), (to_folder, to)) = (self.folder_of(from)?, self.folder_of(to)?);
        let (from, to) = (text(from)?, text(to)?);
        let (a, b) = (from_folder.as_raw_fd() as usize, to_folder.as_raw_fd() as usize);
        let arguments = [a, from.as_ptr() as usize, b, to.as_ptr() as usize, flags as usize, 0];
        call(libc::SYS_renameat2, arguments).map(drop).map_err(|e| number(&e))
    }
}

impl Root {
    fn open(path: &Path, write: bool) -> Option<Self> {
        let at = fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path).ok()?;
        let names = [std::path::absolute(path), fs::canonicalize(path)].into_iter().flatten().collect();
        Some(Self { names, at: at.into(), write })
    }

    /// A descriptor of its own of what was named, which is what it was when it was named.
    fn open_itself(&self, flags: i32) -> Result<OwnedFd, i32> {
        let path = format!("/proc/self/fd/{}", self.at.as_raw_fd());
        let path = text(Path::new(&path))?;
        let arguments = [libc::AT_FDCWD as usize, path.as_ptr() as usize, flags as usize, 0, 0, 0];
        call(libc::SYS_openat, arguments).and_then(owned).map_err(|e| number(&e))
    }

    fn open_below(&self, rest: &Path, flags: i32, mode: u32) -> Result<OwnedFd, i32> {
        let path = text(rest)?;
        let makes = filter::makes(flags);
        // `struct open_how`: flags, mode, what is resolved.
        let how = [u64::from(flags as u32), if makes { u64::from(mode & 0o7777) } else { 0 }, RESOLVE];
        let arguments = [self.at.as_raw_fd() as usize, path.as_ptr() as usize, how.as_ptr() as usize, size_of_val(&how), 0, 0];
        // A name on the way was changed while it was looked at: the kernel asks to do it again.
        let tries = (0..8).map(|_| call(libc::SYS_openat2, arguments).and_then(owned).map_err(|e| number(&e)));
        let mut last = Err(libc::EAGAIN);
        for one in tries {
            last = one;
            if !matches!(last, Err(libc::EAGAIN)) {
                break;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    /// A bundle that is read, a state that is written, and what lies beside them.
    fn ground() -> (tempfile::TempDir, Roots) {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["bundle/sub", "state/sub", "beside"] {
            fs::create_dir_all(at(name)).expect("made");
        }
        for name in ["bundle/file", "state/file", "beside/file", "named"] {
            fs::write(at(name), name).expect("written");
        }
        for (to, name) in [("../beside", "bundle/out"), ("../beside", "state/out"), ("sub", "state/in"), ("/", "state/root")] {
            std::os::unix::fs::symlink(to, at(name)).expect("linked");
        }
        let needs = Needs { read: vec![at("bundle"), at("named"), at("not there")], write: vec![at("state")] };
        let roots = Roots::open(&needs);
        (folder, roots)
    }

    const READ: i32 = libc::O_RDONLY;
    const MAKE: i32 = libc::O_RDWR | libc::O_CREAT;

    #[test]
    fn what_was_named_is_opened_and_nothing_else() {
        let (folder, roots) = ground();
        let open = |name: &str, flags: i32| roots.open_file(&folder.path().join(name), flags, 0o644).map(fs::File::from);
        for (name, content) in
            [("bundle/file", "bundle/file"), ("bundle/sub/../file", "bundle/file"), ("state/file", "state/file"), ("named", "named")]
        {
            let mut text = String::new();
            open(name, READ).expect("opened").read_to_string(&mut text).expect("read");
            assert_eq!(text, content, "{name}");
        }
        for name in ["bundle", "state", "state/sub", "state/in"] {
            assert!(open(name, READ | libc::O_DIRECTORY).is_ok(), "{name}");
        }
        for name in ["beside/file", "bundle/out/file", "state/out/file", "bundle/../beside/file", "state/../beside/file", "state/root/etc"]
        {
            assert_eq!(open(name, READ).map(drop), Err(libc::EACCES), "{name}");
            assert_eq!(open(name, MAKE).map(drop), Err(libc::EACCES), "{name}");
        }
        for name in ["bundle/file", "bundle/new", "named", "named/x", "new"] {
            for flags in [MAKE, libc::O_WRONLY, libc::O_RDONLY | libc::O_TRUNC, libc::O_RDONLY | libc::O_CREAT] {
                assert_eq!(open(name, flags).map(drop), Err(libc::EACCES), "{name}");
            }
        }
        assert_eq!(open("bundle/absent", READ).map(drop), Err(libc::ENOENT));
        assert_eq!(open("not there", READ).map(drop), Err(libc::ENOENT));
        assert_eq!(open("state", MAKE | libc::O_EXCL).map(drop), Err(libc::EEXIST));
        open("state/new", MAKE | libc::O_EXCL).expect("made").write_all(b"x").expect("written");
        assert_eq!(open("state/new", MAKE | libc::O_EXCL).map(drop), Err(libc::EEXIST));
    }

    #[test]
    fn files_are_made_moved_and_removed_below_what_is_written_only() {
        let (folder, roots) = ground();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(roots.make_folder(&at("state/a"), 0o755), Ok(()));
        assert_eq!(roots.make_folder(&at("state/a"), 0o755), Err(libc::EEXIST));
        assert_eq!(roots.make_folder(&at("state/in/b"), 0o755), Ok(()), "a link that stays");
        assert_eq!(roots.rename(&at("state/file"), &at("state/a/file"), 0), Ok(()));
        assert_eq!(roots.remove(&at("state/a/file"), 0), Ok(()));
        assert_eq!(roots.remove(&at("state/a/"), libc::AT_REMOVEDIR), Ok(()));
        for name in ["bundle/new", "beside/new", "state/out/new", "state/../new", "state/root/new", "state/a/../../new"] {
            assert!(roots.make_folder(&at(name), 0o755).is_err(), "{name}");
        }
        for name in ["bundle/file", "beside/file", "state/out/file", "state/../beside/file", "named", "state/..", "state"] {
            assert_eq!(roots.remove(&at(name), 0), Err(libc::EACCES), "{name}");
            assert_eq!(roots.rename(&at(name), &at("state/taken"), 0), Err(libc::EACCES), "{name}");
            assert_eq!(roots.rename(&at("state/sub"), &at(name), 0), Err(libc::EACCES), "{name}");
        }
        assert_eq!(roots.rename(&at("state/sub"), &at("state/b"), libc::RENAME_EXCHANGE), Err(libc::EINVAL));
        assert!(at("bundle/file").is_file() && at("beside/file").is_file() && !at("beside/new").exists());
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_keeps_nobody_waiting() {
        let (folder, roots) = ground();
        let path = folder.path().join("bundle/pipe");
        let name = text(&path).expect("a path");
        let arguments = [libc::AT_FDCWD as usize, name.as_ptr() as usize, (libc::S_IFIFO | 0o600) as usize, 0, 0, 0];
        call(libc::SYS_mknodat, arguments).expect("made");
        let pipe = roots.open_file(&path, READ, 0).expect("opened");
        let flags = call(libc::SYS_fcntl, [pipe.as_raw_fd() as usize, libc::F_GETFL as usize, 0, 0, 0, 0]).expect("flags");
        assert_eq!(flags as i32 & libc::O_NONBLOCK, 0, "reading it waits, as was asked for");
    }
}
