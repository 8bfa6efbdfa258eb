//! Makes a small Mach-O program, thin and fat.

/// What it holds; the fields are what tests change.
#[derive(Clone, Debug)]
pub(super) struct Macho {
    pub(super) text: Vec<u8>,
    pub(super) uuid: [u8; 16],
    /// When the object file was made, and where it was.
    pub(super) time: u64,
    pub(super) object: &'static str,
    /// Where the name of `second` begins, when it is not its own.
    pub(super) shared: Option<&'static str>,
    /// Content of the signature, when there is one; and the rights that it grants.
    pub(super) signature: Option<Vec<u8>>,
    pub(super) rights: &'static str,
    /// What its code directory says: flags, identifier, team, rights of the segment, and what the hash of `Info.plist` is made of.
    pub(super) flags: u32,
    pub(super) identifier: &'static str,
    pub(super) team: &'static str,
    pub(super) segment: u64,
    pub(super) info: u8,
    /// What the requirements hold.
    pub(super) requirements: &'static str,
    pub(super) library: &'static str,
    /// Rights of the first segment.
    pub(super) rwx: u32,
    pub(super) tail: Vec<u8>,
    /// What stands between the blobs of the signature.
    pub(super) gap: Vec<u8>,
    /// What is signed with a key, when there is such a thing.
    pub(super) cms: Vec<u8>,
    /// Further commands, whole; and commands that lead to data, with it.
    pub(super) commands: Vec<Vec<u8>>,
    pub(super) linked: Vec<(u32, Vec<u8>)>,
    /// A section of that name, kind and content.
    pub(super) data: Option<(&'static str, u32, Vec<u8>)>,
}

/// Where that section is in the file.
pub(super) const DATA: usize = 0x600;

pub(super) const TEXT: usize = 0x400;
const LINKED: usize = 0x800;
pub(super) const BASE: u64 = 0x1_0000_0000;

pub(super) fn program() -> Macho {
    // first: call second; ret. second: mov eax, 42; ret.
    let text = vec![0xe8, 0x0b, 0, 0, 0, 0xc3, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xb8, 42, 0, 0, 0, 0xc3];
    let object = "/b/one/x.o";
    Macho {
        text,
        uuid: [7; 16],
        time: 0x6000_0000,
        object,
        shared: None,
        signature: None,
        rights: "",
        flags: 2,
        identifier: "program",
        team: "",
        segment: 1,
        info: 0,
        requirements: "",
        library: "/usr/lib/libA",
        rwx: 5,
        tail: Vec::new(),
        gap: Vec::new(),
        cms: Vec::new(),
        commands: Vec::new(),
        linked: Vec::new(),
        data: None,
    }
}

fn pad(mut bytes: Vec<u8>, size: usize) -> Vec<u8> {
    assert!(bytes.len() <= size);
    bytes.resize(size, 0);
    bytes
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn segment(name: &str, place: [u64; 4], rights: u32, sections: u32) -> Vec<u8> {
    let mut out = words(&[0x19, 72 + 80 * sections]);
    out.extend(pad(name.as_bytes().to_vec(), 16));
    out.extend(place.iter().flat_map(|n| n.to_le_bytes()));
    out.extend(words(&[rights, rights, sections, 0]));
    out
}

/// A code directory of version 0x20400, whose hashes have 20 bytes, with one of `Info.plist`.
fn directory(m: &Macho, hashes: &[u8], limit: usize) -> Vec<u8> {
    let big = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    let names = [m.identifier.as_bytes(), b"\0", m.team.as_bytes(), b"\0"].concat();
    let team = if m.team.is_empty() { 0 } else { 88 + m.identifier.len() + 1 };
    let first = 88 + names.len() + 20;
    let mut out = [big(0xfade_0c02), big(first + hashes.len()), big(0x2_0400), m.flags.to_be_bytes()].concat();
    out.extend([big(first), big(88), big(1), big(hashes.len() / 20), big(limit), [20, 1, 0, 10], big(0)].concat());
    out.extend([big(0), big(team), big(0), big(0), big(0)].concat());
    out.extend([0u64, LINKED as u64, m.segment].iter().flat_map(|n| n.to_be_bytes()));
    assert_eq!(out.len(), 88);
    [&out, &names, &[m.info; 20][..], hashes].concat()
}

pub(super) fn macho(m: &Macho) -> Vec<u8> {
    // Function starts: two, 16 bytes apart.
    let mut linked = pad(vec![0x80, 0x08, 0x10], 8);
    let mut further = Vec::new();
    for (kind, data) in &m.linked {
        further.push(words(&[*kind, 16, (LINKED + linked.len()) as u32, data.len() as u32]));
        linked.extend(data);
        linked.resize(linked.len().next_multiple_of(8), 0);
    }
    let mut names = b"\0_first\0_second\0".to_vec();
    let at = names.len() as u32;
    names.extend(m.object.as_bytes());
    names.push(0);
    // A name that is the end of the path.
    let second = m.shared.map_or(8, |name| at + u32::try_from(m.object.rfind(name).unwrap()).unwrap());
    let symbols = LINKED + linked.len();
    for (name, kind, section, value) in
        [(1, 0x0f, 1, BASE + TEXT as u64), (second, 0x0f, 1, BASE + TEXT as u64 + 16), (at, 0x66, 0, m.time)]
    {
        linked.extend(words(&[name]));
        linked.extend([kind, section, 0, 0]);
        linked.extend(value.to_le_bytes());
    }
    let strings = LINKED + linked.len();
    linked.extend(&names);
    let mut signature = None;
    if let Some(content) = &m.signature {
        linked.resize(linked.len().next_multiple_of(16), 0);
        let start = linked.len();
        let big = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
        let rights = [&0xfade_7171u32.to_be_bytes()[..], &big(8 + m.rights.len()), m.rights.as_bytes()].concat();
        let requirements = [&0xfade_0c01u32.to_be_bytes()[..], &big(8 + m.requirements.len()), m.requirements.as_bytes()].concat();
        let directory = directory(m, content, LINKED + start);
        linked.extend(0xfade_0cc0u32.to_be_bytes());
        let cms = [&0xfade_0b01u32.to_be_bytes()[..], &big(8 + m.cms.len()), &m.cms].concat();
        let keyed = !m.cms.is_empty();
        let first = if keyed { 44 } else { 36 };
        let second = first + directory.len() + m.gap.len();
        let third = second + requirements.len();
        let fourth = third + rights.len();
        let length = if keyed { fourth + cms.len() } else { fourth };
        let count = if keyed { 4 } else { 3 };
        linked.extend([big(length), big(count), big(0), big(first), big(2), big(second), big(5), big(third)].concat());
        if keyed {
            linked.extend([big(0x1_0000), big(fourth)].concat());
        }
        linked.extend([&directory[..], &m.gap, &requirements, &rights].concat());
        linked.extend(if keyed { &cms[..] } else { &[] });
        linked.resize(linked.len().next_multiple_of(16), 0);
        signature = Some((LINKED + start, linked.len() - start));
    }
    let mut commands = vec![
        segment("__TEXT", [BASE, LINKED as u64, 0, LINKED as u64], m.rwx, 1 + u32::from(m.data.is_some())),
        segment("__LINKEDIT", [BASE + 0x4000, (linked.len() as u64).next_multiple_of(0x4000), LINKED as u64, linked.len() as u64], 1, 0),
        [words(&[0x1b, 24]), m.uuid.to_vec()].concat(),
        words(&[2, 24, symbols as u32, 3, strings as u32, names.len() as u32]),
        words(&[0x26, 16, LINKED as u32, 8]),
        [words(&[0xc, 48, 24, 2, 0x1_0000, 0x1_0000]), pad(m.library.as_bytes().to_vec(), 24)].concat(),
    ];
    commands[0].extend(pad(b"__text".to_vec(), 16));
    commands[0].extend(pad(b"__TEXT".to_vec(), 16));
    commands[0].extend([BASE + TEXT as u64, m.text.len() as u64].iter().flat_map(|n| n.to_le_bytes()));
    commands[0].extend(words(&[TEXT as u32, 4, 0, 0, 0x8000_0400, 0, 0, 0]));
    if let Some((name, kind, data)) = &m.data {
        commands[0].extend([pad(name.as_bytes().to_vec(), 16), pad(b"__TEXT".to_vec(), 16)].concat());
        commands[0].extend([BASE + DATA as u64, data.len() as u64].iter().flat_map(|n| n.to_le_bytes()));
        commands[0].extend(words(&[DATA as u32, 2, 0, 0, *kind, 0, 0, 0]));
    }
    commands.extend(further);
    commands.extend(m.commands.iter().cloned());
    if let Some((at, size)) = signature {
        commands.push(words(&[0x1d, 16, at as u32, size as u32]));
    }
    let count = commands.len() as u32;
    let commands = commands.concat();
    let mut out = words(&[0xfeed_facf, 0x0100_0007, 3, 2, count, commands.len() as u32, 0x20_0085, 0]);
    out.extend(commands);
    out = pad(out, TEXT);
    out.extend(&m.text);
    if let Some((_, _, data)) = &m.data {
        out = pad(out, DATA);
        out.extend(data);
    }
    out = pad(out, LINKED);
    out.extend(linked);
    out.extend(&m.tail);
    out
}

/// A file of two architectures, each at a multiple of 16.
pub(super) fn fat(members: [&[u8]; 2]) -> Vec<u8> {
    let big = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    let mut out = [0xcafe_babeu32.to_be_bytes(), big(2)].concat();
    let mut body = Vec::new();
    for (cpu, member) in [0x0100_0007, 0x0100_000c].into_iter().zip(members) {
        body.resize((48 + body.len()).next_multiple_of(16) - 48, 0);
        out.extend([big(cpu), big(0), big(48 + body.len()), big(member.len()), big(4)].concat());
        body.extend(member);
    }
    [out, body].concat()
}
