//! Files where the kernel has no Landlock. A second process of this program, started before the seal, opens them for the sealed
//! one: the broker. The filter hands it each call that names a place (`openat`, `mkdirat`, `renameat`, `unlinkat` and their older
//! names), and it makes the call itself, below the files and folders that were named and nowhere else.
//!
//! It reads the place out of the memory of the sealed process once, and works with that copy: what the sealed process changes there
//! afterwards changes nothing. It reads no file.

mod roots;
mod serve;
mod wire;

use std::ffi::OsString;
use std::fs::File;
use std::io;

use rustix::process::PTracer;

use super::{Needs, filter};
use crate::session::apart;

pub use serve::serve;

/// A broker that waits for the calls that it is to make.
pub(super) struct Broker(File);

/// Starts it; whatever it is told is told before anything was read.
pub(super) fn start(needs: &Needs) -> io::Result<Broker> {
    let of = |option: &str, list: &[std::path::PathBuf]| -> Vec<OsString> {
        list.iter()
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| {
                let mut argument = OsString::from(option);
                argument.push(path);
                argument
            })
            .collect()
    };
    let (pid, mut link) = apart::start_broker(&[of("--read=", &needs.read), of("--write=", &needs.write)].concat())?;
    // Where Yama restricts who reads another's memory it is a process's own to say who may. Elsewhere the kernel does not know it.
    let _ = rustix::process::set_ptracer(PTracer::ProcessID(pid));
    apart::tell(&mut link, &[b"read me"])?;
    ready(&mut link)?;
    Ok(Broker(link))
}

impl Broker {
    /// Hands it the end of the filter that calls come out of. This process keeps none.
    pub(super) fn take_over(mut self) -> Result<(), String> {
        let said = |e: io::Error| e.to_string();
        let calls = wire::listen(&filter::handed_over()?).map_err(said)?;
        wire::send(&self.0, &calls).map_err(said)?;
        drop(calls);
        ready(&mut self.0).map_err(said)
    }
}

/// Waits until it says that it can go on.
fn ready(link: &mut File) -> io::Result<()> {
    match apart::hear(link)?.as_deref() {
        Some([word]) if word == b"ready" => Ok(()),
        Some([word, why]) if word == b"refused" => Err(io::Error::other(String::from_utf8_lossy(why).into_owned())),
        _ => Err(io::Error::other("the process that opens files is gone")),
    }
}
