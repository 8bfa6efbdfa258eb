//! Debug information (DWARF 4) of one function of 64 bytes, made so that it costs as much as it can to look a line up.

/// Sections by name.
pub type Sections = Vec<(&'static str, Vec<u8>)>;

/// What there is more of than anybody needs.
#[derive(Clone, Copy)]
pub struct Much {
    /// Units that all claim the function.
    pub units: usize,
    /// Rows of the line program that all of them name.
    pub rows: usize,
    /// Functions of each unit that all name one list of ranges.
    pub functions: usize,
    /// Ranges of that list.
    pub ranges: usize,
    /// Inlined calls inside of each other.
    pub inlined: usize,
    /// Attributes of each entry that have no bytes.
    pub attributes: usize,
    /// Files of the table that all units name.
    pub files: usize,
    /// How far from the function the lines and the ranges are.
    pub away: u64,
}

/// What a compiler writes.
pub const LITTLE: Much = Much { units: 1, rows: 4, functions: 1, ranges: 1, inlined: 2, attributes: 1, files: 1, away: 0 };

fn with_length(body: Vec<u8>) -> Vec<u8> {
    [u32::try_from(body.len()).unwrap().to_le_bytes().to_vec(), body].concat()
}

pub fn lines(much: Much, address: u64) -> Sections {
    // 1: a unit with lines, low and length. 2: a function with ranges. 3: an inlined call with low and length.
    let mut abbreviations = vec![1, 0x11, 1, 0x10, 0x17, 0x11, 0x01, 0x12, 0x06, 0, 0];
    abbreviations.extend([2, 0x2e, 1, 0x55, 0x17]);
    for _ in 0..much.attributes {
        abbreviations.extend([0x3f, 0x19]);
    }
    abbreviations.extend([0, 0, 3, 0x1d, 1, 0x11, 0x01, 0x12, 0x06, 0, 0, 0]);
    let mut body = vec![4, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 0];
    let claim = [&address.to_le_bytes()[..], &64u32.to_le_bytes()].concat();
    body.extend(&claim);
    for _ in 0..much.functions {
        body.extend([2, 0, 0, 0, 0]);
        for _ in 0..much.inlined {
            body.push(3);
            body.extend(&claim);
        }
        body.extend(vec![0; much.inlined + 1]);
    }
    body.push(0);
    let info = with_length(body).repeat(much.units);
    let address = address + much.away;
    let mut ranges = [address.to_le_bytes(), (address + 64).to_le_bytes()].concat().repeat(much.ranges);
    ranges.extend([0; 16]);
    let mut head = vec![1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0];
    for _ in 0..much.files {
        head.extend(b"a.c\0\0\0\0");
    }
    head.push(0);
    let mut program = vec![4, 0];
    program.extend(with_length(head));
    program.extend([&[0, 9, 2][..], &address.to_le_bytes()].concat());
    // A row on the next line, at the same address.
    program.extend(vec![19; much.rows]);
    program.extend([2, 64, 0, 1, 1]);
    vec![(".debug_abbrev", abbreviations), (".debug_info", info), (".debug_ranges", ranges), (".debug_line", with_length(program))]
}
