//! Headers of ELF files: what the loader does counts, whatever names and numbers of sections say.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_types, clippy::print_stderr, reason = "files are made with the system's compiler")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::Path;
use std::process::Command;

use comparing::elf::Patch;
use countersign::model::ResultMark;

mod comparing;

/// A program of one source, linked once for each list of options. `FOLDER` in an option is where the files are. `None` where there is
/// no compiler.
fn linked(name: &str, source: &str, more: &[(&str, String)], links: &[&[&str]]) -> Option<Vec<Patch>> {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(name, source);
    more.iter().for_each(|(name, text)| write(name, text));
    let run = |args: &[&str]| Command::new("cc").args(args).current_dir(dir.path()).output().is_ok_and(|out| out.status.success());
    if !run(&["-O1", "-c", name, "-o", "main.o"]) {
        eprintln!("no C compiler: skipped");
        return None;
    }
    let link = |options: &&[&str]| {
        let base = ["main.o", "-o", "main", "-nostartfiles", "-Wl,--build-id=none", "-Wl,-z,noexecstack"];
        assert!(run(&[&base[..], options].concat()), "cannot be linked: {options:?}");
        Patch::new(&std::fs::read(Path::new(dir.path()).join("main")).unwrap())
    };
    Some(links.iter().map(link).collect())
}

fn result(shipped: &Patch, rebuilt: &Patch) -> ResultMark {
    let node = comparing::compare(&shipped.bytes, &rebuilt.bytes);
    eprintln!("{} {:?}", node.why, node.metadata);
    node.result
}

/// The one is different from the other, whichever is shipped.
#[track_caller]
fn different(one: &Patch, two: &Patch, what: &str) {
    assert_eq!(result(one, two), ResultMark::Different, "{what}");
    assert_eq!(result(two, one), ResultMark::Different, "{what}, the other way round");
}

/// Gives a section the name of another one.
fn rename(file: &mut Patch, from: &str, to: &str) {
    let (own, other) = (file.header(from), file.header(to));
    let name = file.bytes[other..other + 4].to_vec();
    file.put(own, &name);
}

const TWICE: &str = r#"
.globl _start
.type _start,@function
_start:
 mov $1,%edi
 lea allowed(%rip),%rsi
 hlt
.size _start,.-_start
.section .one,"a"
 .ascii "denied!\n"
.section .two,"a"
allowed: .ascii "allowed\n"
"#;

#[test]
fn of_two_sections_with_one_name_none_is_meant() {
    let script = |room: u32| {
        format!(
            "ENTRY(_start) SECTIONS {{ . = 0x400000 + SIZEOF_HEADERS; .head : {{ BYTE(1) }} . = 0x400200 + {room}; .one : {{ *(.one) }}
             .two : {{ *(.two) }} . = 0x400400; .tail : {{ BYTE(2) }} . = 0x401000; .text : {{ *(.text) }}
             /DISCARD/ : {{ *(.note*) *(.comment) *(.eh_frame) }} }}"
        )
    };
    let scripts = [("near.ld", script(0)), ("far.ld", script(8))];
    let options = |script: &'static str| ["-static", "-no-pie", "-nostdlib", "-Wl,-N", script];
    let (near, far) = (options("-Wl,-T,near.ld"), options("-Wl,-T,far.ld"));
    let Some(mut files) = linked("main.s", TWICE, &scripts, &[&near, &far]) else { return };
    let (mut shipped, mut rebuilt) = (files.pop().unwrap(), files.pop().unwrap());
    assert_eq!(result(&shipped, &rebuilt), ResultMark::Equivalent);
    rename(&mut shipped, ".two", ".one");
    rename(&mut rebuilt, ".two", ".one");
    // What was at the address is eight bytes further, and the other text is there.
    let (from, size) = rebuilt.section(".text");
    let code = rebuilt.bytes[from..from + size].to_vec();
    let to = shipped.section(".text").0;
    shipped.put(to, &code);
    different(&shipped, &rebuilt, "the same code with another text at its place");
}

const INIT: &str = r#"
.section .one,"ax"
.globl one
one: ret
.section .two,"ax"
.globl two
two: nop
 ret
.text
.globl start
start: ret
"#;

#[test]
fn what_is_called_first_is_not_named_by_its_section() {
    let Some(mut files) = linked("main.s", INIT, &[], &[&["-shared", "-nostdlib", "-Wl,-init=one"]]) else { return };
    let mut rebuilt = files.pop().unwrap();
    let (one, two) = (rebuilt.address(".one"), rebuilt.address(".two"));
    let at = rebuilt.dynamic(12, 0);
    assert_eq!(rebuilt.u64(at), one);
    rename(&mut rebuilt, ".two", ".one");
    let mut shipped = rebuilt.clone();
    shipped.put(at, &two.to_le_bytes());
    different(&shipped, &rebuilt, "the second of two sections with one name is called first");
}

#[test]
fn stripping_leaves_what_the_kept_sections_belong_to() {
    let (clean, stripped) = (Patch::new(&comparing::made("clean")), Patch::new(&comparing::made("stripped")));
    assert_eq!(result(&clean, &stripped), ResultMark::Equivalent);
    // The symbols of the relocations would be others.
    let mut lying = clean.clone();
    let link = lying.header(".rela.dyn") + 40;
    let other = lying.u32(link) + 1;
    lying.put(link, &other.to_le_bytes());
    different(&lying, &stripped, "relocations that belong to another table");
    // A section without bytes, which is loaded, where one of debug information was.
    let mut lying = clean.clone();
    let header = lying.header(".debug_abbrev");
    lying.put(header + 4, &8u32.to_le_bytes());
    lying.put(header + 8, &2u64.to_le_bytes());
    different(&lying, &stripped, "a loaded section on one side only");
}
