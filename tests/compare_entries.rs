//! Jumps into the middle of an instruction: what runs from there is code that nobody reads on a screen, and its references are not
//! those that were followed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_types, clippy::print_stderr, reason = "files are made with the system's compiler")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::process::Command;

use countersign::model::ResultMark;

mod comparing;

/// Two functions in two objects, linked in the order of `names`; `None` where there is no compiler.
fn linked(first: &str, second: &str, names: [&str; 2]) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let function = |name: &str, code: &str| {
        format!(
            ".text\n.balign 16\n.globl {name}\n.hidden {name}\n.type {name},@function\n{name}:\n{code}\n.size {name}, .-{name}\n.section \
             .note.GNU-stack,\"\",@progbits\n"
        )
    };
    std::fs::write(dir.path().join("one.s"), function("one", first)).unwrap();
    std::fs::write(dir.path().join("two.s"), function("two", second)).unwrap();
    std::fs::write(dir.path().join("main.c"), "extern int one(void), two(void); int main(void) { return one() + two(); }\n").unwrap();
    let done = Command::new("cc").args(["-O1", "-fPIE", "-pie", "-o", "main", "main.c"]).args(names).current_dir(dir.path()).output();
    if !done.is_ok_and(|out| out.status.success()) {
        eprintln!("no C compiler: skipped");
        return None;
    }
    Some(std::fs::read(dir.path().join("main")).unwrap())
}

#[test]
fn what_is_entered_inside_of_an_instruction_is_not_proved() {
    const ONE: &str = "mov $0x11223344, %eax\ncall puts@plt\nlock incl (%rdx)\nret";
    for (what, first, second, expected) in [
        ("another function from its start", ONE, "jmp one", ResultMark::Equivalent),
        ("another function from an instruction on", ONE, "jmp one+5", ResultMark::Equivalent),
        ("another function without its lock", ONE, "jmp one+11", ResultMark::Equivalent),
        ("a constant of another function", ONE, "jmp one+1", ResultMark::Different),
        ("the operand of a call of another function", ONE, "jmp one+6", ResultMark::Different),
        ("its own constant", "jmp 1f+1\n1: mov $0x11223344, %eax\nret", "xor %eax, %eax\nret", ResultMark::Different),
        ("its own instruction", "jmp 1f\n1: mov $0x11223344, %eax\nret", "xor %eax, %eax\nret", ResultMark::Equivalent),
        (
            "a constant, by a table",
            "lea 3f(%rip), %rdx\nmovslq (%rdx,%rdi,4), %rax\nadd %rdx, %rax\njmp *%rax\n1: mov $0x11223344, %eax\n2: ret\n.section \
             .rodata\n.balign 4\n3: .long 2b-3b, 1b-3b+1\n.long 0, 0\n.text",
            "xor %eax, %eax\nret",
            ResultMark::Different,
        ),
        (
            "an instruction, by a table",
            "lea 3f(%rip), %rdx\nmovslq (%rdx,%rdi,4), %rax\nadd %rdx, %rax\njmp *%rax\n1: mov $0x11223344, %eax\n2: ret\n.section \
             .rodata\n.balign 4\n3: .long 2b-3b, 1b-3b\n.long 0, 0\n.text",
            "xor %eax, %eax\nret",
            ResultMark::Equivalent,
        ),
    ] {
        let (Some(shipped), Some(rebuilt)) = (linked(first, second, ["one.s", "two.s"]), linked(first, second, ["two.s", "one.s"])) else {
            return;
        };
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = comparing::compare(a, b);
            let functions: Vec<&str> = node.functions.iter().map(|f| f.what.as_str()).collect();
            assert_eq!(node.result, expected, "{what}: {} {functions:?} {:?}", node.why, node.metadata);
        }
    }
}
