//! The room's clocks. The wall clock is shown and recorded, never trusted: order comes from the journal's numbers.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Time since this process first asked: monotonic, for guards and pacing.
#[must_use]
pub fn uptime() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The wall clock, RFC 3339 in UTC with whole seconds.
#[must_use]
pub(super) fn wall() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The wall clock in seconds since the epoch: what a time of signing is compared with.
#[must_use]
pub fn seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The wall clock's date, for bag-info.txt.
#[must_use]
pub fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// Seconds since the machine was started and the id of that start, so that a clock set back can be seen. Empty where the
/// system does not tell (they are Linux's `/proc/uptime` and `boot_id`).
#[must_use]
pub(super) fn boot() -> (String, String) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let seconds = read("/proc/uptime").split(' ').next().unwrap_or_default().to_owned();
    let id = read("/proc/sys/kernel/random/boot_id").trim().to_owned();
    (seconds, id)
}

/// Now, by all of the room's clocks.
#[must_use]
pub(super) fn stamp() -> crate::review::journal::Stamp {
    let (boottime, boot_id) = boot();
    crate::review::journal::Stamp { wall: wall(), boottime, boot_id }
}

/// The name of this machine; empty where the system does not tell (it is Linux's `/proc/sys/kernel/hostname`).
#[must_use]
pub(super) fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// The number of this process; 0 where the system does not tell (it is where Linux's `/proc/self` points).
#[must_use]
pub(super) fn process() -> u32 {
    let own = std::fs::read_link("/proc/self").ok();
    own.and_then(|path| path.to_str()?.parse().ok()).unwrap_or(0)
}
