//! Dates and paths that something reads: what is compared with today, or loaded, is no trace of the build.

use super::make::{File, file};
use super::*;

#[track_caller]
fn differ(a: &[u8], b: &[u8], what: &str) {
    for (a, b) in [(a, b), (b, a)] {
        let node = compare_bytes(a, b);
        assert_eq!(node.result, ResultMark::Different, "{what}: {}", node.why);
        assert!(node.total_account().shipped.unexplained > 0, "{what}");
    }
}

fn inside(name: &str, text: &str) -> Vec<u8> {
    make::tar(&[file(name, text.as_bytes())])
}

/// Name, and the text of each side.
const READ: &[(&str, &str, &str)] = &[
    ("etc/net", "allow 2001:10:11:12::1\n", "allow 2001:10:11:13::1\n"),
    ("etc/net", "built mac 10:11:12:13:14:15\n", "built mac 10:11:12:13:14:16\n"),
    ("etc/net", "owner 10:11:12 x\n", "owner 10:11:13 x\n"),
    ("etc/limit", "2030-01-01\n", "2020-01-01\n"),
    ("etc/limit", "built = valid until 2030-01-01\n", "built = valid until 2020-01-01\n"),
    ("etc/limit", "expire_date=1700000000\n", "expire_date=1900000000\n"),
    ("etc/limit", "uid_build = 1700000000\n", "uid_build = 1000000000\n"),
    ("etc/mirror", "built from http://snapshot/2024-01-02/ x\n", "built from http://snapshot/2019-01-02/ x\n"),
    ("usr/lib/x.py", "built = '2030-01-01'\n", "built = '2020-01-01'\n"),
    ("usr/bin/x", "built=2030-01-01\n", "built=2020-01-01\n"),
    ("x", "#!/bin/sh\nbuilt=2030-01-01\n", "#!/bin/sh\nbuilt=2020-01-01\n"),
    ("x.timer", "# built\nOnCalendar=*-*-* 10:00:00\n", "# built\nOnCalendar=*-*-* 23:59:59\n"),
    ("etc/cron.d/x", "BUILT=2030-01-01\n", "BUILT=2020-01-01\n"),
    ("x.service", "ExecStart=go run /opt/x/main.go\n", "ExecStart=go run /tmp/x/main.go\n"),
    ("x.cmake", "include(/usr/share/x/rules.cmake)\n", "include(/tmp/share/x/rules.cmake)\n"),
    ("x.mk", "all:\n\t/usr/bin/strip\n", "all:\n\t/tmp/bin/strip\n"),
    ("x.pc", "Libs: -L/usr/lib/x\n", "Libs: -L/tmp/lib/x\n"),
    ("x.la", "dependency_libs=' /usr/lib/libx.la'\n", "dependency_libs=' /tmp/lib/libx.la'\n"),
    ("hooks.d", "/usr/bin/x\n", "/tmp/bin/x\n"),
    ("x.m", "source('/usr/share/x/start.m')\n", "source('/tmp/share/x/start.m')\n"),
    ("x.py", "run_path('/usr/lib/x/payload.s')\n", "run_path('/tmp/lib/x/payload.s')\n"),
    ("etc/plugins", "plugin = /usr/lib/x/payload.c\n", "plugin = /tmp/lib/x/payload.c\n"),
];

#[test]
fn what_something_reads_is_never_a_trace_of_the_build() {
    for (name, old, new) in READ {
        differ(&inside(name, old), &inside(name, new), &format!("{name}: {old}"));
    }
}

#[test]
fn a_script_of_a_package_has_no_dates_of_the_build() {
    let script = |day: &str| format!("built={day}\n[ $(date +%F) \\> $built ] && exit 1\n");
    for name in ["./postinst", "./config", "./triggers"] {
        let package = |day: &str| {
            let control = File { mode: 0o755, ..file(name, script(day).as_bytes()) };
            make::deb(&[control], &[file("./x", b"x")])
        };
        differ(&package("2030-01-01"), &package("2020-01-01"), name);
    }
}

#[test]
fn a_program_may_compare_what_its_strings_do_not_call_a_time_of_its_build() {
    let with = |text: &str| make::elf(&make::Program { rodata: format!("plain\0{text}\0more\0").into_bytes(), ..make::program() });
    for (old, new) in [
        ("2030-01-01", "2020-01-01"),
        ("2001:10:11:12::1", "2001:10:11:13::1"),
        ("10:11:12", "10:11:13"),
        ("built\x002030-01-01", "built\x002020-01-01"),
        ("valid until Jan  1 2030", "valid until Jan  1 2020"),
        ("built http://x/2030-01-01/y", "built http://x/2020-01-01/y"),
    ] {
        differ(&with(old), &with(new), old);
    }
    for (old, new) in [
        ("Jan  1 2030", "Jan  1 2020"),
        ("10:11:12\0Jan  1 2030", "11:12:13\0Jan  1 2020"),
        ("x 1.2 (Jan  1 2030 10:11:12)", "x 1.2 (Jan  1 2030 11:12:13)"),
        ("built 2030-01-01", "built 2020-01-01"),
    ] {
        let node = compare_bytes(&with(old), &with(new));
        assert_eq!(node.result, ResultMark::Equivalent, "{old}: {}", node.why);
        assert!(node.account.shipped.explained.contains_key(&Cause::Timestamp));
    }
}

#[test]
fn a_file_without_a_known_form_must_say_what_a_date_in_it_is() {
    let with = |text: &str| [b"\x01\x02\0", text.as_bytes(), b"\0\x03\x04"].concat();
    differ(&with("2030-01-01 10:11:12"), &with("2020-01-01 10:11:12"), "a date with a time");
    differ(&with("Jan  1 2030"), &with("Jan  1 2020"), "a date");
    differ(&with("made\x002030-01-01"), &with("made\x002020-01-01"), "the words of another string");
    assert_eq!(compare_bytes(&with("made 2030-01-01"), &with("made 2020-01-01")).result, ResultMark::Equivalent);
}
