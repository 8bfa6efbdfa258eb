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

/// Unexplained bytes of a region, of both sides. Around it there may be more: the linker leaves other gaps.
fn unexplained(shipped: &Patch, rebuilt: &Patch, region: &str) -> u64 {
    comparing::unexplained_in(&comparing::compare(&shipped.bytes, &rebuilt.bytes), region)
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
    // Other proofs stand against this pair too: the sentence is what this one says.
    let said = comparing::compare(&shipped.bytes, &rebuilt.bytes).metadata;
    assert!(said.iter().any(|m| m.contains("two sections are named .one, and something moved")), "{said:?}");
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

const STUBS: &str = r#"
.globl _start
.type _start,@function
.type puts,@function
_start:
 .cfi_startproc
 lea puts(%rip),%rax
 call *%rax
 call remove@plt
 hlt
 .cfi_endproc
.size _start,.-_start
.section .rodata
 .long puts - .
 .asciz "hello"
"#;

#[test]
fn the_address_that_a_program_gives_to_a_function_follows_its_stub() {
    let at = |start: &'static str| ["-no-pie", "-s", "-Wl,-z,lazy,-z,noseparate-code", start];
    let (near, far) = (at("-Wl,--section-start=.plt=0x400510"), at("-Wl,--section-start=.plt=0x400520"));
    let Some(mut files) = linked("main.s", STUBS, &[], &[&near, &far]) else { return };
    let (mut shipped, rebuilt) = (files.pop().unwrap(), files.pop().unwrap());
    let symbol = |file: &Patch| {
        let (from, size) = file.section(".dynsym");
        (from..from + size).step_by(24).map(|at| at + 8).find(|at| file.u64(*at) != 0).unwrap()
    };
    let (old, new) = (symbol(&shipped), symbol(&rebuilt));
    assert_ne!(shipped.u64(old), rebuilt.u64(new), "nothing moved");
    assert_eq!(unexplained(&shipped, &rebuilt, ".dynsym"), 0);
    let kept = rebuilt.u64(new);
    shipped.put(old, &kept.to_le_bytes());
    // What others call is another stub.
    assert!(unexplained(&shipped, &rebuilt, ".dynsym") > 0);
    assert!(unexplained(&rebuilt, &shipped, ".dynsym") > 0);
}

#[test]
fn slots_of_the_first_call_follow_their_stubs_whatever_their_section_is_called() {
    let at = |start: &'static str| ["-no-pie", "-s", "-Wl,-z,lazy,-z,noseparate-code", start];
    let (near, far) = (at("-Wl,--section-start=.plt=0x400510"), at("-Wl,--section-start=.plt=0x400520"));
    let source = STUBS.replace(" .long puts - .\n", "").replace("lea puts(%rip),%rax", "call puts@plt").replace(" call *%rax\n", "");
    let Some(mut files) = linked("main.s", &source, &[], &[&near, &far]) else { return };
    let (mut shipped, mut rebuilt) = (files.pop().unwrap(), files.pop().unwrap());
    // Of an ELF file without a fixed place only a word of the loader is an address.
    for file in [&mut shipped, &mut rebuilt] {
        file.put(16, &[3]);
        let (at, length) = file.section(".shstrtab");
        let name = file.bytes[at..at + length].windows(9).position(|w| w == b".got.plt\0").unwrap();
        file.put(at + name, b".table.x\0");
    }
    let (from, to) = (rebuilt.section(".table.x"), shipped.section(".table.x"));
    let slots = rebuilt.bytes[from.0 + 24..from.0 + from.1].to_vec();
    assert_ne!(shipped.bytes[to.0 + 24..to.0 + to.1], slots, "nothing moved");
    shipped.put(to.0 + 24, &slots);
    // The first call of one function is that of another one.
    assert!(unexplained(&shipped, &rebuilt, ".table.x") > 0);
    assert!(unexplained(&rebuilt, &shipped, ".table.x") > 0);
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

/// 96 bytes of constants that begin with the path of the source, and as many of code in a section of its own.
const AS_LARGE: &str = r#"
const char where[96] = __FILE__;
__asm__(".section .quick,\"ax\"\n.globl quick\n.type quick,@function\nquick: mov $1,%eax\n ret\n.skip 90,0x90\n.size quick,6\n.previous");
int quick(void);
void _start(void) { if (quick()) __asm__ volatile("" : : "r"(where)); for (;;); }
"#;

#[test]
fn code_with_the_name_and_the_size_of_constants_is_still_code() {
    let dir = tempfile::tempdir().unwrap();
    let built = |folder: &str| -> Option<Patch> {
        let folder = dir.path().join(folder);
        std::fs::create_dir(&folder).unwrap();
        let source = folder.join("a.c");
        std::fs::write(&source, AS_LARGE).unwrap();
        let options = ["-g", "-O1", "-nostartfiles", "-fno-asynchronous-unwind-tables", "-Wl,--build-id=none", "-o", "app"];
        let made = Command::new("cc").arg(&source).args(options).current_dir(&folder).output();
        made.is_ok_and(|out| out.status.success()).then(|| Patch::new(&std::fs::read(folder.join("app")).unwrap()))
    };
    let (Some(mut one), Some(mut two)) = (built("one"), built("two")) else { return eprintln!("no C compiler: skipped") };
    assert_eq!(one.section(".quick").1, one.section(".rodata").1, "of one size");
    assert_eq!(result(&one, &two), ResultMark::Equivalent, "built in another folder");
    // What a section is called decides nothing when the program runs.
    let code = one.section(".quick").0;
    for file in [&mut one, &mut two] {
        // The constants come first in the table of sections.
        let (own, other) = (file.header(".quick"), file.header(".rodata"));
        rename(file, ".quick", ".rodata");
        file.swap(own, other, 64);
    }
    assert_eq!(result(&one, &two), ResultMark::Equivalent, "as before");
    two.put(code + 1, &[0]);
    different(&one, &two, "the code gives 0 instead of 1");
}
