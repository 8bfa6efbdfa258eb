//! Makes a small PE32+ library with everything that a cause lives in.

/// What it holds; the fields are what tests change.
#[derive(Clone, Debug)]
pub(super) struct Library {
    /// COFF header, export, resource and debug directories.
    pub(super) times: [u32; 4],
    pub(super) text: Vec<u8>,
    /// Offset of `second` in it, and what the pointer in `.data` adds to its address.
    pub(super) second: usize,
    pub(super) beside: u64,
    pub(super) imports: [&'static str; 2],
    pub(super) delayed: &'static str,
    pub(super) guid: [u8; 16],
    pub(super) age: u32,
    pub(super) pdb: &'static str,
    pub(super) repro: [u8; 32],
    /// Tools of the Rich header.
    pub(super) rich: Vec<(u32, u32)>,
    pub(super) date: &'static str,
    /// Addresses of functions that run at the start.
    pub(super) callback: u64,
    /// RVA of the entry point.
    pub(super) entry: u32,
    /// RVA of `.data`.
    pub(super) data: u32,
    /// Offsets in `.text` of addresses in full that the loader moves.
    pub(super) fixups: Vec<u16>,
    /// Flags of `.data`.
    pub(super) data_flags: u32,
    /// Bytes in the DOS stub.
    pub(super) stub: [u8; 16],
    /// The first byte behind the end of `.rdata`, in its slack.
    pub(super) slack: u8,
    /// Size of the signature, when there is one.
    pub(super) signature: Option<usize>,
    pub(super) overlay: Vec<u8>,
    /// What the checksum is off by.
    pub(super) checksum_off: u32,
}

pub(super) const BASE: u64 = 0x1_8000_0000;
/// Where the parts are in the file.
pub(super) const COFF: usize = 0xc0;
pub(super) const RICH: usize = 0x80;
pub(super) const RDATA: usize = 0x600;
pub(super) const EXPORT: usize = RDATA + 0xa0;
pub(super) const DEBUG: usize = RDATA + 0xf0;
pub(super) const RSDS: usize = RDATA + 0x130;
pub(super) const REPRO: usize = RDATA + 0x164;
pub(super) const DATE: usize = RDATA + 0x190;
pub(super) const RESOURCE: usize = RDATA + 0x270;
pub(super) const END: usize = 0xe00;

pub(super) fn library() -> Library {
    // first: call second; call [CreateFileW]; ret. second: mov eax, 42; ret. A thunk: jmp [ExitProcess].
    let mut text = vec![0xe8, 0x0b, 0, 0, 0, 0xff, 0x15, 0xf5, 0x0f, 0, 0, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc];
    text.extend([0xb8, 42, 0, 0, 0, 0xc3, 0xcc, 0xcc, 0xff, 0x25, 0xea, 0x0f, 0, 0, 0x90, 0x90]);
    Library {
        times: [0x6000_0000; 4],
        text,
        second: 16,
        beside: 0,
        imports: ["CreateFileW", "ExitProcess"],
        delayed: "Beep",
        guid: [7; 16],
        age: 1,
        pdb: "/b/one/x.pdb",
        repro: [9; 32],
        rich: vec![(0x0104_75b7, 12), (0x0102_75b7, 1)],
        date: "made 2022-12-26 here",
        callback: BASE + 0x1010,
        entry: 0x1000,
        data: 0x3000,
        fixups: Vec::new(),
        data_flags: 0xc000_0040,
        stub: *b"This runs not in",
        slack: 0,
        signature: None,
        overlay: Vec::new(),
        checksum_off: 0,
    }
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    out[at..at + bytes.len()].copy_from_slice(bytes);
}

fn words(out: &mut [u8], at: usize, words: &[u32]) {
    put(out, at, &words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>());
}

pub(super) fn pe(l: &Library) -> Vec<u8> {
    let mut out = vec![0u8; END];
    headers(l, &mut out);
    put(&mut out, 0x400, &l.text);
    rdata(l, &mut out);
    // .data: a pointer to `second`, and the slot of the delayed import.
    put(&mut out, 0xa00, &(BASE + 0x1000 + l.second as u64 + l.beside).to_le_bytes());
    put(&mut out, 0xa10, &(BASE + 0x1000).to_le_bytes());
    // .reloc: both, and the list of callbacks.
    words(&mut out, 0xc00, &[l.data, 12]);
    put(&mut out, 0xc08, &[0x00, 0xa0, 0x10, 0xa0]);
    words(&mut out, 0xc0c, &[0x2000, 12]);
    put(&mut out, 0xc14, &[0xe0, 0xa1, 0, 0]);
    words(&mut out, 0xc18, &[0x1000, 12]);
    for (i, at) in l.fixups.iter().enumerate() {
        put(&mut out, 0xc20 + i * 2, &(0xa000 | at).to_le_bytes());
    }
    out.extend(&l.overlay);
    if let Some(size) = l.signature {
        out.resize(out.len().next_multiple_of(8), 0);
        let start = u32::try_from(out.len()).unwrap();
        let value: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let signature = crate::inspect::signed::tests::over_pe(&value);
        let length = (8 + signature.len()).next_multiple_of(8);
        words(&mut out, COFF + 24 + 112 + 32, &[start, u32::try_from(length).unwrap()]);
        out.extend(u32::try_from(8 + signature.len()).unwrap().to_le_bytes());
        out.extend([0, 2, 2, 0]);
        out.extend(signature);
        out.resize(start as usize + length, 0);
    }
    let sum = crate::inspect::pe::marks::checksum(&out, COFF + 24 + 64).wrapping_add(l.checksum_off);
    words(&mut out, COFF + 24 + 64, &[sum]);
    out
}

fn headers(l: &Library, out: &mut [u8]) {
    put(out, 0, b"MZ");
    words(out, 0x3c, &[COFF as u32]);
    put(out, 0x40, &l.stub);
    let mut key = RICH as u32;
    for (i, byte) in out[..RICH].iter().enumerate().filter(|(i, _)| !(0x3c..0x40).contains(i)) {
        key = key.wrapping_add(u32::from(*byte).rotate_left(i as u32 % 32));
    }
    for (id, count) in &l.rich {
        key = key.wrapping_add(id.rotate_left(count % 32));
    }
    let mut rich = vec![u32::from_le_bytes(*b"DanS") ^ key, key, key, key];
    rich.extend(l.rich.iter().flat_map(|(id, count)| [id ^ key, count ^ key]));
    rich.extend([u32::from_le_bytes(*b"Rich"), key]);
    words(out, RICH, &rich);
    put(out, COFF, b"PE\0\0");
    words(out, COFF + 4, &[0x0004_8664, l.times[0], 0, 0, 0x2022_00f0]);
    let optional = COFF + 24;
    words(out, optional, &[0x000e_020b, 0x200, 0x800, 0, l.entry, 0x1000]);
    put(out, optional + 24, &BASE.to_le_bytes());
    words(out, optional + 32, &[0x1000, 0x200, 6, 0, 6, 0, 0x5000, 0x400, 0, 0x0160_0003]);
    words(out, optional + 108, &[16]);
    let mut directory = |i: usize, rva: u32, size: u32| words(out, optional + 112 + i * 8, &[rva, size]);
    directory(0, 0x20a0, 0x44);
    directory(1, 0x2040, 40);
    directory(2, 0x2270, 0x70);
    directory(3, 0x22a0, 24);
    directory(5, 0x4000, 36);
    directory(6, 0x20f0, 56);
    directory(9, 0x21b0, 40);
    directory(12, 0x2000, 24);
    directory(13, 0x21f0, 64);
    let table = optional + 240;
    for (i, (name, size, rva, raw, at, flags)) in [
        (b".text\0\0\0", l.text.len() as u32, 0x1000, 0x200, 0x400, 0x6000_0020),
        (b".rdata\0\0", 0x300, 0x2000, 0x400, RDATA as u32, 0x4000_0040),
        (b".data\0\0\0", 0x40, l.data, 0x200, 0xa00, l.data_flags),
        (b".reloc\0\0", 36, 0x4000, 0x200, 0xc00, 0x4200_0040),
    ]
    .into_iter()
    .enumerate()
    {
        put(out, table + i * 40, name);
        words(out, table + i * 40 + 8, &[size, rva, raw, at, 0, 0, 0, flags]);
    }
}

fn rdata(l: &Library, out: &mut [u8]) {
    let at = |rva: usize| RDATA + rva - 0x2000;
    for list in [0x2000, 0x2020] {
        words(out, at(list), &[0x2080, 0, 0x2090, 0]);
    }
    words(out, at(0x2040), &[0x2020, 0, 0, 0x2070, 0x2000]);
    put(out, at(0x2070), b"KERNEL32.dll");
    put(out, at(0x2082), l.imports[0].as_bytes());
    put(out, at(0x2092), l.imports[1].as_bytes());
    words(out, EXPORT, &[0, l.times[1], 0, 0x20d4, 1, 1, 1, 0x20c8, 0x20cc, 0x20d0, 0x1000, 0x20dc, 0]);
    put(out, at(0x20d4), b"x.dll");
    put(out, at(0x20dc), b"first");
    let record = u32::try_from(24 + l.pdb.len() + 1).unwrap();
    words(out, DEBUG, &[0, l.times[3], 0, 2, record, 0x2130, RSDS as u32, 0, l.times[3], 0, 16, 36, 0x2160, at(0x2160) as u32]);
    put(out, RSDS, b"RSDS");
    put(out, RSDS + 4, &l.guid);
    words(out, RSDS + 20, &[l.age]);
    put(out, RSDS + 24, l.pdb.as_bytes());
    words(out, at(0x2160), &[32]);
    put(out, REPRO, &l.repro);
    put(out, DATE, l.date.as_bytes());
    put(out, at(0x21b0) + 24, &(BASE + 0x21e0).to_le_bytes());
    put(out, at(0x21e0), &l.callback.to_le_bytes());
    words(out, at(0x21f0), &[1, 0x2230, l.data + 0x20, l.data + 0x10, 0x2240]);
    put(out, at(0x2230), b"U.dll");
    words(out, at(0x2240), &[0x2258]);
    put(out, at(0x225a), l.delayed.as_bytes());
    // Resources: a directory that holds one more, which holds a leaf; its content is a zero somewhere else.
    words(out, RESOURCE, &[0, l.times[2], 0, 0x0001_0000, 16, 0x8000_0018, 0, l.times[2], 0, 0x0001_0000, 1, 0x60]);
    words(out, RESOURCE + 0x60, &[0x2068, 1, 0, 0]);
    let start = 0x1000 + l.second as u32;
    let end = start + 1 + l.text.iter().skip(l.second).position(|b| *b == 0xc3).unwrap() as u32;
    words(out, at(0x22a0), &[0x1000, 0x100c, 0x22c0, start, end, 0x22c0]);
    put(out, at(0x22c0), &[1]);
    put(out, at(0x2300), &[l.slack]);
}

/// What a PDB says of a source file: path, kind of its digest (1 MD5, 2 SHA-1, 3 SHA-256), digest.
pub(super) type Source<'a> = (&'a str, u8, &'a [u8]);

/// A PDB with both functions of the library, each with one line.
pub(super) fn pdb(l: &Library, source: Source<'_>) -> Vec<u8> {
    const BLOCK: usize = 512;
    let half = |n: usize| u16::try_from(n).unwrap().to_le_bytes().to_vec();
    let word = |n: usize| u32::try_from(n).unwrap().to_le_bytes().to_vec();
    let padded = |mut bytes: Vec<u8>| {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    // Name of the stream of paths: text, one place of a table with one bit set, none deleted, and the entry.
    let info = [word(20_000_404), word(1), word(l.age as usize), l.guid.to_vec(), word(7), b"/names\0".to_vec()];
    let info = [info.concat(), word(1), word(1), word(1), word(1), word(0), word(0), word(6)].concat();
    let names = [word(0xeffe_effe), word(1), word(source.0.len() + 2), vec![0], source.0.as_bytes().to_vec(), vec![0]].concat();
    let record = |kind: usize, data: Vec<u8>| {
        let data = padded([half(kind), data].concat());
        [half(data.len()), data].concat()
    };
    let function = |name: &str, at: usize, size: usize| {
        let fields = [vec![0; 12], word(size), vec![0; 12], word(at), half(1), vec![0], name.as_bytes().to_vec(), vec![0]];
        record(0x1110, fields.concat())
    };
    let symbols = [word(4), record(0x113c, [vec![0; 22], b"a compiler 1.0\0".to_vec()].concat())].concat();
    let symbols = [symbols, function("first", 0, 12), function("second", l.second, 6)].concat();
    let part = |kind: usize, data: Vec<u8>| padded([word(kind), word(data.len()), data].concat());
    let digest = padded([word(1), vec![source.2.len() as u8, source.1], source.2.to_vec()].concat());
    let line = |at: usize, size: usize, line: usize| {
        part(0xf2, [word(at), half(1), half(0), word(size), word(0), word(1), word(20), word(0), word(line | 0x8000_0000)].concat())
    };
    let lines = [part(0xf4, digest), line(0, 12, 3), line(l.second, 6, 7)].concat();
    let mut module = vec![0; 34];
    module.extend([half(5), word(symbols.len()), word(0), word(lines.len()), vec![0; 16], b"x.obj\0x.obj\0".to_vec()].concat());
    let module = padded(module);
    let mut debug = vec![0xff; 64 + module.len() + 22];
    put(&mut debug, 4, &word(19_990_903));
    put(&mut debug, 8, &word(l.age as usize));
    put(&mut debug, 24, &[word(module.len()), vec![0; 20]].concat());
    put(&mut debug, 48, &[word(22), word(0)].concat());
    put(&mut debug, 64, &module);
    put(&mut debug, 64 + module.len() + 10, &half(4));
    let image = pe(l);
    let table = COFF + 24 + 240;
    let streams = [vec![], info, vec![], debug, image[table..table + 160].to_vec(), [symbols, lines].concat(), names];
    // Super block, two maps of free blocks, then the streams, the directory, and the list of its blocks.
    let mut out = vec![0; 3 * BLOCK];
    let mut directory = [word(streams.len()), streams.iter().flat_map(|s| word(s.len())).collect()].concat();
    let mut store = |bytes: &[u8]| {
        let first = out.len() / BLOCK;
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        (first..out.len() / BLOCK).flat_map(word).collect::<Vec<u8>>()
    };
    for stream in &streams {
        directory.extend(store(stream));
    }
    let blocks = store(&directory);
    let map = u32::from_le_bytes(store(&blocks)[..4].try_into().unwrap());
    put(&mut out, 0, b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0");
    let count = (out.len() / BLOCK) as u32;
    words(&mut out, 32, &[BLOCK as u32, 1, count, directory.len() as u32, 0, map]);
    out
}
