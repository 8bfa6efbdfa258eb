//! Relocatable objects and libraries of them, made here by the system's compiler: what a linker would fill in is followed,
//! and nothing that it would see differently counts as equal.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_types,
    reason = "a test may panic, runs the compiler, and says why it skips"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use countersign::model::{Node, ResultMark};

use comparing::archive::{self, file};
use comparing::elf::Patch;

mod comparing;

const SOURCE: &str = r#"
#include <stdio.h>
#include <stdlib.h>
extern int allowed(const char *who);
extern int denied(const char *who);
static int count;
static const char *const names[] = { "root", "admin", "guest", "nobody" };
extern void failed(const char *what, const char *file, int line);
__attribute__((noinline)) int check(const char *who) {
    if (!who) failed("who", __FILE__, 100);
    count++;
    return allowed(who) EXTRA;
}
__attribute__((noinline)) int other(int n) {
    switch (n) {
    case 0: return puts("zero");
    case 1: return puts("one") + count;
    case 2: return puts("two") * 3;
    case 3: return puts(names[n & 3]);
    case 4: return denied("four");
    case 5: return denied(names[1]) + 7;
    default: return abs(n) + count;
    }
}
int (*handlers[])(const char *) = { check, allowed, denied };
int last(const char *who) { return handlers[count & 1](who) + check(who) + other(count); }
"#;

/// The object of the source, compiled in a folder of that name; `None` where there is no compiler.
fn object(folder: &str, extra: &str, options: &[&str]) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join(folder);
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("check.c"), SOURCE.replace("EXTRA", extra)).unwrap();
    let made = Command::new("cc").args(options).args(["-c", "-o", "check.o"]).arg(place.join("check.c")).current_dir(&place).output();
    if !made.is_ok_and(|out| out.status.success()) {
        eprintln!("no C compiler: skipped");
        return None;
    }
    Some(std::fs::read(place.join("check.o")).unwrap())
}

fn stripped(bytes: &[u8]) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let path: &Path = &dir.path().join("x.o");
    std::fs::write(path, bytes).unwrap();
    let done = Command::new("strip").arg("-g").arg(path).status();
    done.is_ok_and(|s| s.success()).then(|| std::fs::read(path).unwrap())
}

fn named(node: &Node) -> BTreeSet<String> {
    node.functions.iter().filter(|f| !f.result.is_equal()).map(|f| f.name.shown().to_string()).collect()
}

#[track_caller]
fn explained(a: &[u8], b: &[u8], by: &[&str]) {
    for (a, b) in [(a, b), (b, a)] {
        let node = comparing::compare(a, b);
        let left = comparing::different_regions(&node);
        assert_eq!(node.result, ResultMark::Equivalent, "{}; {left:?}; {:?}; {:?}", node.why, node.tried, node.metadata);
        let causes = comparing::causes(&node);
        assert!(by.iter().all(|c| causes.contains(c)), "{causes:?}");
    }
}

#[test]
fn a_build_folder_in_an_object_is_undone_with_all_that_moved() {
    for options in [&["-O2"][..], &["-O2", "-g"], &["-O0", "-g", "-gdwarf-4"], &["-O2", "-g", "-ffunction-sections"]] {
        let (Some(a), Some(b)) = (object("folder/of/the/one", "", options), object("another/much/deeper/folder/two", "", options)) else {
            return;
        };
        if options.contains(&"-g") {
            explained(&a, &b, &["build-path"]);
            continue;
        }
        // Nobody says that the path is of what was compiled.
        let node = comparing::compare(&a, &b);
        assert!(named(&node).is_empty() && !node.result.is_equal(), "{}: {:?}", node.why, named(&node));
        assert!(node.tried.iter().any(|t| t.why.contains("a file that was compiled")), "{:?}", node.tried);
    }
}

#[test]
fn debug_sections_may_be_taken_out_of_an_object() {
    let Some(full) = object("folder/of/the/one", "", &["-O2", "-g"]) else { return };
    let Some(bare) = stripped(&full) else { return };
    explained(&bare, &full, &["strip"]);
    // A symbol that the linker looks for is no debug information.
    let mut patch = Patch::new(&bare);
    let entry = patch.symbol_entry("other").unwrap();
    patch.bytes[entry + 4] &= 0x0f;
    assert_eq!(comparing::compare(&patch.bytes, &full).result, ResultMark::Different);
}

#[test]
fn a_changed_function_of_an_object_is_the_only_one() {
    for options in [&["-O2"][..], &["-O2", "-g"], &["-O0"]] {
        let (Some(a), Some(b)) = (object("folder/of/the/one", "|| who[0] == 42", options), object("folder/of/the/one", "", options)) else {
            return;
        };
        let node = comparing::compare(&a, &b);
        assert_eq!(node.result, ResultMark::Different);
        assert_eq!(named(&node).into_iter().collect::<Vec<_>>(), ["check"], "{:?}: {:?}", options, node.functions);
        assert!(node.same_functions >= 1 || node.functions.len() > 1, "{}", node.same_functions);
        // In a library too, whose other members are the same.
        let library = |o: &[u8]| archive::ar(&[file("check.o/", o), file("same.o/", &b)]);
        let node = comparing::compare(&library(&a), &library(&b));
        let member = node.children.iter().find(|c| c.result == ResultMark::Different).unwrap();
        assert!(named(member).contains("check") && !named(member).contains("last"));
        assert_eq!(node.children.iter().filter(|c| !c.result.is_equal()).count(), 1);
    }
}

#[test]
fn what_a_linker_would_see_differently_is_never_explained() {
    let build = |folder: &str| object(folder, "", &["-O2", "-g"]);
    let (Some(own), Some(moved)) = (build("folder/of/the/one"), build("another/much/deeper/folder/two")) else { return };
    for rebuilt in [&own, &moved] {
        let attack = |what: &str, change: &dyn Fn(&mut Patch)| {
            let mut patch = Patch::new(&own);
            change(&mut patch);
            assert_ne!(patch.bytes, own, "{what} changes nothing");
            let node = comparing::compare(&patch.bytes, rebuilt);
            assert_eq!(node.result, ResultMark::Different, "{what}: {}", node.why);
        };
        let (text, _) = Patch::new(&own).section(".text");
        let entries: Vec<usize> = Patch::new(&own).relocations(".rela.text");
        for (n, at) in entries.iter().enumerate() {
            attack(&format!("relocation {n} to another symbol"), &|p| p.bytes[at + 12] ^= 1);
            attack(&format!("relocation {n} with another addend"), &|p| p.bytes[at + 16] ^= 4);
            attack(&format!("relocation {n} at another place"), &|p| p.bytes[*at] ^= 1);
            attack(&format!("relocation {n} of another type"), &|p| p.bytes[at + 8] = if p.bytes[at + 8] == 2 { 4 } else { 2 });
            attack(&format!("a number where relocation {n} is filled in"), &|p| {
                let offset = p.u64(*at);
                p.bytes[text + usize::try_from(offset).unwrap()] = 1;
            });
        }
        for table in [".rela.data.rel", ".rela.rodata", ".rela.data.rel.ro.local", ".rela.data.rel.ro", ".rela.eh_frame"] {
            let p = Patch::new(&own);
            for at in if p.has(table) { p.relocations(table) } else { Vec::new() } {
                attack(&format!("{table} with another addend"), &|p| p.bytes[at + 16] ^= 8);
                attack(&format!("{table} to another symbol"), &|p| p.bytes[at + 12] ^= 1);
            }
        }
        for name in ["check", "other", "last", "handlers"] {
            let entry = Patch::new(&own).symbol_entry(name).unwrap();
            attack(&format!("{name} stands elsewhere"), &|p| p.bytes[entry + 8] ^= 16);
            attack(&format!("{name} is weak"), &|p| p.bytes[entry + 4] = 0x20 | p.bytes[entry + 4] & 15);
            attack(&format!("{name} is in another section"), &|p| p.bytes[entry + 6] ^= 2);
        }
        let exchanged = ["allowed", "denied"].map(|n| Patch::new(&own).symbol_entry(n).unwrap());
        attack("two names exchanged", &|p| p.swap(exchanged[0], exchanged[1], 4));
        let header = Patch::new(&own).header(".rela.text");
        attack("the relocations are those of another section", &|p| p.bytes[header + 44] ^= 3);
        attack("the relocations name other symbols", &|p| p.bytes[header + 40] ^= 1);
        attack("a byte of code", &|p| p.bytes[text + 3] ^= 0x40);
        let rodata = Patch::new(&own).find(".rodata.str1.1", b"zero\0");
        attack("a text", &|p| p.bytes[rodata] = b'Z');
    }
}

#[test]
fn a_flipped_byte_of_an_object_is_never_nothing() {
    let Some(own) = object("folder/of/the/one", "", &["-O2"]) else { return };
    let comment = Patch::new(&own).section(".comment");
    // Another letter in the folder of the build is another folder.
    let end = own.windows(8).position(|w| w == b"check.c\0").unwrap();
    let start = own[..end].iter().rposition(|b| *b == 0).unwrap();
    let mut random = comparing::Random(41);
    let places: Vec<usize> = (0..own.len()).filter(|_| random.below(9) == 0).collect();
    for at in places {
        let mut flipped = own.clone();
        flipped[at] ^= 1 << random.below(8);
        let node = comparing::compare(&flipped, &own);
        let said = (comment.0..comment.0 + comment.1).contains(&at);
        let said = said || (start..end).contains(&at) && comparing::causes(&node).contains("build-path");
        assert!(said || !node.result.is_equal(), "at {at:#x}: {}", node.why);
    }
}

/// A file below the folder of the build that the program runs is not the path of what was compiled, whatever it is called.
#[test]
fn what_a_program_runs_is_no_build_folder() {
    let linked = |folder: &str, name: &str, strip: bool| -> Option<Vec<u8>> {
        let dir = tempfile::Builder::new().prefix("built").rand_bytes(6).tempdir().unwrap();
        let place = dir.path().join(folder);
        std::fs::create_dir_all(&place).unwrap();
        let text = "#include <stdlib.h>\n#include <stdio.h>\nint main(void) { puts(__FILE__); return system(RUN); }\n";
        std::fs::write(place.join("x.c"), text).unwrap();
        let run = format!("-DRUN=\"{}/{name}\"", place.display());
        let out = place.join("x");
        let done = Command::new("cc").args(["-O2", "-g", &run, "-o"]).args([&out, &place.join("x.c")]).current_dir(&place).status();
        if !done.is_ok_and(|s| s.success()) || strip && !Command::new("strip").arg(&out).status().is_ok_and(|s| s.success()) {
            return None;
        }
        Some(std::fs::read(out).unwrap())
    };
    for (name, strip) in [("run.c", false), ("run.c", true), ("x.c", true)] {
        let (Some(a), Some(b)) = (linked("one", name, strip), linked("two", name, strip)) else { return };
        let node = comparing::compare(&a, &b);
        assert!(!node.result.is_equal(), "{name}: {}", node.why);
        assert!(comparing::different_regions(&node).iter().any(|r| r.starts_with(".rodata")), "{:?}", comparing::different_regions(&node));
    }
}

/// The object of any source; `None` where there is no compiler.
fn compiled(source: &str) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("x.c"), dir.path().join("x.o"));
    std::fs::write(&from, source).unwrap();
    let made = Command::new("cc").args(["-c", "-O1", "-o"]).args([&to, &from]).output();
    made.is_ok_and(|out| out.status.success()).then(|| std::fs::read(to).unwrap())
}

/// A linker calls constructors, and lays out the parts of a set, in the order of the members.
#[test]
fn members_whose_parts_a_linker_puts_together_keep_their_order() {
    let forms = [
        ("static __attribute__((constructor)) void start_F(void) { policy = N; } extern int policy; int F(void) { return 1; }", false),
        ("static __attribute__((constructor(200 + N))) void start_F(void) { policy = N; } int F(void) { return 1; }", false),
        ("static __attribute__((destructor)) void end_F(void) { policy = N; } int F(void) { return 1; }", false),
        ("static int one_F __attribute__((section(\"rules\"), used)) = N; int F(void) { return 1; }", false),
        ("static int one_F __attribute__((section(\".rules\"), used)) = N; int F(void) { return 1; }", false),
        ("static const int one_F __attribute__((section(\".rodata.rules\"), used)) = N; int F(void) { return 1; }", true),
    ];
    for (form, free) in forms {
        let member = |name: &str, number: &str| {
            let source = form.replace('F', name).replace('N', number);
            compiled(&format!("extern int policy; {source}"))
        };
        let (Some(one), Some(two), Some(plain)) = (member("fa", "1"), member("fb", "2"), compiled("int plain(void) { return 3; }")) else {
            return;
        };
        let turned = |second: &[u8]| {
            let [a, b] = [file("a.o/", &one), file("b.o/", second)];
            comparing::compare(&archive::ar(&[a.clone(), b.clone()]), &archive::ar(&[b, a]))
        };
        let node = turned(&two);
        assert_eq!(node.result.is_equal(), free, "{form}: {}", node.why);
        // One alone has no order among the members.
        assert!(turned(&plain).result.is_equal(), "{form}");
    }
}

#[test]
fn a_group_of_sections_is_not_known_by_names_that_two_have() {
    let dir = tempfile::tempdir().unwrap();
    let part = |group: &str, n: u8| {
        format!(
            ".section .text.f,\"axG\",@progbits,{group},comdat\n.globl {group}\n.type {group},@function\n{group}: mov ${n}, %eax\nret\n.size {group}, .-{group}\n"
        )
    };
    std::fs::write(dir.path().join("x.s"), part("deny", 1) + &part("allow", 2)).unwrap();
    let made = Command::new("cc").args(["-c", "x.s", "-o", "x.o"]).current_dir(dir.path()).output();
    if !made.is_ok_and(|out| out.status.success()) {
        eprintln!("no C compiler: skipped");
        return;
    }
    let rebuilt = Patch::new(&std::fs::read(dir.path().join("x.o")).unwrap());
    // Each group gets the code of the other one: the linker throws the wrong one away.
    let sections = |file: &Patch| -> Vec<usize> {
        let (table, count) = (usize::try_from(file.u64(40)).unwrap(), usize::from(file.bytes[60]));
        let headers = (0..count).map(|i| table + i * 64).filter(|at| file.u32(at + 4) == 17);
        headers.map(|at| usize::try_from(file.u64(at + 24)).unwrap()).collect()
    };
    let [one, two] = sections(&rebuilt)[..] else { panic!("two groups") };
    let mut shipped = rebuilt.clone();
    shipped.swap(one + 4, two + 4, 4);
    let node = comparing::compare(&shipped.bytes, &rebuilt.bytes);
    assert_eq!(node.result, ResultMark::Different, "{}", node.why);
}
