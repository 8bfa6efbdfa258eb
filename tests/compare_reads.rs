//! What a program reads of its own: slots beside each other that the loader fills with one import, and notes that look like
//! something that a link leaves behind.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_types, clippy::print_stderr, reason = "files are made with the system's compiler")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::process::Command;

use comparing::elf::Patch;
use countersign::model::ResultMark;

mod comparing;

/// A linked program; `None` where there is no compiler.
fn linked(source: &str, options: &[&str]) -> Option<Patch> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("main.c"), source).unwrap();
    let done =
        Command::new("cc").args(["-O1", "-Wl,-z,noexecstack", "main.c", "-o", "main"]).args(options).current_dir(dir.path()).output();
    if !done.is_ok_and(|out| out.status.success()) {
        eprintln!("no C compiler: skipped");
        return None;
    }
    Some(Patch::new(&std::fs::read(dir.path().join("main")).unwrap()))
}

/// The one is different from the other, whichever is shipped.
#[track_caller]
fn different(one: &Patch, two: &Patch, what: &str) {
    for (a, b) in [(one, two), (two, one)] {
        let node = comparing::compare(&a.bytes, &b.bytes);
        assert_eq!(node.result, ResultMark::Different, "{what}: {} {:?}", node.why, comparing::causes(&node));
    }
}

const SLOTS: &str = r#"
typedef int (*step)(const char *);
extern int puts(const char *), remove(const char *);
__attribute__((section(".got.steps"))) step steps[] = {puts, puts, puts, remove};
__attribute__((noinline)) int run(step *s) { asm volatile("" : "+r"(s)); return s[1]("hello"); }
int main(void) { return run(&steps[0]); }
"#;

#[test]
fn two_slots_with_one_import_are_two_places() {
    let Some(rebuilt) = linked(SLOTS, &["-fPIE", "-pie"]) else { return };
    let steps = rebuilt.symbol("steps").0;
    let operand = rebuilt.reference("main", steps).unwrap();
    let mut shipped = rebuilt.clone();
    shipped.lead(operand, &rebuilt, "main", steps + 16);
    different(&shipped, &rebuilt, "the third step instead of the first");
}

/// A note in the form of a build-id, whose content the program reads: `READ` says how.
const NOTE: &str = r#"
#include <stdio.h>
asm(".section .note.id,\"a\",@note\n.balign 4\n.globl note\nnote: .long 4, SIZE, 3\n.asciz \"GNU\"\nkey: .ascii \"the key that is trusted\"\n.fill SIZE - 23\n"
    ".text");
extern const char note[] __attribute__((visibility("hidden")));
READ
"#;

const READS: &[&str] = &[
    "int main(void) { return puts(note + 16); }",
    "static const char *volatile p = note; int main(void) { return puts(p + 16); }",
    "asm(\".section .text\\nread: lea key(%rip), %rdi\\njmp puts@plt\\n\"); extern int read(void); int main(void) { return read(); }",
];

#[test]
fn a_note_that_the_program_reads_is_no_build_id() {
    for (size, options) in [("64", &["-fPIE", "-pie"][..]), ("64", &["-fno-pie", "-no-pie"]), ("512", &["-fPIE", "-pie"])] {
        for read in READS {
            let source = NOTE.replace("SIZE", size).replace("READ", read);
            let options = [&["-Wl,--build-id=none"], options].concat();
            let Some(rebuilt) = linked(&source, &options) else { return };
            let mut shipped = rebuilt.clone();
            let at = rebuilt.find(".note.id", b"the key");
            shipped.put(at, b"another");
            different(&shipped, &rebuilt, &format!("{size} bytes, {read}"));
        }
    }
}

#[test]
fn a_note_that_is_longer_than_any_digest_is_no_build_id() {
    let main = "int main(void) { return 0; }";
    for (size, expected) in [("64", ResultMark::Equivalent), ("68", ResultMark::Different)] {
        let source = NOTE.replace("SIZE", size).replace("READ", main).replace(".globl note\\nnote:", "");
        let Some(rebuilt) = linked(&source, &["-Wl,--build-id=none"]) else { return };
        let mut shipped = rebuilt.clone();
        let at = rebuilt.find(".note.id", b"the key");
        shipped.put(at, b"another");
        let node = comparing::compare(&shipped.bytes, &rebuilt.bytes);
        assert_eq!(node.result, expected, "{size} bytes: {}", node.why);
    }
}

/// Prints what stands behind its last section: the loader maps the whole page.
const TAIL: &str = r#"
extern char edata[];
volatile int seven = 7;
static long call(long n, long a, long b, long c) {
    long r;
    asm volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return r;
}
void _start(void) { call(1, 1, WHAT, 32); call(60, 0, 0, 0); }
"#;

#[test]
fn what_is_mapped_behind_the_last_section_counts_where_the_program_reads_it() {
    let options = ["-nostdlib", "-static", "-no-pie", "-fno-pie", "-fno-asynchronous-unwind-tables"];
    for (what, expected) in [("(long)edata", ResultMark::Different), ("(long)&seven", ResultMark::Equivalent)] {
        let Some(rebuilt) = linked(&TAIL.replace("WHAT", what), &options) else { return };
        let mut shipped = rebuilt.clone();
        let at = rebuilt.section(".comment").0;
        shipped.put(at, b"XYZ");
        let node = comparing::compare(&shipped.bytes, &rebuilt.bytes);
        assert_eq!(node.result, expected, "{what}: {} {:?}", node.why, node.metadata);
    }
}

/// Says a path and what stands behind it. The debug information names the path of either folder.
const BEHIND: &str = r#"
#include <stdio.h>
TEXTS
static const char end[64] __attribute__((aligned(32))) = {1, 2, 3, 4};
int main(int argc, char **argv) { (void)argv; return say() + end[argc]; }
#line 1 "/b/one/x.c"
int one(int x) { return x + 1; }
#line 1 "/b/seven/x.c"
int seven(int x) { return x + 2; }
"#;

const TEXTS: &[&str] = &[
    // The mode is reached from the start of the object, wherever it is.
    "struct s { char path[sizeof \"/b/one/x.c\"]; char mode[4]; };
         static const struct s s = {\"/b/one/x.c\", \"yes\"};
         __attribute__((noinline)) static int print(const struct s *p) { asm volatile(\"\" : \"+r\"(p)); return puts(p->mode); }
         static int say(void) { return print(&s); }",
    // So is what is reached from the path alone, without a symbol.
        "asm(\".section .rodata\\n.balign 32\\n.Lpath: .asciz \\\"/b/one/x.c\\\"\\n.asciz \\\"yes\\\"\\n.text\\n.globl path\\n.type path, @function\\npath: lea .Lpath(%rip), %rax\\nret\\n.size path, .-path\");
         extern const char *path(void);
         static int say(void) { return puts(path() + 11); }",
];

#[test]
fn what_stands_behind_a_build_folder_counts_where_nothing_else_refers_to_it() {
    for texts in TEXTS {
        for symbols in ["-rdynamic", "-no-pie"] {
            let Some(rebuilt) = linked(&BEHIND.replace("TEXTS", texts), &["-g", "-fno-toplevel-reorder", symbols]) else { return };
            let (old, new) = (b"/b/one/x.c\0yes\0\0\0", b"/b/seven/x.c\0yes\0");
            let mut shipped = rebuilt.clone();
            let at = rebuilt.find(".rodata", old);
            shipped.put(at, new);
            let node = comparing::compare(&shipped.bytes, &rebuilt.bytes);
            assert_eq!(node.result, ResultMark::Different, "{texts}: {} {:?}", node.why, comparing::causes(&node));
            assert!(node.tried.iter().all(|t| !t.why.contains("does not name")), "{:?}", node.tried);
        }
    }
}

#[test]
fn an_identity_that_code_reaches_from_its_table_is_data() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let done = Command::new("cc").args(args).current_dir(dir.path()).output();
        done.is_ok_and(|out| out.status.success())
    };
    for (width, model, reads) in [
        ("-m32", &["-fPIE", "-pie"][..], true),
        ("-m32", &["-fPIE", "-pie"], false),
        ("-m64", &["-mcmodel=large", "-fPIC", "-shared"], true),
        ("-m64", &["-mcmodel=large", "-fPIC", "-shared"], false),
    ] {
        // Twice, since the address of the note is known once it is linked.
        let link = |out: &str, id: &str, at: u64| {
            let read = if reads { "id[20]" } else { "7" };
            let source = format!(
                "extern const unsigned char id[] __attribute__((visibility(\"hidden\"))); int f(void) {{ return {read}; }}\nint _start(void) {{ return f(); }}\n"
            );
            std::fs::write(dir.path().join("main.c"), source).unwrap();
            let id = format!("-Wl,--build-id=0x{id}");
            let place = format!("-Wl,--defsym=id={at:#x}");
            let options = [width, "-nostdlib", "-nostartfiles", &id, &place, "-o", out, "main.o"];
            let made = run(&[&[width, "-O1", "-c", "main.c"], model].concat()) && run(&[&options[..], model].concat());
            made.then(|| std::fs::read(dir.path().join(out)).unwrap())
        };
        let build = |id: &str| {
            use object::{Object as _, ObjectSection as _};
            let first = link("first", id, 0x200)?;
            let file = object::File::parse(first.as_slice()).unwrap();
            let at = file.section_by_name(".note.gnu.build-id").unwrap().address();
            link("main", id, at)
        };
        let (Some(shipped), Some(rebuilt)) = (build("00112233445566778899aabbccddeeff"), build("01112233445566778899aabbccddeeff")) else {
            eprintln!("no compiler for {width}: skipped");
            continue;
        };
        let node = comparing::compare(&shipped, &rebuilt);
        let expected = if reads { ResultMark::Different } else { ResultMark::Equivalent };
        assert_eq!(node.result, expected, "{width} {reads}: {} {:?}", node.why, comparing::different_regions(&node));
    }
}

#[test]
fn a_number_is_a_distance_from_the_table_only_where_somebody_has_its_address() {
    let dir = tempfile::tempdir().unwrap();
    // With the address of the table in the file or without, and the number in eight bytes or in four.
    for (taken, long, expected) in [
        (false, false, ResultMark::Equivalent),
        (true, false, ResultMark::Different),
        (false, true, ResultMark::Different),
        (true, true, ResultMark::Different),
    ] {
        let link = |out: &str, id: &str, distance: i64| {
            let base = if taken { "leaq _GLOBAL_OFFSET_TABLE_(%rip), %rdx" } else { "movq %rdi, %rdx" };
            let number =
                if long { format!("movabsq ${distance}, %rax") } else { format!("movq ${distance}, %rax\n movl $-1, {distance}(%rdi)") };
            let source = format!(
                ".globl f, g\n.type f, @function\n.type g, @function\nf: {number}\n add %rdx, %rax\n ret\n.size f, .-f\n\
                 g: {base}\n call other@PLT\n ret\n.size g, .-g\n.section .note.GNU-stack,\"\",@progbits\n"
            );
            std::fs::write(dir.path().join("main.s"), source).unwrap();
            let id = format!("-Wl,--build-id=0x{id}");
            let done = Command::new("cc").args(["-m64", "-shared", "-nostdlib", &id, "-o", out, "main.s"]).current_dir(dir.path()).output();
            done.is_ok_and(|done| done.status.success()).then(|| std::fs::read(dir.path().join(out)).unwrap())
        };
        let build = |id: &str| {
            use object::{Object as _, ObjectSection as _};
            // Twice, since the places are known once it is linked.
            let first = link("first", id, -1000)?;
            let file = object::File::parse(first.as_slice()).unwrap();
            let at = |name: &str| file.section_by_name(name).map(|s| s.address().cast_signed());
            let distance = at(".note.gnu.build-id").unwrap() + 20 - at(".got.plt").unwrap();
            link("main", id, distance)
        };
        let (Some(shipped), Some(rebuilt)) = (build("00112233445566778899aabbccddeeff"), build("01112233445566778899aabbccddeeff")) else {
            eprintln!("no compiler for x86-64: skipped");
            return;
        };
        let node = comparing::compare(&shipped, &rebuilt);
        assert_eq!(node.result, expected, "{taken} {long}: {} {:?}", node.why, comparing::different_regions(&node));
    }
}

#[test]
fn with_more_tables_than_are_looked_at_an_identity_is_data() {
    let dir = tempfile::tempdir().unwrap();
    let build = |tables: usize, id: &str| {
        let more: String = (0..tables).map(|n| format!(".section .got.x{n},\"aw\"\n.quad {n}\n")).collect();
        let code = ".text\n.globl f\n.type f, @function\nf: ret\n.size f, .-f\n.section .note.GNU-stack,\"\",@progbits\n";
        std::fs::write(dir.path().join("main.s"), more + code).unwrap();
        let id = format!("-Wl,--build-id=0x{id}");
        // A script of the linker puts sections of these names together, unless they are orphans.
        let options = ["-m64", "-shared", "-nostdlib", "-Wl,--unique=.got.x*", &id, "-o", "main", "main.s"];
        let done = Command::new("cc").args(options).current_dir(dir.path()).output();
        done.is_ok_and(|done| done.status.success()).then(|| std::fs::read(dir.path().join("main")).unwrap())
    };
    for (tables, expected) in [(2, ResultMark::Equivalent), (30, ResultMark::Different)] {
        let (Some(shipped), Some(rebuilt)) = (build(tables, "0011223344556677"), build(tables, "0111223344556677")) else {
            eprintln!("no compiler for x86-64: skipped");
            return;
        };
        let node = comparing::compare(&shipped, &rebuilt);
        assert_eq!(node.result, expected, "{tables}: {} {:?}", node.why, comparing::different_regions(&node));
    }
}

const STUBS: &str = r#"
extern int puts(const char *), remove(const char *), printf(const char *, ...);
asm(".text\n.globl one\n.type one, @function\n.balign 16\none: call puts@PLT\nret\nnop\nnop\n.size one, 8\n"
    ".globl two\n.type two, @function\n.balign 16\ntwo: call remove@PLT\nret\nnop\nnop\n.size two, 8\n");
extern const char one[], two[];
const char *volatile step = one;
int main(void) { return (step == one) + printf("%x", *(const int *)(one + 1)) + puts("x") + remove("y"); }
"#;

#[test]
fn a_call_of_another_stub_of_the_same_import_is_another_number() {
    let Some(mut rebuilt) = linked(STUBS, &["-fPIE", "-pie", "-Wl,-z,lazy"]) else { return };
    // What fills the slot of `remove` fills that with `puts` as well.
    let stub = |file: &Patch, from: &str| {
        let (address, _) = file.symbol(from);
        let operand = file.offset(address) + 1;
        (operand, (address + 5).wrapping_add_signed(i64::from(file.u32(operand).cast_signed())))
    };
    let ((operand, own), (_, other)) = (stub(&rebuilt, "one"), stub(&rebuilt, "two"));
    let entries = rebuilt.relocations(".rela.plt");
    // Slots and stubs stand in one order.
    let start = rebuilt.address(if rebuilt.has(".plt.sec") { ".plt.sec" } else { ".plt" });
    let skipped = if rebuilt.has(".plt.sec") { 0 } else { 16 };
    let entry = |stub: u64| entries[usize::try_from((stub - start - skipped) / 16).unwrap()];
    let import = rebuilt.u64(entry(own) + 8);
    rebuilt.put(entry(other) + 8, &import.to_le_bytes());
    let mut shipped = rebuilt.clone();
    shipped.lead(operand, &rebuilt, "one", other);
    different(&shipped, &rebuilt, "a number in a call");
    // A pointer to the one or the other is another pointer.
    let [first, second] = [own, other].map(|to| {
        let mut file = rebuilt.clone();
        let entry = file.relocation_at(file.symbol("step").0);
        file.put(entry + 16, &to.to_le_bytes());
        file
    });
    different(&first, &second, "a pointer to a stub");
}
