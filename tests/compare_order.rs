//! Linked files whose functions and data stand in another order: proved where only the order differs, and different as soon as
//! anything else does. The files are those of `testdata/pairs/make-order.sh`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_types, clippy::print_stderr, reason = "files are made with the system's compiler")]

use countersign::model::{Node, ResultMark};

use comparing::elf::Patch;

mod comparing;

/// Pairs in which nothing but the order of the objects differs.
const BENIGN: &[(&str, &str)] = &[("turn-two", "turn-one"), ("reordered", "clean")];

/// One object of two parts, which stand the other way round, and symbols of debug files that call them two objects.
#[test]
fn what_a_debug_file_says_of_the_ends_of_data_proves_nothing() {
    const MAIN: &str = r#"
        #include <string.h>
        #define HIDDEN __attribute__((visibility("hidden")))
        extern const int one[4] HIDDEN, two[4] HIDDEN, three[4] HIDDEN;
        __attribute__((noinline)) int a(int i) { return one[i & 3]; }
        __attribute__((noinline)) int b(int i) { return two[i & 3]; }
        __attribute__((noinline)) int c(int i) { return three[i & 3]; }
        __attribute__((noinline)) void all(int *to, int size) { memcpy(to, one, size); }
        int main(int n, char **v) { int d[8]; (void)v; all(d, 31 + n); return a(n) + b(n) + c(n) + d[7]; }
    "#;
    let dir = tempfile::tempdir().unwrap();
    let linked = |order: [&str; 2], two_objects: bool, id: &str, more: &[&str]| {
        let part = |name: &str| {
            let size = if two_objects || name == "three" { format!(".type {name},@object\n.size {name},16\n") } else { String::new() };
            let value = match name {
                "one" => "1,2,3,4",
                "two" => "5,6,7,8",
                _ => "9,10,11,12",
            };
            format!(".globl {name}\n.hidden {name}\n{size}{name}:\n.long {value}\n")
        };
        let whole = if two_objects { "" } else { ".globl whole\n.hidden whole\n.type whole,@object\n.size whole,32\nwhole:\n" };
        let parts = order.iter().chain(&["three"]).map(|name| part(name)).collect::<String>();
        let data = format!(".section .rodata.data,\"a\",@progbits\n.balign 16\n{whole}{parts}.section .note.GNU-stack,\"\",@progbits\n");
        std::fs::write(dir.path().join("data.s"), data).unwrap();
        std::fs::write(dir.path().join("main.c"), MAIN).unwrap();
        let id = format!("-Wl,--build-id=0x{id}");
        let done = std::process::Command::new("cc")
            .args(["-O2", "-fPIE", "-pie", "-fno-stack-protector", "-Wl,-z,now", &id, "-o", "main", "main.c", "data.s"])
            .args(more)
            .current_dir(dir.path())
            .output();
        if !done.is_ok_and(|out| out.status.success()) {
            eprintln!("no C compiler: skipped");
            return None;
        }
        Some(std::fs::read(dir.path().join("main")).unwrap())
    };
    let (one, two) = (["one", "two"], ["two", "one"]);
    let files = [
        linked(one, false, "aa01", &["-Wl,-s"]),
        linked(two, false, "bb02", &["-Wl,-s"]),
        linked(one, true, "aa01", &[]),
        linked(two, true, "bb02", &[]),
    ];
    let [Some(shipped), Some(rebuilt), Some(x), Some(y)] = files else { return };
    let debug = [&x, &y].map(|bytes| countersign::diff::DebugFile { name: "x.debug".into(), bytes: bytes.clone().into() });
    let node = comparing::compare_with(&shipped, &rebuilt, &debug, None);
    assert_eq!(node.result, ResultMark::Different, "{}", node.why);
    // Symbols of the files themselves: two objects, as far as the rebuild knows.
    let node = comparing::compare(&x, &y);
    assert_eq!(node.result, ResultMark::Equivalent, "{} {:?}", node.why, node.tried);
}

/// The same without symbols, where nobody knows how long the tables are: the safe side.
#[test]
fn data_whose_end_is_not_known_is_not_moved() {
    both_ways(&comparing::made("turn-two-stripped"), &comparing::made("turn-one-stripped"), |node, way| {
        assert_eq!(node.result, ResultMark::Different, "{way}: move it to the pairs that are proved");
        assert!(comparing::different_regions(node).contains(".rodata"), "{way}: {:?}", comparing::different_regions(node));
    });
}

fn compare(a: &[u8], b: &[u8]) -> Node {
    comparing::compare(a, b)
}

fn both_ways(a: &[u8], b: &[u8], check: impl Fn(&Node, &str)) {
    check(&compare(a, b), "");
    check(&compare(b, a), ", the other way round");
}

#[test]
fn objects_in_another_order_are_proved_and_what_moved_is_named() {
    for (shipped, rebuilt) in BENIGN {
        both_ways(&comparing::made(shipped), &comparing::made(rebuilt), |node, way| {
            let what = format!("{shipped} against {rebuilt}{way}");
            assert_eq!(node.result, ResultMark::Equivalent, "{what}: {} in {:?}", node.why, comparing::different_regions(node));
            let found = comparing::causes(node);
            let known = ["reordering", "build-id", "address-shift", "derived-header"];
            assert!(found.contains("reordering") && found.iter().all(|c| known.contains(c)), "{what}: {found:?}");
            assert!(node.functions.iter().any(|f| f.what.starts_with("at another place among its neighbours")), "{what}");
        });
    }
    let node = compare(&comparing::made("turn-two"), &comparing::made("turn-one"));
    let said = |text: &str| {
        let values = |p: &countersign::model::Proof| [p.values.shipped.shown().to_string(), p.values.rebuilt.shown().to_string()];
        node.proofs.iter().filter(|p| p.cause.word() == "reordering").any(|p| values(p).iter().all(|v| v.starts_with(text)))
    };
    for moved in ["lamp_step at 0x", "lamp_all at 0x", "lamp_level at 0x"] {
        assert!(said(moved), "{moved} is not named: {:?}", node.proofs);
    }
}

/// What must differ, and the region in which.
const HARMFUL: &[(&str, &str, &str)] = &[
    // Two functions whose names are exchanged: what calls them by name gets the other one.
    ("turn-swapped", "turn-one", ".text"),
    // What runs at the start runs in another order.
    ("starts-two", "starts-one", ".init_array"),
    // A function that runs into what stands behind it, and something else stands there.
    ("fall-two", "fall-one", ".text"),
];

#[test]
fn an_order_that_means_something_is_different() {
    for (shipped, rebuilt, place) in HARMFUL {
        both_ways(&comparing::made(shipped), &comparing::made(rebuilt), |node, way| {
            let regions = comparing::different_regions(node);
            assert_eq!(node.result, ResultMark::Different, "{shipped} against {rebuilt}{way}");
            assert!(regions.contains(*place), "{shipped} against {rebuilt}{way}: {regions:?}");
        });
    }
    let node = compare(&comparing::made("fall-two"), &comparing::made("fall-one"));
    assert_eq!(comparing::functions(&node), ["gate_step".to_owned()].into());
    assert!(node.why.contains("may run on"), "{}", node.why);
}

#[test]
fn a_function_that_runs_on_may_move_with_what_stands_behind_it() {
    both_ways(&comparing::made("fall-kept"), &comparing::made("fall-one"), |node, way| {
        assert_eq!(node.result, ResultMark::Equivalent, "{way}: {} in {:?}", node.why, comparing::different_regions(node));
    });
}

/// Makes a change to the file with the symbols of the second one, and says in which regions it may be seen.
type Attack = fn(&mut Patch) -> &'static [&'static str];

const ATTACKS: &[(&str, Attack)] = &[
    ("a call that goes to the other one of two equal functions", |p| {
        let (left, right) = (p.symbol("bell_rung").0, p.symbol("lamp_all").0);
        let at = p.reference("main", left).unwrap();
        let symbols = p.clone();
        p.lead(at, &symbols, "main", right);
        &[".text"]
    }),
    ("the strings of two functions of equal instructions exchanged", |p| {
        let symbols = p.clone();
        let (one, two) = (p.text_address("left").unwrap(), p.text_address("right").unwrap());
        let (x, y) = (p.reference("bell_left", one).unwrap(), p.reference("bell_right", two).unwrap());
        p.lead(x, &symbols, "bell_left", two);
        p.lead(y, &symbols, "bell_right", one);
        &[".text"]
    }),
    ("a pointer to the other one of two functions", |p| {
        let steps = p.symbol("steps").0;
        p.swap(p.relocation_at(steps) + 16, p.relocation_at(steps + 8) + 16, 8);
        &[".rela.dyn", ".data.rel.ro"]
    }),
    ("a pointer to another string, in table and relocation alike", |p| {
        let tones = p.symbol("tones").0;
        p.swap(p.relocation_at(tones) + 16, p.relocation_at(tones + 8) + 16, 8);
        let at = p.offset(tones);
        p.swap(at, at + 8, 8);
        &[".rela.dyn", ".data.rel.ro"]
    }),
    ("two values of a table that moved exchanged", |p| {
        let at = p.offset(p.symbol("weights").0);
        p.swap(at, at + 4, 4);
        &[".rodata"]
    }),
    ("the content of two objects exchanged", |p| {
        let (x, y) = (p.offset(p.symbol("lamp_level").0), p.offset(p.symbol("lamp_name").0));
        p.swap(x, y, 8);
        &[".data"]
    }),
    ("a letter of a string that moved", |p| {
        let at = p.find(".rodata", b"quiet\0");
        p.bytes[at] = b'Q';
        &[".rodata"]
    }),
    ("a byte in the zeros between pieces of data", |p| {
        let (address, size) = p.symbol("_IO_stdin_used");
        let from = p.offset(address + size);
        let (start, all) = p.section(".rodata");
        let gap = p.bytes[from..start + all].windows(3).position(|w| w == [0, 0, 0]).unwrap();
        p.bytes[from + gap + 1] = 1;
        &[".rodata"]
    }),
    ("a byte in the zeros between variables", |p| {
        let (address, size) = p.symbol("lamp_level");
        let at = p.offset(address + size);
        p.bytes[at] = 1;
        &[".data"]
    }),
    ("bytes in the operand of a padding instruction", |p| {
        let (address, size) = p.symbol("bell_tone");
        let from = p.offset(address + size);
        let at = p.bytes[from..from + 16].windows(3).position(|w| w == [0x0f, 0x1f, 0x84]).unwrap();
        p.bytes[from + at + 5] = 0x77;
        &[".text"]
    }),
    ("a return in the padding", |p| {
        let (address, size) = p.symbol("bell_tone");
        let at = p.offset(address + size);
        p.bytes[at] = 0xc3;
        &[".text"]
    }),
    ("a symbol that reaches over its neighbour", |p| {
        let at = p.symbol_entry("lamp_level").unwrap();
        p.bytes[at + 16] += 24;
        &[".symtab", ".data"]
    }),
    ("the names of two objects exchanged", |p| {
        let (one, two) = (p.symbol_entry("lamp_level").unwrap(), p.symbol_entry("bell_count").unwrap());
        p.swap(one, two, 4);
        &[".symtab"]
    }),
    ("a symbol in another file of source", |p| {
        let (names, _) = p.section(".strtab");
        let at = p.find(".strtab", b"bell.c\0") - names;
        let entry = p.symbol_entry("bell.c").unwrap();
        assert_eq!(p.u32(entry) as usize, at);
        let other = p.symbol_entry("lamp.c").unwrap();
        p.swap(entry, other, 4);
        &[".symtab"]
    }),
    ("an instruction of the unwind table of a function that moved", |p| {
        let (at, size) = p.section(".eh_frame");
        let to = p.symbol("lamp_step").0;
        let field = p.pointer_to(".eh_frame", to).unwrap();
        let place = (field + 9..at + size).find(|i| p.bytes[*i] > 0x40).unwrap();
        p.bytes[place] ^= 1;
        &[".eh_frame"]
    }),
    ("what two entries of the unwind table are of exchanged", |p| {
        let (one, two) = (p.symbol("lamp_step").0, p.symbol("bell_left").0);
        let (x, y) = (p.pointer_to(".eh_frame", one).unwrap(), p.pointer_to(".eh_frame", two).unwrap());
        let apart = i32::try_from(two.cast_signed() - one.cast_signed()).unwrap();
        let (p1, p2) = (p.u32(x).cast_signed() + apart, p.u32(y).cast_signed() - apart);
        p.put(x, &p1.to_le_bytes());
        p.put(y, &p2.to_le_bytes());
        &[".eh_frame", ".eh_frame_hdr"]
    }),
];

#[test]
fn no_attack_hides_behind_another_order() {
    let (a, b) = (comparing::made("turn-two"), comparing::made("turn-one"));
    for (name, attack) in ATTACKS {
        for (own, other) in [(&a, &b), (&b, &a)] {
            let mut patch = Patch::new(own);
            let places = attack(&mut patch);
            assert_ne!(&patch.bytes, own, "{name}: nothing was changed");
            both_ways(&patch.bytes, other, |node, way| {
                let regions = comparing::different_regions(node);
                assert_eq!(node.result, ResultMark::Different, "{name}{way}");
                assert!(
                    regions.iter().any(|r| places.contains(&r.as_str())),
                    "{name}{way}: {places:?} is not in {regions:?}: {}",
                    node.why
                );
            });
        }
    }
}

/// The same word in both files, in a table that moved: a plain number, and a distance into code that did not move along.
#[test]
fn an_equal_word_that_leads_into_other_code_is_no_equal_word() {
    for (word, result) in [(0x1234_5678, ResultMark::Equivalent), (-0xe80_i32, ResultMark::Different)] {
        let with = |name: &str| {
            let mut patch = Patch::new(&comparing::made(name));
            let at = patch.offset(patch.symbol("weights").0 + 4);
            patch.put(at, &word.to_le_bytes());
            patch.bytes
        };
        both_ways(&with("turn-two"), &with("turn-one"), |node, way| {
            let regions = comparing::different_regions(node);
            assert_eq!(node.result, result, "{word:#x}{way}: {regions:?}");
            assert_eq!(regions.contains(".rodata"), result == ResultMark::Different, "{word:#x}{way}: {regions:?}");
        });
    }
}
