//! Jumps into the middle of an instruction: what runs from there is code that nobody reads on a screen, and its references are not
//! those that were followed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_types, clippy::print_stderr, reason = "files are made with the system's compiler")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::process::Command;

use countersign::model::ResultMark;

mod comparing;

const MAIN: &str = "extern int one(void), two(void); int main(void) { return one() + two(); }\n";

/// Two functions in two objects, linked in the order of `names`; `None` where there is no compiler.
fn linked(first: &str, second: &str, names: [&str; 2]) -> Option<Vec<u8>> {
    with(MAIN, first, second, names, &["-fPIE", "-pie"])
}

/// The same with another program around them.
fn with(main: &str, first: &str, second: &str, names: [&str; 2], options: &[&str]) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let function = |name: &str, code: &str| {
        format!(
            ".text\n.balign 16\n.globl {name}\n.hidden {name}\n.type {name},@function\n{name}:\n{code}\n.size {name}, .-{name}\n.section \
             .note.GNU-stack,\"\",@progbits\n"
        )
    };
    std::fs::write(dir.path().join("one.s"), function("one", first)).unwrap();
    std::fs::write(dir.path().join("two.s"), function("two", second)).unwrap();
    std::fs::write(dir.path().join("main.c"), main).unwrap();
    let done = Command::new("cc").args(options).args(["-O1", "-o", "main", "main.c"]).args(names).current_dir(dir.path()).output();
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

#[test]
fn whatever_leads_into_an_instruction_is_not_proved() {
    const ONE: &str = "mov $0x11223344, %eax\ncall puts@plt\nret";
    const NOTHING: &str = "xor %eax, %eax\nret";
    let pointer =
        |to: &str| format!("extern int one(void), two(void); int (*volatile p)(void) = {to}; int main(void) {{ return p() + two(); }}");
    let called = |section: &str| pointer("(int(*)(void))((char *)one + 6)").replace("int (*volatile", &format!("{section} int (*volatile"));
    let pie: &[&str] = &["-fPIE", "-pie"];
    let symbol = "nop\n.set inside, one+6\n.globl inside\n.type inside, @object\n.size inside, 1";
    for (what, main, second, options, expected) in [
        ("a pointer", pointer("(int(*)(void))((char *)one + 6)"), NOTHING, pie, ResultMark::Different),
        ("a pointer to its start", pointer("one"), NOTHING, pie, ResultMark::Equivalent),
        ("a pointer to an instruction", pointer("(int(*)(void))((char *)one + 5)"), NOTHING, pie, ResultMark::Equivalent),
        ("a constructor", called("__attribute__((section(\".init_array\"), used))"), NOTHING, pie, ResultMark::Different),
        (
            "a word of a file with a fixed place",
            called("__attribute__((section(\".rodata\"), used))"),
            NOTHING,
            &["-fno-pie", "-no-pie"],
            ResultMark::Different,
        ),
        ("an address that is taken", MAIN.to_owned(), "lea one+6(%rip), %rax\njmp *%rax", pie, ResultMark::Different),
        ("the address of an instruction", MAIN.to_owned(), "lea one+5(%rip), %rax\njmp *%rax", pie, ResultMark::Equivalent),
        ("an address in itself", MAIN.to_owned(), "lea 1f+1(%rip), %rax\n1: mov $0x11223344, %ecx\njmp *%rax", pie, ResultMark::Different),
        ("a symbol", MAIN.to_owned(), NOTHING, &["-fPIE", "-pie", "-rdynamic"], ResultMark::Different),
    ] {
        let pair = ["one.s", "two.s"].map(|first| {
            let names = if first == "one.s" { ["one.s", "two.s"] } else { ["two.s", "one.s"] };
            with(&main, &if what == "a symbol" { format!("{ONE}\n{symbol}") } else { ONE.to_owned() }, second, names, options)
        });
        let [Some(shipped), Some(rebuilt)] = pair else { return };
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = comparing::compare(a, b);
            let functions: Vec<&str> = node.functions.iter().map(|f| f.what.as_str()).collect();
            let regions = comparing::different_regions(&node);
            assert_eq!(node.result, expected, "{what}: {} {functions:?} {:?} {regions:?}", node.why, node.metadata);
        }
    }
}

/// Where an exception goes on is in a table that only the unwinder reads: of one that is not read here, nothing is known.
#[test]
fn landing_pads_lead_into_code() {
    // A function, whose frame has a table in a section: with a form of its own base or without, and a pad.
    let one = |section: &str, base: &str, pad: &str| {
        format!(
            ".cfi_startproc\n.cfi_personality 0x1b, one\n.cfi_lsda 0x1b, 4f\nsub $8, %rsp\n1: call puts@plt\n2: mov $0x11223344, %eax\nadd \
             $8, %rsp\nret\n.cfi_endproc\n.section {section}\n4: {base}\n.byte 0xff, 1\n.uleb128 6f-5f\n5: .uleb128 1b-one\n.uleb128 \
             2b-1b\n.uleb128 {pad}\n.uleb128 0\n6:\n.text"
        )
    };
    let own = ".byte 0xff";
    for (what, first, expected) in [
        ("an instruction", one(".gcc_except_table,\"a\",@progbits", own, "2b-one"), ResultMark::Equivalent),
        ("a constant", one(".gcc_except_table,\"a\",@progbits", own, "2b+1-one"), ResultMark::Different),
        ("a constant, from a section of another name", one(".rodata", own, "2b+1-one"), ResultMark::Different),
        (
            "a constant, from another base",
            one(".gcc_except_table,\"a\",@progbits", ".byte 0x1b\n.long one - .", "2b+1-one"),
            ResultMark::Different,
        ),
    ] {
        let linked = |names| linked(&first, "xor %eax, %eax\nret", names);
        let (Some(shipped), Some(rebuilt)) = (linked(["one.s", "two.s"]), linked(["two.s", "one.s"])) else { return };
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = comparing::compare(a, b);
            let functions: Vec<&str> = node.functions.iter().map(|f| f.what.as_str()).collect();
            assert_eq!(node.result, expected, "{what}: {} {functions:?} {:?}", node.why, node.metadata);
        }
    }
}

/// A symbol says that a function begins at the operand of an instruction, where a call could begin: the constant is the distance to a
/// function that moved.
#[test]
fn no_function_begins_inside_of_an_instruction() {
    let one = |symbol: &str| {
        format!(
            "push %rbp\nmov %rsp, %rbp\n.byte 0xc7, 0x45\n1: .byte 0xe8\n.long two - . - 4\n2: mov -24(%rbp), %eax\npop %rbp\nret\n{symbol}"
        )
    };
    let begins = |at: &str| {
        format!(
            ".globl inside\n.hidden inside\n.type inside, @function\n.set inside, {at}\n.size inside, {}\n",
            if at == "1b" { 10 } else { 5 }
        )
    };
    const CALL: &str = "push %rbp\nmov %rsp, %rbp\nnop\n1: call two\n2: mov %rsp, %rax\npop %rbp\nret\n";
    for (what, first, expected) in [
        ("a constant", one(""), ResultMark::Different),
        ("a constant that a symbol leads into", one(&begins("1b")), ResultMark::Different),
        ("a constant with a symbol behind it", one(&begins("2b")), ResultMark::Different),
        ("the same, jumped over", one(&begins("1b")).replace("0xc7, 0x45", "0xeb, 0x07, 0xc7, 0x45"), ResultMark::Equivalent),
        ("a call", format!("{CALL}{}", begins("1b")), ResultMark::Equivalent),
        ("a call with a symbol behind it", format!("{CALL}{}", begins("2b")), ResultMark::Equivalent),
    ] {
        let linked = |names| linked(&first, "mov $7, %eax\nret", names);
        let (Some(shipped), Some(rebuilt)) = (linked(["one.s", "two.s"]), linked(["two.s", "one.s"])) else { return };
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = comparing::compare(a, b);
            let functions: Vec<&str> = node.functions.iter().map(|f| f.what.as_str()).collect();
            assert_eq!(node.result, expected, "{what}: {} {functions:?} {:?}", node.why, node.metadata);
        }
    }
}

/// A program in which nothing moves, with an assertion at a line, and something that enters the instruction which holds its number.
fn asserting(line: u32, entering: &str) -> Option<Vec<u8>> {
    around(line, entering, ["", ""])
}

/// The same with more code before that instruction and behind it.
fn around(line: u32, entering: &str, more: [&str; 2]) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let source = format!(
        "#include <assert.h>\nextern int enter(int);\nint f(int x) {{\n#line {line} \"main.c\"\nassert(x > 2); return x; }}\nint main(int c, char **v) \
         {{ (void)v; return c > 5 ? f(c) : enter(c); }}\nasm(\"{entering}\");\n"
    );
    std::fs::write(dir.path().join("main.c"), source).unwrap();
    let run = |args: &[&str]| {
        let done = Command::new("cc")
            .args(["-O1", "-g", "-fPIE", "-fdebug-prefix-map=.=/b"])
            .arg(format!("-fdebug-prefix-map={}=/b", dir.path().display()))
            .args(args)
            .current_dir(dir.path())
            .output();
        done.is_ok_and(|out| out.status.success())
    };
    if !run(&["-S", "main.c"]) {
        eprintln!("no C compiler: skipped");
        return None;
    }
    // The compiler's own instruction gets a name.
    let code = std::fs::read_to_string(dir.path().join("main.s")).unwrap();
    let number = format!("movl\t${line}, %edx");
    assert_eq!(code.matches(&number).count(), 1, "the compiler writes the line otherwise");
    std::fs::write(dir.path().join("main.s"), code.replace(&number, &format!("{}site: {number}\n{}", more[0], more[1]))).unwrap();
    assert!(run(&["-pie", "-o", "main", "main.s"]));
    Some(std::fs::read(dir.path().join("main")).unwrap())
}

#[test]
fn a_line_number_that_is_entered_is_code() {
    const ENTER: &str = "\\n.globl enter\\n.type enter, @function\\nenter: ";
    const END: &str = "\\n.size enter, .-enter\\n";
    for (what, entering, expected) in [
        ("nothing", "ret".to_owned(), ResultMark::Equivalent),
        ("a jump to it", "jmp site".to_owned(), ResultMark::Equivalent),
        ("a jump", "jmp site+1".to_owned(), ResultMark::Different),
        ("an address", "lea site+1(%rip), %rax\\n jmp *%rax".to_owned(), ResultMark::Different),
        ("a pointer", "jmp *hidden(%rip)\\n.data\\nhidden: .quad site+1\\n.text".to_owned(), ResultMark::Different),
        (
            "a table",
            "lea 3f(%rip), %rdx\\nmovslq (%rdx,%rdi,4), %rax\\nadd %rdx, %rax\\njmp *%rax\\n.section .rodata\\n.balign 4\\n3: .long f-3b, \
             site-3b+1\\n.long 0, 0\\n.text"
                .to_owned(),
            ResultMark::Different,
        ),
    ] {
        let entering = format!("{ENTER}{entering}{END}");
        let (Some(shipped), Some(rebuilt)) = (asserting(0x11_c3c0, &entering), asserting(0x11_c3c1, &entering)) else { return };
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = comparing::compare(a, b);
            let functions: Vec<&str> = node.functions.iter().map(|f| f.what.as_str()).collect();
            let regions = comparing::different_regions(&node);
            assert_eq!(node.result, expected, "{what}: {} {functions:?} {:?} {regions:?} {:?}", node.why, node.metadata, node.tried);
        }
    }
}

/// The number of a line goes to a function that reports it, and to nothing else.
#[test]
fn a_line_number_that_is_read_on_its_way_is_any_number() {
    let late = ".globl late\n.type late, @function\n.set late, site\n.size late, 5\n.byte 0xc7, 0x45\n";
    for (what, more, expected) in [
        ("nothing more", ["", ""], ResultMark::Equivalent),
        ("another register", ["", "movl %ecx, -8(%rsp)\n"], ResultMark::Equivalent),
        ("the number", ["", "movl %edx, -8(%rsp)\n"], ResultMark::Different),
        ("a part of it", ["", "movb %dl, -8(%rsp)\n"], ResultMark::Different),
        ("an address made with it", ["", "leal 4(%rcx,%rdx), %eax\n"], ResultMark::Different),
        ("a factor", ["", "movl $7, %eax\nmull %edx\n"], ResultMark::Different),
        ("a function that begins inside of an instruction", [late, ""], ResultMark::Different),
    ] {
        let enter = "\\n.globl enter\\n.type enter, @function\\nenter: ret\\n.size enter, .-enter\\n";
        let (Some(shipped), Some(rebuilt)) = (around(0x11_c3c0, enter, more), around(0x11_c3c1, enter, more)) else { return };
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = comparing::compare(a, b);
            let functions: Vec<&str> = node.functions.iter().map(|f| f.what.as_str()).collect();
            assert_eq!(node.result, expected, "{what}: {} {functions:?} {:?} {:?}", node.why, node.metadata, node.tried);
        }
    }
}
