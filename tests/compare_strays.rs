//! Words of data that are the same on both sides while the functions that they lead to changed their places: what is called is
//! something else, although no byte of the data says so.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_types, clippy::print_stderr, reason = "files are made with the system's compiler")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::Path;
use std::process::Command;

use comparing::elf::Patch;
use countersign::model::ResultMark;

mod comparing;

const MAIN: &str = r#"
extern const char __executable_start[];
asm(".section SECTION\n.globl table\n.balign 8\ntable: WORDS\n.size table, 16\n.type table, @object\n.text");
extern const TYPE table[];
typedef int (*step)(int);
int main(int argc, char **argv) { (void)argv; step s = (step)(CALL); return s(argc); }
"#;

/// The program with its functions in one order and in the other; `None` where there is no compiler.
fn linked(main: &str, options: &[&str]) -> Option<[Vec<u8>; 2]> {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let done = Command::new("cc").args(options).args(args).current_dir(dir.path()).output();
        done.is_ok_and(|out| out.status.success())
    };
    let sources = [
        ("main", main),
        ("deny", "int deny(int x) { return x > 3 ? 1 : 0; }\n"),
        ("allow", "int allow(int x) { return x > 2 ? 2 : 0; }\n"),
    ];
    for (name, text) in sources {
        std::fs::write(dir.path().join(name).with_extension("c"), text).unwrap();
        if !run(&["-O2", "-c", &format!("{name}.c")]) {
            eprintln!("no C compiler: skipped");
            return None;
        }
    }
    let link = |out: &str, one: &str, two: &str| {
        assert!(run(&["-Wl,--build-id", "-Wl,-z,noexecstack", "-o", out, "main.o", one, two]), "cannot be linked");
        std::fs::read(Path::new(dir.path()).join(out)).unwrap()
    };
    Some([link("rebuilt", "deny.o", "allow.o"), link("shipped", "allow.o", "deny.o")])
}

/// Section, type and content of the table, how it is called, and how the program is linked. With `true` the words are numbers that
/// are put there afterwards: the address of the function in the rebuilt file.
type Kept = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str], bool);

/// A function that holds the table.
const AMONG_CODE: &str = ".text\\n.globl holder\\n.type holder, @function\\n.size holder, 24\\n.balign 8\\nholder: .fill 7, 1, 0x90\\nret";

const KEPT: &[Kept] = &[
    (".rodata", "long long", ".quad deny - table, 77", "(char *)table + table[0]", &["-pie", "-fPIE"], false),
    (".rodata", "int", ".long 7, deny - table, 8, 9", "(char *)table + table[1]", &["-pie", "-fPIE"], false),
    (".data", "int", ".long deny - table, 7, 8, 9", "(char *)table + table[0]", &["-pie", "-fPIE"], false),
    (".rodata", "int", ".long deny, 7, 8, 9", "(long)table[0]", &["-no-pie", "-fno-pie"], false),
    (".data", "int", ".long 7, deny, 8, 9", "(long)table[1]", &["-no-pie", "-fno-pie"], false),
    (".rodata", "long long", ".quad 1, 2", "__executable_start + table[0]", &["-pie", "-fPIE"], true),
    // Whatever type the header of the section says.
    (".note.x, \\\"a\\\", @note", "int", ".long deny - table, 7, 8, 9", "(char *)table + table[0]", &["-pie", "-fPIE"], false),
    (".x, \\\"a\\\", @0x60000001", "int", ".long deny - table, 7, 8, 9", "(char *)table + table[0]", &["-pie", "-fPIE"], false),
    (".note.x, \\\"a\\\", @note", "long long", ".quad deny, 7", "table[0]", &["-no-pie", "-fno-pie"], false),
    // Among code.
    (AMONG_CODE, "int", ".long deny - table, 0x90909090, 0x90909090, 0xc3909090", "(char *)table + table[0]", &["-pie", "-fPIE"], false),
    (AMONG_CODE, "long long", ".quad deny, 0xc390909090909090", "table[0]", &["-no-pie", "-fno-pie"], false),
];

#[test]
fn an_equal_word_that_leads_to_another_function_is_no_equal_word() {
    for (section, kind, words, call, options, filled) in KEPT {
        let main = MAIN.replace("SECTION", section).replace("TYPE", kind).replace("WORDS", words).replace("CALL", call);
        let Some([rebuilt, shipped]) = linked(&main, options) else { return };
        let (mut rebuilt, mut shipped) = (Patch::new(&rebuilt), Patch::new(&shipped));
        let table = |file: &Patch| file.offset(file.symbol("table").0);
        if *filled {
            let at = table(&rebuilt);
            rebuilt.put(at, &rebuilt.symbol("deny").0.to_le_bytes());
        }
        let (from, to) = (table(&rebuilt), table(&shipped));
        let kept = rebuilt.bytes[from..from + 16].to_vec();
        shipped.put(to, &kept);
        assert_ne!(rebuilt.symbol("deny").0, shipped.symbol("deny").0, "nothing moved");
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = comparing::compare(&a.bytes, &b.bytes);
            assert_eq!(node.result, ResultMark::Different, "{words} in {section}, {call}: {}", node.why);
        }
    }
}

#[test]
fn numbers_that_lead_nowhere_stay_what_they_are() {
    let main = MAIN.replace("SECTION", ".rodata").replace("TYPE", "int").replace("WORDS", ".long 77, -5, 0x12345678, 9");
    let main = main.replace("(step)(CALL)", "table[argc] > 8 ? deny : allow").replace("typedef", "int deny(int), allow(int);\ntypedef");
    let Some([rebuilt, shipped]) = linked(&main, &["-pie", "-fPIE"]) else { return };
    let node = comparing::compare(&shipped, &rebuilt);
    assert_eq!(node.result, ResultMark::Equivalent, "{}; {:?}", node.why, comparing::different_regions(&node));
}

#[test]
fn an_operand_that_the_program_reads_as_a_number_is_one() {
    // The distance of a call is another one where the function moved; its first byte is not.
    let holder = "asm(\".globl holder\\n.type holder, @function\\nholder: sub $8, %rsp\\nsite: call deny\\nadd $8, %rsp\\nret\\n.size holder, .-holder\");";
    for (byte, expected) in [(0, ResultMark::Equivalent), (1, ResultMark::Different)] {
        let read = format!("int main(void) {{ int n; asm volatile(\"movzbl site+{byte}(%%rip), %0\" : \"=a\"(n)); return n; }}");
        let Some([rebuilt, shipped]) = linked(&format!("{holder}\n{read}"), &["-pie", "-fPIE"]) else { return };
        let node = comparing::compare(&shipped, &rebuilt);
        assert_eq!(node.result, expected, "byte {byte} of a call: {} {:?}", node.why, comparing::different_regions(&node));
    }
}

#[test]
fn a_number_that_is_the_address_of_a_function_is_a_number() {
    const KEPT: &[(&str, &[&str])] = &[
        (".got, \\\"aw\\\"", &["-pie", "-fPIE"]),
        (".got, \\\"aw\\\"", &["-no-pie", "-fno-pie"]),
        (".data.rel.ro.x, \\\"aw\\\"", &["-no-pie", "-fno-pie"]),
    ];
    for (section, options) in KEPT {
        let main = MAIN.replace("SECTION", section).replace("TYPE", "long").replace("WORDS", ".quad 77, 78");
        let main = main.replace("step s = (step)(CALL); return s(argc);", "return table[0] == argc ? deny(argc) : allow(argc);");
        let main = main.replace("typedef", "int deny(int), allow(int);\ntypedef");
        let Some([rebuilt, shipped]) = linked(&main, options) else { return };
        let kept = comparing::compare(&shipped, &rebuilt);
        assert_eq!(kept.result, ResultMark::Equivalent, "{section}: {}", kept.why);
        let (mut rebuilt, mut shipped) = (Patch::new(&rebuilt), Patch::new(&shipped));
        assert_ne!(rebuilt.symbol("deny").0, shipped.symbol("deny").0, "nothing moved");
        for file in [&mut rebuilt, &mut shipped] {
            let at = file.offset(file.symbol("table").0);
            file.put(at, &file.symbol("deny").0.to_le_bytes());
        }
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = comparing::compare(&a.bytes, &b.bytes);
            assert_eq!(node.result, ResultMark::Different, "{section}: {}", node.why);
        }
    }
}

/// Sets the relocation of the pointer `p` to another kind and another number, and lets the loader look at the kind of each.
fn related(file: &mut Patch, info: u64, addend: u64) {
    let place = file.symbol("p").0;
    let (table, size) = file.section(".rela.dyn");
    let at = (table..table + size).step_by(24).find(|at| file.u64(*at) == place).unwrap();
    file.put(at + 8, &info.to_le_bytes());
    file.put(at + 16, &addend.to_le_bytes());
    // What is in the file there says nothing.
    let word = file.offset(place);
    file.put(word, &[0; 8]);
    let (dynamic, size) = file.section(".dynamic");
    let count = (dynamic..dynamic + size).step_by(16).find(|at| file.u64(*at) == 0x6fff_fff9).unwrap();
    file.put(count + 8, &((at - table) as u64 / 24).to_le_bytes());
}

#[test]
fn a_number_beside_a_relocation_leads_to_the_same_place_whatever_its_kind() {
    let main = "int deny(int), allow(int); int (*volatile p)(int) = deny; int main(int c, char **v) { (void)v; int (*volatile q)(int) = allow; return \
                p(c) + q(c); }\n";
    let Some([rebuilt, shipped]) = linked(main, &["-pie", "-fPIE", "-rdynamic"]) else { return };
    let number = |file: &Patch| {
        let (table, size) = file.section(".dynsym");
        let deny = file.symbol("deny").0;
        (table..table + size).step_by(24).position(|at| file.u64(at + 8) == deny).unwrap() as u64
    };
    let (one, two) = (Patch::new(&shipped), Patch::new(&rebuilt));
    let (old, new) = (one.symbol("deny").0, two.symbol("deny").0);
    assert_ne!(old, new, "nothing moved");
    assert_eq!(comparing::compare(&shipped, &rebuilt).result, comparing::compare(&rebuilt, &shipped).result);
    let kept = |info: (u64, u64), addend: (u64, u64)| {
        let (mut one, mut two) = (one.clone(), two.clone());
        related(&mut one, info.0, addend.0);
        related(&mut two, info.1, addend.1);
        let node = comparing::compare(&one.bytes, &two.bytes);
        assert_eq!(node.result, comparing::compare(&two.bytes, &one.bytes).result);
        // The places of the relocations are unexplained only where they lead elsewhere.
        (node.result, comparing::different_regions(&node).contains(".rela.dyn") || !node.metadata.is_empty())
    };
    // Relative; of a symbol that is none; of 64 bits in a file of 32; of a slot.
    for kind in [8, 1, 38, 6] {
        assert!(!kept((kind, kind), (old, new)).1, "kind {kind}, as it must be");
        assert_eq!(kept((kind, kind), (new, new)), (ResultMark::Different, true), "kind {kind}, kept");
    }
    // What stands behind a symbol of the file.
    let symbol = (number(&one) << 32 | 1, number(&two) << 32 | 1);
    if symbol.0 == symbol.1 {
        assert_eq!(kept(symbol, (16, 16)), (ResultMark::Different, true), "behind a symbol");
    }
}

#[test]
fn relocations_are_those_that_the_loader_reads() {
    let main = "int deny(int), allow(int); int (*volatile p)(int) = deny; int main(int c, char **v) { (void)v; int (*volatile q)(int) = allow; return \
                p(c) + q(c); }\n";
    let Some([rebuilt, shipped]) = linked(main, &["-pie", "-fPIE"]) else { return };
    let (one, two) = (Patch::new(&shipped), Patch::new(&rebuilt));
    let kept = two.symbol("deny").0;
    assert_ne!(one.symbol("deny").0, kept, "nothing moved");
    assert_eq!(comparing::compare(&shipped, &rebuilt).result, ResultMark::Equivalent);
    type Change = fn(&mut Patch);
    let abuses: [(&str, Change); 7] = [
        ("a table that says that it is none", |f| f.put(f.header(".rela.dyn") + 4, &[1])),
        ("a table that says that it is a note", |f| f.put(f.header(".rela.dyn") + 4, &[7])),
        ("a table that ends early", |f| {
            let (at, size) = (f.header(".rela.dyn") + 32, f.section(".rela.dyn").1 as u64);
            f.put(at, &(size - 48).to_le_bytes());
        }),
        ("entries that say that they are none", |f| {
            f.put(f.header(".rela.dyn") + 4, &[1]);
            f.put(f.header(".dynamic") + 4, &[1]);
        }),
        ("symbols that say that they are none", |f| f.put(f.header(".dynsym") + 4, &[1])),
        ("versions that say that they are none", |f| f.put(f.header(".gnu.version") + 4, &1u32.to_le_bytes())),
        // The stub of TLS descriptors.
        ("an entry with a place that did not follow", |f| {
            let at = f.dynamic(0x6fff_fff9, 0);
            f.put(at - 8, &0x6fff_fef6u64.to_le_bytes());
        }),
    ];
    for (what, change) in abuses {
        let (mut one, mut two) = (one.clone(), two.clone());
        for file in [&mut one, &mut two] {
            if !what.contains("did not follow") {
                let (entry, word) = (file.relocation_at(file.symbol("p").0), file.offset(file.symbol("p").0));
                file.put(entry + 16, &kept.to_le_bytes());
                file.put(word, &kept.to_le_bytes());
            }
            if what.contains("did not follow") {
                let at = file.dynamic(0x6fff_fff9, 0);
                file.put(at, &kept.to_le_bytes());
            }
            change(file);
        }
        for (a, b) in [(&one, &two), (&two, &one)] {
            let node = comparing::compare(&a.bytes, &b.bytes);
            assert_eq!(node.result, ResultMark::Different, "{what}: {}", node.why);
        }
    }
}

#[test]
fn what_the_loader_calls_in_its_order_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let done = Command::new("cc").args(["-O2", "-fPIE", "-pie"]).args(args).current_dir(dir.path()).output();
        done.is_ok_and(|out| out.status.success())
    };
    let main = "extern int state; static void c1(void) { state = state * 3 + 1; } extern void (*a2)(void), (*a3)(void); void (*a1)(void) = c1; int \
                state; int main(int c, char **v) { (void)v; if (c > 5) { a1(); a2(); a3(); } return state; }\n";
    let part = |n: u32| format!("extern int state; static void c{n}(void) {{ state = state * 3 + {n}; }} void (*a{n})(void) = c{n};\n");
    for (name, text) in [("main.c", main.to_owned()), ("two.c", part(2)), ("three.c", part(3))] {
        std::fs::write(dir.path().join(name), text).unwrap();
        if !run(&["-c", name]) {
            eprintln!("no C compiler: skipped");
            return;
        }
    }
    let link = |out: &str, one: &str, two: &str| {
        assert!(run(&["-Wl,--build-id", "-Wl,-z,noexecstack", "-o", out, "main.o", one, two]), "cannot be linked");
        Patch::new(&std::fs::read(dir.path().join(out)).unwrap())
    };
    let (rebuilt, shipped) = (link("rebuilt", "two.o", "three.o"), link("shipped", "three.o", "two.o"));
    assert_eq!(comparing::compare(&shipped.bytes, &rebuilt.bytes).result, ResultMark::Equivalent);
    // The constructors are the pointers of the program.
    let [one, two] = [&shipped, &rebuilt].map(|file| {
        let mut file = file.clone();
        let (at, first) = (file.dynamic(25, 0), file.symbol("a1").0);
        file.put(at, &first.to_le_bytes());
        let at = file.dynamic(27, 0);
        file.put(at, &24u64.to_le_bytes());
        file
    });
    for (a, b) in [(&one, &two), (&two, &one)] {
        let node = comparing::compare(&a.bytes, &b.bytes);
        assert_eq!(node.result, ResultMark::Different, "{}", node.why);
    }
}

#[test]
fn a_call_of_a_sum_that_counts_from_data_is_a_difference() {
    // From the data by a number, by a table of two bytes, and by one as a `switch` has it.
    let sums: [(&str, &str, u64); 3] = [
        ("add $-0x3000, %rdx", "add $-0x3000, %rdx", 0),
        ("movzwl table(%rip), %eax\\nsub %rax, %rdx", "", 2),
        ("movslq (%rdx), %rax\\nadd %rax, %rdx", "", 4),
    ];
    for (sum, number, size) in sums {
        let code = format!("lea table(%rip), %rdx\\n{sum}\\ncall *%rdx");
        let main = format!(
            "int deny(int), allow(int); asm(\".section .rodata\\n.globl table\\n.hidden table\\n.balign 8\\ntable: .quad 0\\n.size table, \
             8\\n.type table, @object\\n.text\"); int main(int c, char **v) {{ (void)v; int r; asm volatile(\"sub $128, %%rsp\\n\" \"{}\" \
             \"\\nadd $128, %%rsp\" : \"=a\"(r) : \"D\"(c) : \"rdx\", \"rcx\", \"rsi\", \"r8\", \"r9\", \"r10\", \"r11\", \"memory\"); return c > 5 \
             ? deny(c) * allow(c) : r; }}\n",
            code.replace('%', "%%")
        );
        let Some(pair) = linked(&main, &["-pie", "-fPIE"]) else { return };
        let [mut rebuilt, mut shipped] = pair.map(|bytes| Patch::new(&bytes));
        let (to, table) = (rebuilt.symbol("deny").0, rebuilt.symbol("table").0);
        assert_eq!(table, shipped.symbol("table").0);
        assert_ne!(to, shipped.symbol("deny").0, "nothing moved");
        for file in [&mut rebuilt, &mut shipped] {
            match size {
                0 => {
                    let at = file.find(".text", &(-0x3000i32).to_le_bytes());
                    assert!(!number.is_empty());
                    file.put(at, &i32::try_from(to.wrapping_sub(table).cast_signed()).unwrap().to_le_bytes());
                }
                2 => file.put(file.offset(table), &u16::try_from(table - to).unwrap().to_le_bytes()),
                _ => file.put(file.offset(table), &i32::try_from(to.wrapping_sub(table).cast_signed()).unwrap().to_le_bytes()),
            }
        }
        for (a, b) in [(&shipped, &rebuilt), (&rebuilt, &shipped)] {
            let node = comparing::compare(&a.bytes, &b.bytes);
            assert_eq!(node.result, ResultMark::Different, "{sum}: {}", node.why);
        }
    }
}

/// Where the loader puts an address is as much as the address: another place leaves the one unfilled, and fills what stands there.
#[test]
fn every_bit_of_a_relocation_counts() {
    for name in ["clean", "packed"] {
        let shipped = comparing::made(name);
        let tables: Vec<std::ops::Range<usize>> = {
            let word = |at: usize, size: usize| shipped[at..at + size].iter().rev().fold(0usize, |n, b| n << 8 | usize::from(*b));
            let (first, count) = (word(40, 8), word(60, 2));
            let headers = (0..count).map(|n| first + n * word(58, 2));
            headers
                .filter(|at| matches!(word(at + 4, 4), 4 | 19) && word(at + 8, 8) & 2 != 0)
                .map(|at| word(at + 24, 8)..word(at + 24, 8) + word(at + 32, 8))
                .collect()
        };
        assert!(tables.iter().map(std::ops::Range::len).sum::<usize>() > 100, "{name}: {tables:?}");
        for at in tables.into_iter().flatten() {
            for bit in [at % 8, (at / 24 + 3) % 8] {
                let mut rebuilt = shipped.clone();
                rebuilt[at] ^= 1 << bit;
                let node = comparing::compare(&shipped, &rebuilt);
                assert_eq!(node.result, ResultMark::Different, "{name}: bit {bit} at {at:#x}: {}", node.why);
            }
        }
    }
}
