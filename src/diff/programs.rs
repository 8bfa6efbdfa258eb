//! Text that something runs or obeys: its dates may be compared with today, and its paths are loaded.

use super::walk::Slot;

/// Ends of the names of scripts, of what a build runs or reads its options from, and of what the system starts things by.
const ENDINGS: [&[u8]; 150] = [
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
    b"cgi",
    b"fcgi",
    b"psgi",
    b"php3",
    b"php4",
    b"php5",
    b"php7",
    b"phtml",
    b"phps",
    b"inc",
    b"tpl",
    b"jsp",
    b"jspx",
    b"asp",
    b"aspx",
    b"ascx",
    b"ashx",
    b"erb",
    b"ejs",
    b"hbs",
    b"vue",
    b"svelte",
    b"hta",
    b"wsf",
    b"ipynb",
    b"raku",
    b"rakumod",
    b"exs",
    b"coffee",
    b"livescript",
    b"applescript",
    b"ahk",
    b"au3",
    b"exp",
    b"gdb",
    b"tf",
    b"hcl",
    b"rego",
    b"star",
    b"ninja",
    b"gyp",
    b"gypi",
    b"gn",
    b"gni",
    b"bp",
    b"ebuild",
    b"eclass",
    b"nsi",
    b"nsh",
    b"iss",
    b"reg",
    b"inf",
    b"ks",
    b"preseed",
    b"ini",
    b"cfg",
    b"cnf",
    b"toml",
    b"network",
    b"netdev",
    b"link",
    b"nspawn",
    b"container",
    b"preset",
    b"cts",
    b"mts",
    b"plx",
    b"hy",
    b"fnl",
    b"edn",
    b"clj",
    b"cljs",
    b"cljc",
    b"bb",
    b"nu",
    b"elv",
    b"xsh",
    b"ps1xml",
    b"psd1",
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
const FOLDERS: [&[u8]; 19] = [
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
    b"scripts",
    b"default",
    b"sysconfig",
    b"completions",
    b"site-functions",
    b"vendor-completions",
];
/// Ends of the names of folders whose files are put together and obeyed, or say what a package needs.
const PARTS: [&[u8]; 3] = [b".d", b".dist-info", b".egg-info"];

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
        // The package manager runs or obeys all of it.
        || slot == Slot::ControlFile
        || parts.any(|folder| FOLDERS.contains(&folder) || PARTS.iter().any(|end| folder.ends_with(end)))
}

/// Whether it is a script in the form that its machine runs: its strings stand side by side, and what one says says nothing of the
/// next.
pub(super) fn is_compiled(bytes: &[u8]) -> bool {
    match bytes {
        // Python; Java and Kotlin; Android; WebAssembly; Lua, LuaJIT; Erlang; Emacs; Ruby; LLVM; PHP's opcode cache.
        [_, _, b'\r', b'\n', ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => true,
        _ => [&b"dex\n"[..], b"\0asm", b"\x1bLua", b"\x1bLJ", b"FOR1", b";ELC", b"YARB", b"RITE", b"BC\xc0\xde", b"OPCACHE"]
            .iter()
            .any(|magic| bytes.starts_with(magic)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_run_is_known_by_its_first_line_its_name_or_its_place() {
        let run = |name: &str, slot| is_run(name.as_bytes(), slot, b"x", b"y");
        for name in [
            "./postinst",
            "a.py",
            "x/Makefile",
            "usr/lib/systemd/system/x.timer",
            "./etc/cron.d/x",
            "usr/bin/x",
            "a.PC",
            ".bashrc",
            "etc/bash_completion.d/x",
        ] {
            assert!(run(name, Slot::Free), "{name}");
        }
        for name in ["./config", "./control", "./shlibs"] {
            assert!(run(name, Slot::ControlFile) && !run(name, Slot::Free));
        }
        assert!(is_run(b"x", Slot::Free, b"a", b"#!/bin/sh"));
        for name in ["usr/share/doc/x/README", "index.html", "compile_commands.json", "x.1", "VERSION"] {
            assert!(!run(name, Slot::Free), "{name}");
        }
    }
}
