//! What a program reads of its own: slots beside each other that the loader fills with one import.
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
