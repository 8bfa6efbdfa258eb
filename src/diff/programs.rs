//! Text that something runs or obeys: its dates may be compared with today, and its paths are loaded.

use super::live;
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
/// Ends of the names of documents, and of data that says what it is: text with any other end is run or obeyed by something.
const DOCUMENTS: [&[u8]; 89] = [
    b"txt",
    b"text",
    b"md",
    b"mkd",
    b"markdown",
    b"rst",
    b"adoc",
    b"asciidoc",
    b"html",
    b"htm",
    b"xhtml",
    b"xml",
    b"xsd",
    b"dtd",
    b"json",
    b"json5",
    b"geojson",
    b"webmanifest",
    b"spdx",
    b"cdx",
    b"sbom",
    b"bom",
    b"vex",
    b"svg",
    b"css",
    b"map",
    b"log",
    b"me",
    b"1st",
    b"nfo",
    b"rtf",
    b"po",
    b"pot",
    b"texi",
    b"texinfo",
    b"info",
    b"ent",
    b"ttl",
    b"rdf",
    b"owl",
    b"atom",
    b"rss",
    b"opf",
    b"ncx",
    b"version",
    b"ver",
    b"stamp",
    b"tag",
    b"buildinfo",
    b"changes",
    b"dsc",
    b"license",
    b"licence",
    b"copying",
    b"copyright",
    b"news",
    b"changelog",
    b"readme",
    b"debian",
    b"ubuntu",
    b"yaml",
    b"yml",
    b"properties",
    b"prl",
    b"mf",
    b"sf",
    b"prov",
    b"intoto",
    b"md5",
    b"sha1",
    b"sha256",
    b"sha512",
    b"asc",
    b"sig",
    b"sym",
    b"symbols",
    b"meta",
    b"metadata",
    b"manifest",
    b"notice",
    b"authors",
    b"thanks",
    b"todo",
    b"history",
    b"release",
    b"report",
    b"doc",
    b"summary",
    b"diffstat",
];
/// Names of such files as a whole.
const NAMES: [&[u8]; 81] = [
    b"preinstall",
    b"postinstall",
    b"preremove",
    b"postremove",
    b"preupgrade",
    b"postupgrade",
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
    b"package.json",
    b"composer.json",
    b"bower.json",
    b"deno.json",
    b"tsconfig.json",
    b"tasks.json",
    b"launch.json",
    b"project.json",
    b"cmakelists.txt",
    b"cmakepresets.json",
    b"meson_options.txt",
    b"requirements.txt",
    b"constraints.txt",
    b"build.xml",
    b"pom.xml",
    b"ivy.xml",
    b"docker-compose.yml",
    b"docker-compose.yaml",
    b"compose.yml",
    b"compose.yaml",
    b"playbook.yml",
    b"action.yml",
    b"control",
    b"templates",
    b"triggers",
    b"conffiles",
    b"packages",
    b"sources",
    b"status",
    b"metadata",
    b"pkg-info",
    b"apkindex",
    b"os-release",
    b"authorized_keys",
    b"known_hosts",
    b"allowed_signers",
    b"sconstruct",
    b"sconscript",
    b"wscript",
    b"buck",
    b"workspace",
    b"kconfig",
    b"kbuild",
    b"jamroot",
    b"configure",
    b"passwd",
    b"shadow",
    b"group",
    b"hosts",
    b"fstab",
    b"inittab",
    b"exports",
    b"services",
    b"rules",
    b"init",
];
/// Ends of names without any other end: `sshd_config`, `bashrc`, `Brewfile`, `PKGBUILD`.
const TAILS: [&[u8]; 8] = [b"config", b"conf", b"rc", b"tab", b"file", b"build", b"settings", b"options"];
/// Folders of such files.
const FOLDERS: [&[u8]; 27] = [
    b"cron",
    b"at",
    b"atjobs",
    b"etc",
    b"dbus-1",
    b"polkit-1",
    b"systemd",
    b"workflows",
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
    let ending = ending(base);
    let hidden = base.starts_with(b".");
    script(a)
        || script(b)
        || hidden
        || ENDINGS.contains(&ending)
        || NAMES.contains(&base)
        || ending.is_empty() && TAILS.iter().any(|tail| base.ends_with(tail))
        // The package manager runs or obeys all of it.
        || matches!(slot, Slot::ControlFile | Slot::Program)
        || parts.any(|folder| is_hidden(folder) || FOLDERS.contains(&folder) || PARTS.iter().any(|end| folder.ends_with(end)))
}

/// Whether a folder is one of settings, by the dot at its start.
fn is_hidden(folder: &[u8]) -> bool {
    folder.starts_with(b".") && folder != b"." && folder != b".."
}

/// What stands behind the last dot of a name in small letters; nothing where that is no end of a name.
fn ending(base: &[u8]) -> &[u8] {
    base.iter().rposition(|b| *b == b'.').and_then(|dot| base.get(dot + 1..)).unwrap_or_default()
}

/// Whether text of that name may say when it was made: by its end it is a document, a manual page or a source, whose comments may, or
/// it has no end at all.
pub(super) fn is_document(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let base = lower.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or_default();
    let ending = ending(base);
    // `x.1`, `x.3pm`, `libx-1.2`; what has other signs in it is no end.
    let is_number = ending.first().is_some_and(u8::is_ascii_digit) && ending.len() <= 8;
    ending.is_empty() || is_number || !ending.iter().all(u8::is_ascii_alphanumeric) || DOCUMENTS.contains(&ending) || live::is_source(base)
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
        for name in ["./postinst-x", "./shlibs"] {
            assert!(run(name, Slot::ControlFile) && !run(name, Slot::Free));
        }
        assert!(is_run(b"x", Slot::Free, b"a", b"#!/bin/sh"));
        for name in ["etc/x", "CMakeLists.txt", "package.json", "sshd_config", "PKGBUILD", "./control"] {
            assert!(run(name, Slot::Free), "{name}");
        }
        for name in ["a.tex", "Makefile.in", "x.j2", "x.lock"] {
            assert!(!is_document(name.as_bytes()), "{name}");
        }
        for name in ["x", "x.1", "x.3pm", "libx-1.2", "a.b/x", "x.HTML", "README.Debian", "x.c", "x.1-2"] {
            assert!(is_document(name.as_bytes()), "{name}");
        }
        for name in ["usr/share/doc/x/README", "index.html", "compile_commands.json", "x.1", "VERSION"] {
            assert!(!run(name, Slot::Free), "{name}");
        }
    }
}
