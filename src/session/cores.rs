//! The cores of the machine, shared by everything that runs at the same time: work inside of work takes only what is idle.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

/// How many cores there are. Asked once: a sealed process cannot read what limits its group to fewer.
pub(super) fn count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
}

/// Threads for all cores but one. They stay: a comparison has a dozen steps that take less time than to make a thread, and what a
/// thread had of memory serves it again. `None` where the system has none to give.
fn threads() -> Option<&'static ThreadPool> {
    static THREADS: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let make = || ThreadPoolBuilder::new().num_threads(count() - 1).thread_name(|_| "work".to_owned()).build().ok();
    THREADS.get_or_init(make).as_ref()
}

/// How many threads are idle.
pub(super) struct Cores {
    idle: AtomicUsize,
}

impl Cores {
    /// All cores but that of the thread that asks.
    pub(super) fn new() -> Self {
        Self { idle: AtomicUsize::new(count() - 1) }
    }

    /// Calls `each` with every number below the count: on this thread, and on as many others as are idle now.
    pub(super) fn share(&self, count: usize, each: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= count {
                    return;
                }
                each(i);
            }
        };
        let helpers: Vec<Helper<'_>> = (1..count).map_while(|_| self.take()).collect();
        if helpers.is_empty() {
            return work();
        }
        let Some(threads) = threads() else { return work() };
        let work = &work;
        threads.in_place_scope(|scope| {
            for helper in helpers {
                scope.spawn(move |_| {
                    // Given back when this one is done, not when all are; also after a panic.
                    let _given_back = helper;
                    work();
                });
            }
            work();
        });
    }

    fn take(&self) -> Option<Helper<'_>> {
        let taken = self.idle.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        taken.ok().map(|_| Helper { idle: &self.idle })
    }
}

/// The right to one thread.
struct Helper<'a> {
    idle: &'a AtomicUsize,
}

impl Drop for Helper<'_> {
    fn drop(&mut self) {
        self.idle.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_number_comes_once_and_the_cores_come_back() {
        let cores = Cores { idle: AtomicUsize::new(3) };
        for count in [0, 1, 2, 5, 1000] {
            let seen = Mutex::new(Vec::new());
            // Work inside of work: with no core idle it is done by the thread that asks.
            cores.share(count, &|i| cores.share(2, &|j| seen.lock().unwrap().push((i, j))));
            let mut seen = seen.into_inner().unwrap();
            seen.sort_unstable();
            assert_eq!(seen, (0..count).flat_map(|i| [(i, 0), (i, 1)]).collect::<Vec<_>>());
            assert_eq!(cores.idle.load(Ordering::Relaxed), 3);
        }
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cores.share(9, &|i| assert_ne!(i, 4))));
        assert!(failed.is_err());
        assert_eq!(cores.idle.load(Ordering::Relaxed), 3);
    }
}
