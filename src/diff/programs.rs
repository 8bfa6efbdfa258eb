//! Text that something runs or obeys: its dates may be compared with today, and its paths are loaded.

use super::walk::Slot;

/// Ends of the names of scripts, of what a build runs or reads its options from, and of what the system starts things by.
const ENDINGS: [&[u8]; 71] = [
    b"sh",
    b"bash",
    b"zsh",
    b"ksh",
    b"csh",
    b"fish",
    b"py",
    b"pyw",
    b"pyi",
    b"pth",
    b"pl",
    b"pm",
    b"t",
    b"rb",
    b"rake",
    b"lua",
    b"tcl",
    b"php",
    b"js",
    b"mjs",
    b"cjs",
    b"ts",
    b"jsx",
    b"tsx",
    b"groovy",
    b"gradle",
    b"kts",
    b"r",
    b"jl",
    b"el",
    b"scm",
    b"lisp",
    b"awk",
    b"sed",
    b"ps1",
    b"psm1",
    b"bat",
    b"cmd",
    b"vbs",
    b"vim",
    b"m",
    b"sql",
    b"nix",
    b"bzl",
    b"cmake",
    b"mk",
    b"mak",
    b"am",
    b"ac",
    b"m4",
    b"d",
    b"pc",
    b"la",
    b"pri",
    b"pro",
    b"spec",
    b"rules",
    b"service",
    b"socket",
    b"timer",
    b"path",
    b"mount",
    b"automount",
    b"swap",
    b"slice",
    b"target",
    b"desktop",
    b"cron",
    b"conf",
    b"list",
    b"sources",
];
/// Names of such files as a whole.
const NAMES: [&[u8]; 20] = [
    b"makefile",
    b"gnumakefile",
    b"rakefile",
    b"dockerfile",
    b"containerfile",
    b"jenkinsfile",
    b"vagrantfile",
    b"build",
    b"build.bazel",
    b"preinst",
    b"postinst",
    b"prerm",
    b"postrm",
    b"crontab",
    b"anacrontab",
    b"profile",
    b"environment",
    b"sudoers",
    b"rc.local",
    b"gemfile",
];
/// Folders of such files.
const FOLDERS: [&[u8]; 13] = [
    b"bin",
    b"sbin",
    b"libexec",
    b"init.d",
    b"cron.d",
    b"cron.hourly",
    b"cron.daily",
    b"cron.weekly",
    b"cron.monthly",
    b"crontabs",
    b"profile.d",
    b"rules.d",
    b"hooks",
];
/// What a package manager runs or obeys, in the control part of a Debian package.
const CONTROL: [&[u8]; 3] = [b"config", b"triggers", b"templates"];

/// Whether a text is run, by its first line, its name or its place.
pub(super) fn is_run(name: &[u8], slot: Slot, a: &[u8], b: &[u8]) -> bool {
    let script = |text: &[u8]| text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start().starts_with(b"#!");
    let lower = name.to_ascii_lowercase();
    let mut parts = lower.rsplit(|b| matches!(b, b'/' | b'\\'));
    let base = parts.next().unwrap_or_default();
    let ending = base.iter().rposition(|b| *b == b'.').and_then(|dot| base.get(dot + 1..)).unwrap_or_default();
    let hidden = base.starts_with(b".");
    script(a)
        || script(b)
        || hidden
        || ENDINGS.contains(&ending)
        || NAMES.contains(&base)
        || slot == Slot::ControlFile && CONTROL.contains(&base)
        || parts.any(|folder| FOLDERS.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_run_is_known_by_its_first_line_its_name_or_its_place() {
        let run = |name: &str, slot| is_run(name.as_bytes(), slot, b"x", b"y");
        for name in ["./postinst", "a.py", "x/Makefile", "usr/lib/systemd/system/x.timer", "./etc/cron.d/x", "usr/bin/x", "a.PC", ".bashrc"]
        {
            assert!(run(name, Slot::Free), "{name}");
        }
        assert!(run("./config", Slot::ControlFile) && !run("./config", Slot::Free));
        assert!(is_run(b"x", Slot::Free, b"a", b"#!/bin/sh"));
        for name in ["usr/share/doc/x/README", "index.html", "compile_commands.json", "x.1", "VERSION"] {
            assert!(!run(name, Slot::Free), "{name}");
        }
    }
}
