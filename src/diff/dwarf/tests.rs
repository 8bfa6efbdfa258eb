//! Debug information made here, and that of real pairs with single bytes changed.

mod made;
mod real;

use std::collections::BTreeSet;

use self::made::{Unit, build};
use super::marks::Id;
use super::units::Outcome;
use super::walk::{Places, Walk};
use crate::model::{Cause, Side, Sides};

/// Causes and unexplained bytes of both sides, of all sections.
struct Seen {
    causes: BTreeSet<Cause>,
    unexplained: u64,
    outcome: Option<Outcome>,
    prefix: Option<Sides<Vec<u8>>>,
    over: bool,
}

fn sections(parts: &made::Sections) -> [&[u8]; 13] {
    let mut out = [&[][..]; 13];
    for (id, bytes) in parts {
        out[*id as usize] = bytes;
    }
    out
}

fn walked(old: &made::Sections, new: &made::Sections, producer: bool) -> Seen {
    walked_within(400_000_000, old, new, producer)
}

/// One walk over all units, and one in as many stretches as there may be, say the same of every byte.
fn walked_within(work: u64, old: &made::Sections, new: &made::Sections, producer: bool) -> Seen {
    let (whole, notes) = walked_in(usize::MAX / 4, work, old, new, producer, &crate::diff::in_order);
    // Whichever is done first.
    let backwards = |count: usize, each: &(dyn Fn(usize) + Sync)| (0..count).rev().for_each(each);
    let (_, others) = walked_in(0, work, old, new, producer, &backwards);
    assert!(notes == others, "stretches differ from the whole");
    whole
}

/// What is known of each section.
type Notes = Vec<(Sides<crate::model::Account>, Vec<(Cause, Sides<crate::model::Span>)>)>;

fn walked_in(
    stretch: usize,
    work: u64,
    old: &made::Sections,
    new: &made::Sections,
    producer: bool,
    share: &crate::diff::Share<'_>,
) -> (Seen, Notes) {
    // Code of both sides is at the same addresses, in units of 0x1000 bytes.
    let (same, loaded) = (|x: u64, y: u64| x == y, |_: Side, at: u64| at >= 0x1000);
    let places = Places { same: &same, loaded: &loaded };
    let mut walk = Walk::new(Sides::new(sections(old), sections(new)), true, &places, &|| false);
    walk.producer = producer;
    walk.left = work;
    walk.stretch = stretch;
    let outcome = walk.all(share);
    let over = walk.over.is_some();
    let mut seen = Seen { causes: BTreeSet::new(), unexplained: 0, outcome, prefix: walk.prefix.clone().map(|p| p.0), over };
    let tally = walk.marks.tally(&crate::diff::in_order).unwrap();
    let layouts = tally.layouts();
    let mut notes = Notes::new();
    for id in Id::ALL {
        let (account, spans) = tally.result(id, &layouts);
        notes.push((account.clone(), spans));
        for side in [Side::Shipped, Side::Rebuilt] {
            let own = account.get(side);
            assert_eq!(own.total(), walk.marks.bytes(side, id).len() as u64, "{id:?}");
            seen.causes.extend(own.explained.keys());
            seen.unexplained += own.unexplained;
        }
    }
    (seen, notes)
}

fn explained(old: &[Unit], new: &[Unit]) -> BTreeSet<Cause> {
    let (x, y) = (build(old), build(new));
    let seen = walked(&x, &y, true);
    assert_eq!(seen.unexplained, 0, "{:?}", seen.causes);
    let at_once = |count: usize, each: &(dyn Fn(usize) + Sync)| {
        std::thread::scope(|scope| (0..count).for_each(|n| drop(scope.spawn(move || each(n)))));
    };
    let (together, notes) = walked_in(0, 400_000_000, &x, &y, true, &at_once);
    let (_, one_by_one) = walked_in(usize::MAX / 4, 400_000_000, &x, &y, true, &crate::diff::in_order);
    assert!(notes == one_by_one && together.causes == seen.causes, "threads differ from the whole");
    seen.causes
}

fn refused(old: &[Unit], new: &[Unit]) {
    let seen = walked(&build(old), &build(new), true);
    assert!(seen.unexplained > 0, "{:?}", seen.causes);
    let back = walked(&build(new), &build(old), true);
    assert!(back.unexplained > 0, "{:?}", back.causes);
}

fn two() -> Vec<Unit> {
    vec![Unit::default(), Unit { name: "b.c", function: "other", low: 0x2000, ..Unit::default() }]
}

/// A copy with the first unit changed.
fn with(change: impl FnOnce(&mut Unit)) -> Vec<Unit> {
    let mut units = two();
    change(&mut units[0]);
    units
}

#[test]
fn equal_debug_information_is_the_same() {
    assert!(explained(&two(), &two()).is_empty());
}

#[test]
fn another_folder_is_a_build_path_and_the_offsets_behind_it_follow() {
    let moved: Vec<Unit> = two().into_iter().map(|u| Unit { folder: "/home/someone/else", ..u }).collect();
    assert_eq!(explained(&two(), &moved), BTreeSet::from([Cause::BuildPath]));
    let seen = walked(&build(&two()), &build(&moved), false);
    assert_eq!(seen.prefix.unwrap(), Sides::new(b"/build/r".to_vec(), b"/home/someone/else".to_vec()));
    // The same name under another prefix, in a folder that only looks like it.
    refused(&two(), &[Unit { folder: "/home/one", ..two()[0].clone() }, Unit { folder: "/home/two", ..two()[1].clone() }]);
    // A folder of headers is not where the build ran.
    refused(&two(), &with(|u| u.headers = "/opt/include"));
    // One prefix everywhere: what has it on both sides was not built there.
    let old = with(|u| u.headers = "/build/r/include");
    let new: Vec<Unit> = old.iter().map(|u| Unit { folder: "/home/x", ..u.clone() }).collect();
    refused(&old, &new);
}

#[test]
fn lines_move_together_or_not_at_all() {
    let shifted = |by: u64| with(|u| (u.line, u.rows) = (u.line + by, u.rows.iter().map(|l| l + by).collect()));
    let causes = explained(&two(), &shifted(1));
    assert_eq!(causes, BTreeSet::from([Cause::LineShift]));
    let outcome = walked(&build(&two()), &build(&shifted(3)), false).outcome.unwrap();
    assert_eq!(outcome.files, [(b"/build/r/a.c".to_vec(), Sides::new(5, 8))]);
    // The declaration alone, the rows alone where the declaration is among them, two rows changed over, one row of many.
    refused(&two(), &with(|u| u.line += 1));
    refused(&with(|u| u.line = 6), &with(|u| (u.line, u.rows) = (6, vec![6, 7, 10])));
    refused(&two(), &with(|u| u.rows = vec![5, 9, 6]));
    refused(&two(), &with(|u| u.rows = vec![5, 7, 9]));
    // The same file in two units with two maps.
    let twice = |one: u64, two: u64| {
        let unit = |by: u64, low| Unit { low, line: 5 + by, rows: vec![5 + by, 6 + by, 9 + by], ..Unit::default() };
        vec![unit(one, 0x1000), unit(two, 0x2000)]
    };
    assert_eq!(explained(&twice(0, 0), &twice(2, 2)), BTreeSet::from([Cause::LineShift]));
    refused(&twice(0, 0), &twice(2, 1));
}

#[test]
fn units_in_another_order_are_found_again() {
    let mut turned = two();
    turned.reverse();
    assert_eq!(explained(&two(), &turned), BTreeSet::from([Cause::Reordering]));
    // Turned and one of them changed.
    turned[0].size = 2;
    refused(&two(), &turned);
    // A unit more.
    let mut more = two();
    more.push(Unit { name: "c.c", low: 0x3000, ..Unit::default() });
    refused(&two(), &more);
}

#[test]
fn the_compiler_may_call_itself_otherwise_only_over_equal_code() {
    let other: Vec<Unit> = two().into_iter().map(|u| Unit { producer: "GNU C 13, and then some", ..u }).collect();
    assert_eq!(explained(&two(), &other), BTreeSet::from([Cause::Producer]));
    assert!(walked(&build(&two()), &build(&other), false).unexplained > 0);
}

#[test]
fn nothing_else_may_differ() {
    refused(&two(), &with(|u| u.function = "fetch_secret"));
    refused(&two(), &with(|u| u.function = "auth_chuck"));
    refused(&two(), &with(|u| u.size = 8));
    refused(&two(), &with(|u| u.file = 1));
    refused(&two(), &with(|u| u.operation = 0x57));
    refused(&two(), &with(|u| u.length = 0x21));
    refused(&two(), &with(|u| u.low = 0x1001));
    refused(&two(), &with(|u| u.turned = true));
    refused(&two(), &with(|u| u.to_type = 1));
}

#[test]
fn bytes_that_nothing_refers_to_count_too() {
    let base = build(&two());
    for id in [Id::Str, Id::LineStr, Id::Info, Id::Line, Id::Abbrev, Id::RngLists, Id::Addr] {
        for more in [&b"hidden\0"[..], b"\0"] {
            let mut changed = base.clone();
            changed.iter_mut().find(|(i, _)| *i == id).unwrap().1.extend_from_slice(more);
            assert!(walked(&base, &changed, true).unexplained > 0, "{id:?}");
            // Also while something else is explained.
            let moved: Vec<Unit> = two().into_iter().map(|u| Unit { folder: "/home/someone/else", ..u }).collect();
            assert!(walked(&build(&moved), &changed, true).unexplained > 0, "{id:?}");
        }
    }
}

/// Many references into one long text, many units in one table: over the bound nothing is proved, and soon.
#[test]
fn what_costs_too_much_is_not_proved() {
    let made = |last: u8, entries: u32| -> made::Sections {
        let mut text = vec![b'a'; 256 << 10];
        text.extend([last, 0]);
        // A unit without a name, and entries that have one each.
        let mut body = vec![5, 0, 1, 8, 0, 0, 0, 0, 2];
        for offset in 0..entries {
            body.push(1);
            body.extend(offset.to_le_bytes());
        }
        let info = [u32::try_from(body.len()).unwrap().to_le_bytes().to_vec(), body].concat();
        vec![(Id::Info, info), (Id::Abbrev, vec![1, 0x34, 0, 0x03, 0x0e, 0, 0, 2, 0x11, 1, 0, 0, 0]), (Id::Str, text)]
    };
    let start = std::time::Instant::now();
    let seen = walked_within(4_000_000, &made(b'x', 200_000), &made(b'y', 200_000), true);
    assert!(seen.over && seen.unexplained > 0);
    // Units that all read one table which is no table.
    let units = |last: u8| -> made::Sections {
        let unit = [8, 0, 0, 0, 5, 0, 1, 8, 0, 0, 0, 0];
        let info: Vec<u8> = (0..200_000u32).flat_map(|n| [&unit[..8], &n.to_le_bytes()].concat()).collect();
        vec![(Id::Info, info), (Id::Abbrev, vec![1; 256 << 10]), (Id::Str, vec![last, 0])]
    };
    let seen = walked_within(4_000_000, &units(b'x'), &units(b'y'), true);
    assert!(seen.over && seen.unexplained > 0);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

/// Units that share one table of offsets, and headers that lead into one program without rows: read for each unit, counted for each.
#[test]
fn what_units_share_is_counted_for_each_of_them() {
    let unit = |version: u16, rest: &[u8]| {
        let mut body = version.to_le_bytes().to_vec();
        body.extend(rest);
        [u32::try_from(body.len()).unwrap().to_le_bytes().to_vec(), body].concat()
    };
    let within = |made: &dyn Fn(u8) -> made::Sections| {
        let seen = walked_within(2_000_000, &made(b'x'), &made(b'y'), true);
        assert!(seen.over && seen.unexplained > 0);
    };
    let offsets = |last: u8| -> made::Sections {
        let info = unit(5, &[1, 8, 0, 0, 0, 0, 1, 8, 0, 0, 0]).repeat(1500);
        let table = [&16_004u32.to_le_bytes()[..], &[5, 0, 0, 0], &[0; 16_000]].concat();
        vec![(Id::Info, info), (Id::Abbrev, vec![1, 0x11, 0, 0x72, 0x17, 0, 0, 0]), (Id::StrOffsets, table), (Id::Str, vec![last, 0])]
    };
    within(&offsets);
    let programs = |last: u8| -> made::Sections {
        // A header of 30 bytes, behind it all others, and behind those what only sets a flag.
        let (count, size, flags) = (400u32, 30u32, 200_000u32);
        let (mut lines, mut info) = (Vec::new(), Vec::new());
        for n in 0..count {
            let (start, program, end) = (n * size, count * size, count * size + flags);
            lines.extend((end - start - 4).to_le_bytes());
            lines.extend([4, 0]);
            lines.extend((program - start - 10).to_le_bytes());
            lines.extend([1, 1, 1, 0, 1, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0]);
            info.extend(unit(4, &[&[0, 0, 0, 0, 8, 1][..], &start.to_le_bytes()].concat()));
        }
        lines.extend(vec![7; flags as usize]);
        vec![(Id::Info, info), (Id::Abbrev, vec![1, 0x11, 0, 0x10, 0x17, 0, 0, 0]), (Id::Line, lines), (Id::Str, vec![last, 0])]
    };
    within(&programs);
}

/// Each byte of each section of each benign pair, changed on one side.
#[test]
fn every_changed_byte_is_seen() {
    let moved: Vec<Unit> = two().into_iter().map(|u| Unit { folder: "/home/someone/else", ..u }).collect();
    let mut turned = two();
    turned.reverse();
    let shifted = with(|u| (u.line, u.rows) = (6, u.rows.iter().map(|l| l + 1).collect()));
    let mut seen_through = Vec::new();
    for (what, other) in [("path", moved), ("order", turned), ("lines", shifted), ("same", two())] {
        let (old, new) = (build(&two()), build(&other));
        for (n, (id, bytes)) in old.iter().enumerate() {
            for at in 0..bytes.len() {
                for bit in [1, 2 << (at % 7)] {
                    let mut evil = old.clone();
                    evil[n].1[at] ^= bit;
                    let seen = walked(&evil, &new, false);
                    if seen.unexplained == 0 {
                        assert!(!seen.causes.is_empty(), "{what} {id:?} {at:#x}: nothing");
                        seen_through.push((what, *id, at, bit, seen));
                    }
                }
            }
        }
    }
    // What is left is another folder, or lines that moved on.
    for (what, id, at, bit, seen) in seen_through {
        let folder = seen.prefix.as_ref().is_some_and(|p| p.shipped != b"/build/r");
        let lines = seen.causes.contains(&Cause::LineShift) && id == Id::Line;
        assert!(id == Id::LineStr && folder || lines, "{what} {id:?} {at:#x} ^ {bit:#x}: {:?}", seen.causes);
    }
}
