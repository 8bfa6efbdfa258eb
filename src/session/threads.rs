//! Threads of the front end, and the wish of the system that the program ends.

/// Runs `work` on a thread of its own (the terminal's input loop).
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    // Without a thread there is no input: the caller sees a closed channel and leaves.
    let _ = std::thread::Builder::new().name(name.to_owned()).spawn(work);
}

/// Calls `ask` when the system asks the program to end (SIGTERM, SIGHUP): the terminal must be put back first.
pub fn on_termination(ask: impl Fn() + Send + 'static) {
    use signal_hook::consts::{SIGHUP, SIGTERM};
    // Where no handler can be set the system's own takes effect, as for any program.
    if let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP]) {
        spawn("signals", move || {
            for _ in signals.forever() {
                ask();
            }
        });
    }
}
