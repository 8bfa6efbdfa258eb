//! The seal: before a byte of a bundle is read, the process gives up all that reading it does not need.
//!
//! A seccomp filter keeps it from the network, from other programs and from other processes; Landlock keeps it to the files
//! that were named and to the state folder. Where the kernel has no Landlock a second process opens them for it (`broker`). None of
//! that can be taken off again, by this process or by anything that it runs.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod broker;
#[cfg(target_os = "linux")]
mod files;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod filter;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
pub(super) mod raw;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use broker::serve;
#[cfg(target_os = "linux")]
pub use probe::{Ground, Probed, probe};

/// How far the process is sealed; each level holds what the one before it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not at all.
    #[default]
    None,
    /// No network, no other program, no other process, and no file is written outside of the state and export folders. Files are
    /// opened by a second process, and only those that were named; where the kernel cannot hand them over (before Linux 5.9),
    /// other files can be read, and what writes does not run.
    SeccompOnly,
    /// The same, with the kernel itself (Landlock) in place of the second process.
    Full,
}

impl Level {
    /// The word for it, as records have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::SeccompOnly => "seccomp-only",
            Self::None => "none",
        }
    }

    /// The level that a word names.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Full, Self::SeccompOnly, Self::None].into_iter().find(|level| level.word() == word)
    }
}

/// The files that the sealed process still reaches.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Files and folders that are read, with all that is in them. What is not there is passed over.
    pub read: Vec<PathBuf>,
    /// Folders that are written in, and read. They are made when they are not there.
    pub write: Vec<PathBuf>,
}

impl Needs {
    /// Those that are read.
    #[must_use]
    pub fn reading<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        Self { read: paths.into_iter().map(Path::to_owned).collect(), write: Vec::new() }
    }

    /// Adds the folder that a file is written into.
    #[must_use]
    pub fn and_folder_of(mut self, file: &Path) -> Self {
        let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.write.push(folder.to_owned());
        self
    }

    /// Adds a folder that is written in, where there is one.
    #[must_use]
    pub fn and_folder(mut self, folder: Option<&Path>) -> Self {
        self.write.extend(folder.map(Path::to_owned));
        self
    }

    /// Adds the state folder: the one that was given, else the system's. Where there is none, whoever needs it says so.
    #[must_use]
    pub fn and_state(mut self, given: Option<&Path>) -> Self {
        self.write.extend(super::folders::state(given));
        self
    }
}

static IN_FORCE: OnceLock<Level> = OnceLock::new();

/// The level that is in force in this process.
#[must_use]
pub fn in_force() -> Level {
    IN_FORCE.get().copied().unwrap_or_default()
}

/// Seals this process as far as the system can, and says how far that is. `least` is what is asked for at least; with
/// [`Level::None`] nothing is done. It is called once, before there is a second thread.
///
/// # Errors
/// In words, when the system offers less than `least`. The process may be sealed in part then and must not go on.
pub fn seal(needs: &Needs, least: Level) -> Result<Level, String> {
    if least == Level::None {
        return Ok(Level::None);
    }
    // What is asked of the system once and kept: later it may not be told.
    super::cores::count();
    let level = apply(needs)?;
    if level < least {
        return Err(format!(
            "this system offers the seal {} and {} was asked for: Landlock, which keeps the program to the files that you named, is not \
             there (Linux 5.13 or newer has it); --seal {} takes what there is, and the record says so",
            level.word(),
            least.word(),
            level.word()
        ));
    }
    Ok(*IN_FORCE.get_or_init(|| level))
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn apply(needs: &Needs) -> Result<Level, String> {
    // Landlock takes effect on the thread that asks and on those that it starts: there must be no other.
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(format!("the program cannot seal itself: it has {threads} threads already; report this"));
    }
    let kept = files::restrict(needs)?;
    let writing = !needs.write.is_empty();
    let none =
        |e: String| format!("there is no seal on this system: {e}; with --seal none the program runs without one, and the record says so");
    let broker = if kept { None } else { Some(broker::start(needs)) };
    filter::install_threads().map_err(none)?;
    let places = match broker.map(|started| started.map_err(|e| e.to_string()).and_then(|broker| broker.take_over())) {
        None | Some(Ok(())) => filter::Places::Seen,
        Some(Err(_)) if !writing => filter::Places::OnlyRead,
        Some(Err(why)) => {
            return Err(none(format!(
                "without Landlock (Linux 5.13 or newer) another process opens the files that this one may write, and it does not: {why}"
            )));
        }
    };
    filter::install(writing, &places).map_err(none)?;
    Ok(if kept { Level::Full } else { Level::SeccompOnly })
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn apply(_needs: &Needs) -> Result<Level, String> {
    Err("there is no seal on this system (it is made for Linux on x86-64 and aarch64); with --seal none the program runs without one, \
         and the record says so"
        .to_owned())
}

/// Ends the process at once, when everything was written: the memory that it held goes with it, and is not given back piece by piece
/// while somebody waits. Returns where there is no such call.
pub fn leave(code: u8) {
    use std::io::Write as _;
    let _ = std::io::stdout().flush();
    #[cfg(target_os = "linux")]
    let _ = raw::call(libc::SYS_exit_group, [code.into(), 0, 0, 0, 0, 0]);
    #[cfg(not(target_os = "linux"))]
    let _ = code;
}
