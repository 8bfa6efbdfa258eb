//! aarch64: code that moved away from data, and jumps that count from that data.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_types, clippy::print_stderr, reason = "files are made with a cross compiler")]
#![cfg(target_os = "linux")]

use std::process::Command;

use comparing::elf::Patch;
use countersign::model::ResultMark;

mod comparing;

const MAIN: &str = "int sw(int); const char msg[] = \"hello\"; int main(int c) { return sw(c) + msg[c & 3]; }\n";

/// The program with its code at one address and at the other; `None` where there is no compiler for it.
fn linked(code: &str) -> Option<[Vec<u8>; 2]> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("main.c"), MAIN).unwrap();
    let head = ".text\n.balign 16\n.globl sw\n.hidden sw\n.type sw, %function\nsw:\n";
    std::fs::write(dir.path().join("sw.s"), format!("{head}{code}\n.section .note.GNU-stack,\"\",%progbits\n")).unwrap();
    let run = |args: &[&str]| {
        let done = Command::new("aarch64-linux-gnu-gcc").args(args).current_dir(dir.path()).output();
        done.is_ok_and(|out| out.status.success())
    };
    if !run(&["-O1", "-fPIE", "-c", "main.c", "sw.s"]) {
        eprintln!("no compiler for aarch64: skipped");
        return None;
    }
    let link = |out: &str, text: &str| {
        let layout = ["-Wl,--section-start=.rodata=0x1800", "-Wl,-z,max-page-size=4096", "-Wl,-z,noseparate-code", "-Wl,-e,main"];
        let text = format!("-Wl,-Ttext={text}");
        let options = ["-pie", "-nostdlib", "-nostartfiles", "-Wl,--build-id", &text, "-o", out, "main.o", "sw.o"];
        assert!(run(&[&options[..], &layout].concat()), "cannot be linked");
        std::fs::read(dir.path().join(out)).unwrap()
    };
    Some([link("rebuilt", "0x320"), link("shipped", "0x330")])
}

const CASES: &str = "1: mov w0, #1\nret\nmov w0, #11\nret\n2: mov w0, #2\nret\n9: mov w0, #0\nret\n.size sw, .-sw\n.section \
                     .rodata\n.balign 4\n.globl tab\n.hidden tab\n.type tab, %object\n";

#[test]
fn a_jump_by_a_table_that_did_not_follow_the_code_is_a_difference() {
    let load = "cmp w0, #2\nb.hs 9f\nadrp x1, tab\nadd x1, x1, :lo12:tab\n";
    let from_table = format!("{load}ldrsw x0, [x1, w0, uxtw #2]\nadd x0, x1, x0\nbr x0\n{CASES}tab: .word 1b-tab, 2b-tab\n.size tab, 8\n");
    let from_code =
        format!("{load}ldrsw x0, [x1, w0, uxtw #2]\nadr x1, 1f\nadd x0, x1, x0\nbr x0\n{CASES}tab: .word 1b-1b, 2b-1b\n.size tab, 8\n");
    // The base is not what was found to be the table.
    let hidden = format!(
        "{load}mov x3, x1\nldrsw x0, [x1, w0, uxtw #2]\nadd x2, x3, x0\nstr x2, [sp, #-16]!\nldr x2, [sp], #16\nbr x2\n{CASES}tab: .word \
         1b-tab, 2b-tab\n.size tab, 8\n"
    );
    for (what, code, expected) in [
        ("from the table", from_table, ResultMark::Different),
        ("from the table, by a way round", hidden, ResultMark::Different),
        ("from the code", from_code, ResultMark::Equivalent),
    ] {
        let Some([rebuilt, shipped]) = linked(&code) else { return };
        let (rebuilt, mut shipped) = (Patch::new(&rebuilt), Patch::new(&shipped));
        let table = |file: &Patch| file.offset(file.symbol("tab").0);
        let (from, to) = (table(&rebuilt), table(&shipped));
        shipped.put(to, &rebuilt.bytes[from..from + 8]);
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = comparing::compare(&a.bytes, &b.bytes);
            let functions: Vec<&str> = node.functions.iter().map(|f| f.what.as_str()).collect();
            assert_eq!(node.result, expected, "{what}: {} {functions:?} {:?}", node.why, comparing::different_regions(&node));
        }
    }
}

const NOTE: &str = "asm(\".section .note.id,\\\"a\\\",@note\\n.balign 4\\n.globl note\\n.hidden note\\nnote: .long 4, 20, \
                    3\\n.asciz \\\"GNU\\\"\\n.ascii \\\"the key that is good\\\"\\n.text\");\nint sw(void); int main(void) { return sw(); }\n";

#[test]
fn an_identity_that_code_reads_by_a_way_round_is_data() {
    let ways = [
        ("not at all", "adrp x9, note\nmov x10, x9\nadd x10, x10, :lo12:main\nldrb w0, [x10]\nret\n", ResultMark::Equivalent),
        ("by its page", "adrp x9, note\nadd x9, x9, :lo12:note\nldrb w0, [x9, #16]\nret\n", ResultMark::Different),
        ("by another register", "adrp x9, note\nmov x10, x9\nadd x10, x10, :lo12:note+16\nldrb w0, [x10]\nret\n", ResultMark::Different),
        (
            "by the stack",
            "adrp x9, note\nstr x9, [sp, #-16]!\nldr x10, [sp], #16\nadd x10, x10, :lo12:note+16\nldrb w0, [x10]\nret\n",
            ResultMark::Different,
        ),
        ("with a literal that is an instruction", "ldr w1, 1f\n1: adr x9, note+16\nldrb w0, [x9]\nret\n", ResultMark::Different),
        ("from before it", "adrp x9, note\nadd x9, x9, :lo12:note\nldr x0, [x9, #12]\nret\n", ResultMark::Different),
    ];
    for (what, code, expected) in ways {
        let dir = tempfile::tempdir().unwrap();
        let source =
            format!("{NOTE}asm(\".globl sw\\n.hidden sw\\n.type sw, %function\\nsw: {}.size sw, .-sw\\n\");\n", code.replace('\n', "\\n"));
        std::fs::write(dir.path().join("main.c"), source).unwrap();
        let options = ["-O1", "-pie", "-fPIE", "-nostdlib", "-nostartfiles", "-Wl,--build-id=none", "-Wl,-e,main", "-o", "main", "main.c"];
        let done = Command::new("aarch64-linux-gnu-gcc").args(options).current_dir(dir.path()).output();
        if !done.is_ok_and(|out| out.status.success()) {
            eprintln!("no compiler for aarch64: skipped");
            return;
        }
        let rebuilt = Patch::new(&std::fs::read(dir.path().join("main")).unwrap());
        let mut shipped = rebuilt.clone();
        let at = shipped.find(".note.id", b"the key");
        shipped.put(at, b"THE KEY");
        let node = comparing::compare(&shipped.bytes, &rebuilt.bytes);
        assert_eq!(node.result, expected, "{what}: {} {:?} {:?}", node.why, node.tried, comparing::causes(&node));
    }
}
