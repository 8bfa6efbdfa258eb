//! The parts of a comparison may be done in any order and on any thread: the outcome is the same. What is left out or given
//! up is not examined, and never counts as equal. `COUNTERSIGN_PAIR=SHIPPED:REBUILT` tells how soon a comparison of these two
//! files ends once it is given up.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says what it measured")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::diff::{self, Context, Limits, Share};
use countersign::model::{Node, ResultMark};

use comparing::archive::{self, file};

mod comparing;

fn compare(a: &[u8], b: &[u8], share: &Share<'_>, cancelled: &(dyn Fn() -> bool + Sync)) -> Node {
    let context =
        Context { source: None, source_content: None, debug: &[], limits: Limits::default(), cancelled, share, progress: &|_| {} };
    diff::compare("x".into(), a.into(), b.into(), &context)
}

fn pairs() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let made = |a: &str, b: &str| (comparing::made(a), comparing::made(b));
    let names =
        [("dated-later", "dated"), ("absolute-two", "absolute-one"), ("backdoor", "clean"), ("stripped", "clean"), ("timed.a", "plain.a")];
    let mut out: Vec<_> = names.iter().map(|(a, b)| (*a, made(a, b).0, made(a, b).1)).collect();
    let package = |extra: &[u8]| {
        // Large enough, and not to be packed, that streams are unpacked at the same time.
        let mut random = comparing::Random(3);
        let noise = (0..80_000).map(|_| u8::try_from(random.below(256)).unwrap());
        let tool = [comparing::made("clean"), noise.collect(), extra.to_vec()].concat();
        archive::deb(&[file("./control", b"x")], &[file("./bin/tool", &tool), file("./text", &extra.repeat(200_000))])
    };
    out.push(("a package", package(b"ab"), package(b"ac")));
    out
}

/// Everything of a comparison that can be printed.
fn all_of(node: &Node) -> String {
    let mut out = String::new();
    node.walk(&mut |trail| {
        let n = trail.last().unwrap();
        out += &format!("{:?} {:?} {:?} {:?} {:?} {}\n", n.name, n.result, n.size, n.digest, n.account, n.why);
        out += &format!(
            "{:?} {:?} {:?} {:?} {} {:?} {:?}\n",
            n.proofs, n.tried, n.metadata, n.functions, n.same_functions, n.regions, n.facts
        );
    });
    out
}

#[test]
fn order_and_threads_change_nothing() {
    let backwards = |count: usize, each: &(dyn Fn(usize) + Sync)| (0..count).rev().for_each(each);
    let threads = |count: usize, each: &(dyn Fn(usize) + Sync)| {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(i) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < count) {
                        each(i);
                    }
                });
            }
        });
    };
    for (name, a, b) in pairs() {
        let plain = all_of(&compare(&a, &b, &diff::in_order, &|| false));
        assert_eq!(plain, all_of(&compare(&a, &b, &backwards, &|| false)), "{name} backwards");
        for _ in 0..3 {
            assert_eq!(plain, all_of(&compare(&a, &b, &threads, &|| false)), "{name} on threads");
        }
    }
}

#[test]
fn what_is_left_out_is_never_equal() {
    for (name, a, b) in pairs() {
        let calls = AtomicUsize::new(0);
        let count = |n: usize, each: &(dyn Fn(usize) + Sync)| {
            calls.fetch_add(n, Ordering::Relaxed);
            (0..n).for_each(each);
        };
        let whole = compare(&a, &b, &count, &|| false);
        let all = calls.load(Ordering::Relaxed);
        for left_out in 0..all {
            let calls = AtomicUsize::new(0);
            let share = |n: usize, each: &(dyn Fn(usize) + Sync)| {
                (0..n).filter(|_| calls.fetch_add(1, Ordering::Relaxed) != left_out).for_each(each);
            };
            let node = compare(&a, &b, &share, &|| false);
            comparing::sound(&node, false);
            // A digest that another thread did not make is made here; all else is missed.
            let same = all_of(&node) == all_of(&whole);
            assert!(same || !node.result.is_equal(), "{name} without part {left_out} of {all}: {}", node.why);
        }
    }
}

#[test]
fn a_large_pair_ends_soon_after_it_is_given_up() {
    let Ok(pair) = std::env::var("COUNTERSIGN_PAIR") else { return };
    let (a, b) = pair.split_once(':').unwrap();
    let (a, b) = (std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
    let start = Instant::now();
    compare(&a, &b, &diff::in_order, &|| false);
    let whole = start.elapsed();
    let mut slowest = Duration::ZERO;
    for n in 0..20 {
        let start = Instant::now();
        let at = whole * n / 20;
        compare(&a, &b, &diff::in_order, &|| start.elapsed() >= at);
        slowest = slowest.max(start.elapsed().saturating_sub(at));
    }
    println!("{whole:?} in all; given up at 20 times, it ended {slowest:?} later at most");
}

#[test]
fn a_comparison_that_is_given_up_is_not_examined_and_ends_at_once() {
    for (name, a, b) in pairs() {
        let asked = AtomicUsize::new(0);
        let whole = compare(&a, &b, &diff::in_order, &|| {
            asked.fetch_add(1, Ordering::Relaxed);
            false
        });
        let all = asked.load(Ordering::Relaxed);
        assert!(all > 0, "{name}: nobody asks whether to go on");
        for at in (0..all).step_by(all / 40 + 1) {
            let asked = AtomicUsize::new(0);
            let given_up = std::sync::Mutex::new(None);
            let node = compare(&a, &b, &diff::in_order, &|| {
                let now = asked.fetch_add(1, Ordering::Relaxed) >= at;
                if now {
                    given_up.lock().unwrap().get_or_insert_with(Instant::now);
                }
                now
            });
            comparing::sound(&node, false);
            assert!(!node.result.is_equal(), "{name} given up at {at} of {all}: {}", node.why);
            let mut said = false;
            node.walk(&mut |trail| {
                let n = trail.last().unwrap();
                said |= n.result == ResultMark::NotExamined && n.why.contains("cancelled");
            });
            assert!(said || all_of(&node) == all_of(&whole), "{name} given up at {at} of {all} does not say so: {}", node.why);
            let took = given_up.into_inner().unwrap().unwrap().elapsed();
            assert!(took < Duration::from_secs(1), "{name}: {took:?} after it was given up at {at}");
        }
    }
}
