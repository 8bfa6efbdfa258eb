//! PE files in which something reads what a build leaves: then it is part of the program.

use super::make_pe::{self, BASE, COFF, Library, library, pe};
use super::*;

fn put(bytes: &mut [u8], at: usize, words: &[u32]) {
    for (i, word) in words.iter().enumerate() {
        bytes[at + i * 4..at + i * 4 + 4].copy_from_slice(&word.to_le_bytes());
    }
}

fn fixed(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = crate::inspect::pe::marks::checksum(&bytes, COFF + 24 + 64);
    put(&mut bytes, COFF + 24 + 64, &[sum]);
    bytes
}

const DIRECTORIES: usize = COFF + 24 + 112;
/// RVA of the GUID of the PDB, and of the hash of a reproducible build.
const GUID: u32 = 0x2134;
const HASH: u32 = 0x2164;

fn at(rva: u32) -> usize {
    make_pe::RDATA + rva as usize - 0x2000
}

/// The result for two libraries whose GUID and hash differ, each changed in the same way.
#[track_caller]
fn result(change: impl Fn(&mut Vec<u8>)) -> ResultMark {
    let made = |byte: u8| {
        let mut bytes = pe(&Library { guid: [byte; 16], repro: [byte; 32], ..library() });
        change(&mut bytes);
        fixed(bytes)
    };
    let node = compare_bytes(&made(1), &made(2));
    assert_eq!(node.kind, NodeKind::Pe);
    node.result
}

/// Words, and where they are put.
type Change = (usize, Vec<u32>);

#[test]
fn an_identity_that_a_directory_leads_to_is_read() {
    assert_eq!(result(|_| ()), ResultMark::Equivalent);
    for place in [GUID, HASH, HASH + 28] {
        let address = BASE + u64::from(place);
        let mut cases: Vec<(&str, Vec<Change>)> = vec![
            ("the table of exports", vec![(make_pe::EXPORT + 28, vec![place])]),
            ("names of exports", vec![(make_pe::EXPORT + 32, vec![place])]),
            ("numbers of exports", vec![(make_pe::EXPORT + 36, vec![place])]),
            ("the name of an export", vec![(at(0x20cc), vec![place])]),
            ("the name of the library", vec![(make_pe::EXPORT + 12, vec![place])]),
            ("a text in the place of an export", vec![(at(0x20c8), vec![place]), (DIRECTORIES + 4, vec![0x200])]),
            ("what runs first", vec![(at(0x21b0) + 24, vec![address as u32])]),
            ("thread-local data", vec![(at(0x21b0), vec![address as u32, 1, address as u32 + 8, 1])]),
            ("the name of a library", vec![(at(0x21f4), vec![place])]),
            ("resources", vec![(make_pe::RESOURCE + 0x60, vec![place, 4])]),
            ("unwind data", vec![(at(0x22a8), vec![place])]),
            ("the entry point", vec![(COFF + 24 + 16, vec![place])]),
            ("the load configuration", vec![(DIRECTORIES + 80, vec![place - 0x20, 0x40])]),
            (
                "a table of the load configuration",
                vec![(DIRECTORIES + 80, vec![0x2300, 0x98]), (at(0x2300) + 128, vec![address as u32, 1, 1])],
            ),
            ("another identity", vec![(make_pe::DEBUG + 28 + 12, vec![20]), (make_pe::DEBUG + 16, vec![0x80])]),
            ("bound imports", vec![(DIRECTORIES + 88, vec![place, 8])]),
            ("what the loader moves", vec![(0xc0c, vec![0x2000]), (0xc14, vec![0xa000 | (place & 0xfff)])]),
            ("its own bytecode", vec![(DIRECTORIES + 112, vec![0x2300, 0x48])]),
            ("a word of data", vec![(0xa30, vec![place + 3])]),
            ("an address in full", vec![(0xa30, vec![address as u32 + 3, 1])]),
        ];
        // The hash reaches from one to the other end: not all that leads before it is over it.
        if place != GUID {
            cases.retain(|(what, _)| *what != "another identity");
        }
        for (what, changes) in cases {
            let changed = |bytes: &mut Vec<u8>| changes.iter().for_each(|(at, words)| put(bytes, *at, words));
            assert_eq!(result(changed), ResultMark::Different, "{what} at {place:#x}");
        }
    }
}

#[test]
fn an_identity_that_code_refers_to_is_read() {
    for place in [GUID, GUID + 19, HASH] {
        // second: mov al, [there]; ret.
        let code = |bytes: &mut Vec<u8>| {
            bytes[0x410..0x418].copy_from_slice(&[0x8a, 0x05, 0, 0, 0, 0, 0xc3, 0xcc]);
            put(bytes, 0x412, &[place - 0x1016]);
        };
        assert_eq!(result(code), ResultMark::Different, "{place:#x}");
    }
}

#[test]
fn times_are_none_where_something_else_stands() {
    let made = |time: u32, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = pe(&Library { times: [time; 4], ..library() });
        change(&mut bytes);
        fixed(bytes)
    };
    let result = |change: &dyn Fn(&mut Vec<u8>)| compare_bytes(&made(0x6000_0001, change), &made(0x6000_0002, change)).result;
    assert_eq!(result(&|_| ()), ResultMark::Equivalent);
    let stamps = [8 + COFF as u32, 0x20a4, 0x20f4, 0x2274];
    for stamp in stamps {
        assert_eq!(result(&|bytes| put(bytes, make_pe::EXPORT + 28, &[stamp])), ResultMark::Different, "{stamp:#x}");
        let code = |bytes: &mut Vec<u8>| {
            bytes[0x410..0x418].copy_from_slice(&[0x8a, 0x05, 0, 0, 0, 0, 0xc3, 0xcc]);
            put(bytes, 0x412, &[stamp.wrapping_sub(0x1016)]);
        };
        assert_eq!(result(&code), ResultMark::Different, "{stamp:#x}");
    }
    // A directory of which the time is the number in `mov eax, 42`.
    let made = |number: u32| {
        let mut bytes = pe(&library());
        put(&mut bytes, 0x411, &[number]);
        put(&mut bytes, DIRECTORIES + 48, &[0x100d, 28]);
        fixed(bytes)
    };
    assert_eq!(compare_bytes(&made(0x6000_0001), &made(0x6000_0002)).result, ResultMark::Different);
}

#[test]
fn what_the_tools_say_of_themselves_is_not_read() {
    let made = |count: u32, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = pe(&Library { rich: vec![(0x0104_75b7, count), (0x0102_75b7, 1)], ..library() });
        change(&mut bytes);
        fixed(bytes)
    };
    let result = |change: &dyn Fn(&mut Vec<u8>)| compare_bytes(&made(1, change), &made(2, change)).result;
    assert_eq!(result(&|_| ()), ResultMark::Equivalent);
    for rva in [make_pe::RICH as u32, make_pe::RICH as u32 + 0x14] {
        assert_eq!(result(&|bytes| put(bytes, make_pe::EXPORT + 28, &[rva])), ResultMark::Different, "{rva:#x}");
        assert_eq!(result(&|bytes| put(bytes, at(0x22a8), &[rva])), ResultMark::Different, "{rva:#x}");
        // Unwind data with a handler, which is given that place.
        let handler = |bytes: &mut Vec<u8>| put(bytes, at(0x22c0), &[9, 0x1000, rva]);
        assert_eq!(result(&handler), ResultMark::Different, "{rva:#x}");
    }
}

#[test]
fn a_debug_section_that_a_directory_leads_into_is_read() {
    // `.data` by another name: Windows maps it all the same.
    let made = |functions: u32, byte: u8| {
        let mut bytes = pe(&Library { data_flags: 0x4200_0040, ..library() });
        let at = bytes.windows(8).position(|w| w == b".data\0\0\0").unwrap();
        bytes[at..at + 8].copy_from_slice(b".debug_x");
        bytes[0xa30] = byte;
        // Without the slots of late imports in it.
        put(&mut bytes, DIRECTORIES + 104, &[0, 0]);
        put(&mut bytes, make_pe::EXPORT + 28, &[functions]);
        bytes
    };
    let says = |functions: u32| {
        let node = compare_bytes(&made(functions, 1), &made(functions, 2));
        node.metadata.iter().any(|m| m.contains("a directory leads into it (the table of exports)"))
    };
    assert!(says(0x3030) && !says(0x20c8));
}

#[test]
fn a_section_over_the_headers_is_odd() {
    let table = COFF + 24 + 240;
    let made = |offset: u32, byte: u8| {
        let mut bytes = pe(&Library { stub: [byte; 16], ..library() });
        put(&mut bytes, table + 40 + 20, &[offset]);
        crate::inspect::exe::Exe::parse(NodeKind::Pe, &Blob::from(fixed(bytes))).unwrap().odd
    };
    assert!(made(0, 1).is_empty());
    assert!(made(0x200, 1).iter().any(|odd| odd.contains("lies over the headers")));
}

#[test]
fn a_date_that_the_loader_or_the_system_reads_is_none() {
    let made = |date: &'static str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = pe(&Library { date, ..library() });
        change(&mut bytes);
        fixed(bytes)
    };
    let place = 0x2190;
    let result = |change: &dyn Fn(&mut Vec<u8>)| {
        let node = compare_bytes(&made("made 2022-12-26 here", change), &made("made 2023-12-26 here", change));
        (node.result, node.metadata.iter().any(|m| m.contains("a directory leads there")))
    };
    let (equal, read) = ((ResultMark::Equivalent, false), (ResultMark::Different, true));
    assert_eq!(result(&|_| ()), equal);
    assert_eq!(result(&|bytes| put(bytes, at(0x20cc), &[place])), read, "the name of an export");
    let text = |bytes: &mut Vec<u8>| {
        put(bytes, at(0x20c8), &[place]);
        put(bytes, DIRECTORIES + 4, &[0x200]);
    };
    assert_eq!(result(&text), read, "where an export leads");
    let leaf = |bytes: &mut Vec<u8>| put(bytes, make_pe::RESOURCE + 0x60, &[place, 20]);
    assert_eq!(result(&leaf), equal, "a resource");
    let manifest = |bytes: &mut Vec<u8>| {
        leaf(bytes);
        put(bytes, make_pe::RESOURCE + 16, &[24]);
    };
    assert_eq!(result(&manifest), read, "a manifest");
}

#[test]
fn an_operand_that_changed_where_nothing_moved_is_another_number() {
    // Two jumps through one slot, and a call of the one or the other: who reads the call reads another number.
    let made = |to: u8| {
        let mut text = library().text;
        text[1] = to - 5;
        text.extend([0xff, 0x25, 0xe2, 0x0f, 0, 0, 0x90, 0x90]);
        pe(&Library { text, ..library() })
    };
    assert_eq!(compare_bytes(&made(0x18), &made(0x20)).result, ResultMark::Different);
}

#[test]
fn of_code_for_two_processors_nobody_knows_what_it_reads() {
    // The load configuration lies in the slack behind all others, without and with the metadata of such code.
    let configured = |pointer: u32| {
        move |bytes: &mut Vec<u8>| {
            put(bytes, DIRECTORIES + 80, &[0x2308, 0xe0]);
            put(bytes, at(0x2308), &[0xe0]);
            put(bytes, at(0x2308) + 200, &[pointer, 0]);
        }
    };
    assert_eq!(result(configured(0)), ResultMark::Equivalent);
    assert_eq!(result(configured(1)), ResultMark::Different);
}
