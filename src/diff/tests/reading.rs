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

/// A date in each, where `@` stands: text that is run or obeyed, whatever it is called.
const OBEYED: &[(&str, &str)] = &[
    ("package.json", "{\n \"scripts\": {\n  \"postinstall\": \"node built.js @\"\n }\n}\n"),
    ("x.json", "{\n \"postinstall\": \"node built.js @\"\n}\n"),
    ("x.json", "{\n \"x\": \"node build @\"\n}\n"),
    ("x.json", "{\"config\":{\"Cmd\":[\"build\",\"@\"]}}\n"),
    ("x.json", "{\"config\":{\"Entrypoint\":[\"/app\",\"--made\",\"@\"]}}\n"),
    ("x.json", "{\"build\": \"tool --date @\"}\n"),
    ("CMakeLists.txt", "set(BUILT \"@\")\n"),
    ("meson.build", "run_command('build', '@')\n"),
    ("Makefile.in", "all:\n\ttool --built @\n"),
    ("PKGBUILD", "build() { tool @; }\n"),
    ("Brewfile", "built @\n"),
    ("bashrc", "built @\n"),
    ("x.wsgi", "built=\"@\"\n"),
    ("x.xsl", "<x select=\"built('@')\"/>\n"),
    ("x.rkt", "(define built \"@\")\n"),
    ("x.ps", "(built @) run\n"),
    ("x.tex", "\\def\\made{built @}\n"),
    ("x.csproj", "<Exec Command=\"built @\"/>\n"),
    ("x.xml", "<exec executable=\"build\"><arg value=\"@\"/></exec>\n"),
    ("x.xml", "<arg line=\"built @\"/>\n"),
    ("x.xml", "<command>built @</command>\n"),
    ("x.yml", "jobs:\n  - run: make build @\n"),
    ("x.yml", "created: !!python/object/apply:f [@]\n"),
    ("x.yaml", "command: built @\n"),
    ("x.properties", "build.support=@\n"),
    ("x.html", "<iframe srcdoc=\"&lt;script&gt;x('built @')&lt;/script&gt;\">\n"),
    ("x.html", "<iframe srcdoc=\"&lt;script&gt;\nbuilt @\n&lt;/script&gt;\">\n"),
    ("x.html", "<p v-text=\"f('built @')\"></p>\n"),
    ("x.html", "{% if x %}\nbuilt @\n"),
    ("x.html", "<? x ?>\nbuilt @\n"),
    ("x.1", ".sy build @\n"),
    ("x.1", ".TH X 1 x \"@\"\n"),
    ("x.1", ".ds made @\n"),
    ("etc/ssh/sshd_config", "built @\n"),
    ("etc/x/y", "last_updated: @\n"),
    ("usr/share/polkit-1/x", "built @\n"),
    ("./control", "Depends: build-tool (= @)\n"),
    ("x.txt", "Depends: build-tool (= @)\n"),
    ("Packages", "Built-Using: x @\n"),
    ("os-release", "BUILD_ID=\"@\"\n"),
    ("x.txt", "BUILD_LIMIT=\"x @\"\n"),
    ("x.csv", "build-tool,@\n"),
    ("x.csv", "built,@\n"),
    ("x.txt", "build-tool @\n"),
    ("x.txt", "job=build at=@\n"),
    ("x.txt", "tool --built @\n"),
    (".config/x/y", "built @\n"),
    ("var/spool/cron/root", "built @\n"),
    ("x/postinstall", "built @\n"),
    ("jobs", "0 0 * * * root built @\n"),
    ("x.go", "//go:build built @\n"),
    ("x.xml", "<task>\n<exec>\nbuilt @\n</exec>\n</task>\n"),
    ("x.txt", "node built.js @\n"),
    ("x.json", "{\"x\": \"node built.js @\"}\n"),
    ("x.json", "{\"x\": \"tool --built @\"}\n"),
    ("x.json", "{\"build-tool\": \"@\"}\n"),
    ("x.json", "{\"buildTool\": \"@\"}\n"),
    ("x.html", "<meta http-equiv=\"refresh\" content=\"0;url=data:text/html,%3Cscript%3Ex('built @')%3C\">\n"),
    ("x.json", "{\"task\":\"build\",\"at\":\"@\"}\n"),
    ("x.json", "{\"task\":\"build\",\"date\":\"@\"}\n"),
    ("x.txt", "x.build_tool: 7 @\n"),
    ("x.phar", "\0<?php $built=date(\"Y-m-d\")>\"@\"?f():0; \0"),
    ("x.img", "\0var built=new Date()>new Date(\"@\")?f():g();\0"),
    ("x.img", "\0built=f(@)\0"),
];

/// The same in text that is not.
const TOLD: &[(&str, &str)] = &[
    ("x.json", "{\n \"built\": \"@\"\n}\n"),
    ("x.json", "{\"buildDate\": \"@T10:11:12Z\", \"x\": 1}\n"),
    ("x.json", "{\"version\": \"1.2 (build @)\"}\n"),
    ("x.json", "{\"text\": \"built by x on @\"}\n"),
    ("x.xml", "<created> @ </created>\n"),
    ("x.xml", "<build date=\"@\" id=\"7\"/>\n"),
    ("x.html", "<meta name=\"dc.created\" content=\"@\">\n"),
    ("x.html", "<p class=\"footer\">Built @ by x</p>\n"),
    ("x.html", "<p>It's built @ by <a href='x'>x</a>'s tool</p>\n"),
    ("x.yaml", "created: \"@\"\n"),
    ("x.yaml", "# generated @ by x\n"),
    ("x.properties", "build.date = @\n"),
    ("x.1", ".\\\" Generated by x on @\n"),
    ("x.3pm", ".TH X 3 @ generated\n"),
    ("usr/share/man/man1/x.1", ".TH X 1 \"@\" \"x 1.2\"\n"),
    ("x.html", "<html><body><small>Generated on @.</small></body></html>\n"),
    ("VERSION", "1.2 built @\n"),
    ("libx-1.2", "built @\n"),
    ("README.Debian", "Last updated @.\n"),
    ("x.txt", "auto-generated @\n"),
    ("x.txt", "LAST_UPDATED=@\n"),
    ("x.txt", "Build Time: @\n"),
    ("x.json", "{\"builtAt\": \"@\"}\n"),
    ("x.json", "{\"org.opencontainers.image.created\": \"@\"}\n"),
    ("x.json", "{\"build\": \"@\"}\n"),
    ("x.json", "{\"created\": true, \"date\": \"@\"}\n"),
    ("x.txt", "Built on: @\n"),
    ("x.txt", "build-date @\n"),
    ("x.txt", "This is build. @\n"),
    ("META-INF/MANIFEST.MF", "Implementation-Build: @\n"),
    ("x.c", "/* Generated on @ */\n"),
    ("x.bin", "\x01\0x 1.2 (built @)\0"),
    ("x.bin", "\x01\0BUILD_DATE=@\0"),
];

#[test]
fn text_that_is_obeyed_has_no_dates_and_documents_have() {
    let of = |name: &str, text: &str, day: &str| inside(name, &text.replace('@', day));
    for (name, text) in OBEYED {
        differ(&of(name, text, "2030-01-01"), &of(name, text, "2020-01-01"), &format!("{name}: {text}"));
    }
    for (name, text) in TOLD {
        let node = compare_bytes(&of(name, text, "2030-01-01"), &of(name, text, "2020-01-01"));
        assert_eq!(node.result, ResultMark::Equivalent, "{name}: {text} {}", node.why);
    }
}

#[test]
fn text_that_may_be_executed_is_run() {
    let made = |make: fn(&[File]) -> Vec<u8>, mode: u32, day: &str| {
        make(&[File { mode, ..file("x/tool", format!("tool built {day}\n").as_bytes()) }])
    };
    for (make, plain) in [(make::tar as fn(&[File]) -> Vec<u8>, 0o644), (make::cpio, 0o10_0644), (make::zip, 0o10_0644)] {
        let (one, two) = (made(make, plain, "2030-01-01"), made(make, plain, "2020-01-01"));
        assert_eq!(compare_bytes(&one, &two).result, ResultMark::Equivalent);
        differ(&made(make, plain | 0o110, "2030-01-01"), &made(make, plain | 0o110, "2020-01-01"), "executable");
    }
}

/// A file that neither ends of lines nor NUL part was looked through for every date in it.
#[test]
fn a_date_is_looked_at_in_its_own_string() {
    let mut one = b"xx built 2022-12-26 yy\x01".repeat(300_000);
    let two = one.clone();
    let end = one.len();
    for i in 1..500 {
        one[end - 23 * 3 * i + 12] = b'3';
    }
    let start = std::time::Instant::now();
    assert_eq!(compare_bytes(&one, &two).result, ResultMark::Equivalent);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn what_is_packed_in_a_folder_of_settings_is_one() {
    let packed = |name: &str, day: &str| make::tar(&[file(name, &make::gzip(format!("built {day}\n").as_bytes(), 9, 0))]);
    differ(&packed("etc/x.gz", "2030-01-01"), &packed("etc/x.gz", "2020-01-01"), "in etc");
    let of_documents = |day| packed("usr/share/doc/x.gz", day);
    assert_eq!(compare_bytes(&of_documents("2030-01-01"), &of_documents("2020-01-01")).result, ResultMark::Equivalent);
}

#[test]
fn a_page_that_is_no_unicode_has_no_dates_in_its_code() {
    let page = |day: &str| [&b"<html>\xe9<script>x=1,built='"[..], day.as_bytes(), b"'</script>"].concat();
    differ(&page("2030-01-01"), &page("2020-01-01"), "a page in one line");
}

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
