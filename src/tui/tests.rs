//! Keys in, state out; and what is drawn, at every size.

use super::action::{Input, Screen};
use super::app::Dialog;
use super::fixture::{Bench, facts};
use crate::review::{Body, Ruling};

/// Prints every screen, for looking at: `cargo test --lib look -- --ignored --nocapture`.
#[test]
#[ignore = "prints the screens"]
#[allow(clippy::print_stdout)]
fn look() {
    let (columns, rows) = std::env::var("LOOK")
        .ok()
        .and_then(|s| s.split_once('x').map(|(c, r)| (c.parse().unwrap(), r.parse().unwrap())))
        .unwrap_or((80, 24));
    let walks = std::env::var("WALK").unwrap_or_else(|_| "1,2 j j j j j j <enter>,3,4,n n,6,7,7 p <enter>,7 S <enter>,?".into());
    for walk in walks.split(',') {
        println!("--- {walk}\n{}", Bench::new(columns, rows).walk(walk).text());
    }
}

#[test]
fn n_opens_the_first_difference_and_accepting_goes_on() {
    let mut bench = Bench::new(120, 40);
    bench.walk("n");
    assert_eq!(bench.app.screen, Screen::Overview, "an extra file is first");
    bench.walk("a n");
    assert_eq!(bench.app.screen, Screen::Compare);
}
