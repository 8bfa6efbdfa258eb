//! Threads of the front end, and the wish of the system that the program ends.

/// Runs `work` on a thread of its own (the terminal's input loop).
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    // Without a thread there is no input: the caller sees a closed channel and leaves.
    let _ = std::thread::Builder::new().name(name.to_owned()).spawn(work);
}

/// Listens to the wish of the system that the program ends.
pub type Signals = std::io::PipeReader;

/// Begins to listen (SIGTERM, SIGHUP): until somebody asks [`on_termination`] for them, they wait. Where no handler can be set
/// the system's own takes effect, as for any program.
#[must_use]
pub fn signals() -> Option<Signals> {
    use signal_hook::consts::{SIGHUP, SIGTERM};
    // A pipe, and no pair of sockets: a sealed process makes no call of the network.
    let (reader, writer) = std::io::pipe().ok()?;
    for signal in [SIGTERM, SIGHUP] {
        signal_hook::low_level::pipe::register(signal, writer.try_clone().ok()?).ok()?;
    }
    Some(reader)
}

/// Calls `ask` when the system asks the program to end: the terminal must be put back first.
pub fn on_termination(signals: Option<Signals>, ask: impl Fn() + Send + 'static) {
    use std::io::Read as _;
    if let Some(mut signals) = signals {
        spawn("signals", move || {
            while signals.read_exact(&mut [0]).is_ok() {
                ask();
            }
        });
    }
}
