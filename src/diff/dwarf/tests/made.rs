//! Small DWARF 5 sections, byte by byte.

use super::super::marks::Id;

/// What goes into one unit: a type and a function with its rows.
#[derive(Clone)]
pub(super) struct Unit {
    pub(super) folder: &'static str,
    pub(super) headers: &'static str,
    pub(super) name: &'static str,
    pub(super) producer: &'static str,
    pub(super) function: &'static str,
    /// Where the function is declared.
    pub(super) file: u8,
    pub(super) line: u64,
    pub(super) low: u64,
    pub(super) length: u64,
    /// Lines of its rows.
    pub(super) rows: Vec<u64>,
    /// Size of the type.
    pub(super) size: u8,
    /// The operation of the frame base.
    pub(super) operation: u8,
    /// Whether the entries of the file table are turned round.
    pub(super) turned: bool,
    /// How far beside the type the function's type leads.
    pub(super) to_type: u32,
}

impl Default for Unit {
    fn default() -> Self {
        Self {
            folder: "/build/r",
            headers: "/usr/include",
            name: "a.c",
            producer: "GNU C 12",
            function: "auth_check",
            file: 0,
            line: 5,
            low: 0x1000,
            length: 0x20,
            rows: vec![5, 6, 9],
            size: 4,
            operation: 0x56,
            turned: false,
            to_type: 0,
        }
    }
}

pub(super) type Sections = Vec<(Id, Vec<u8>)>;

#[derive(Default)]
struct Texts(Vec<u8>);

impl Texts {
    fn at(&mut self, text: &str) -> [u8; 4] {
        let ended = [text.as_bytes(), b"\0"].concat();
        let starts = |at: &usize| *at == 0 || self.0[at - 1] == 0;
        let known = (0..self.0.len()).find(|at| starts(at) && self.0[*at..].starts_with(&ended));
        let at = known.unwrap_or(self.0.len());
        if known.is_none() {
            self.0.extend(ended);
        }
        u32::try_from(at).unwrap().to_le_bytes()
    }
}

/// Puts the length before a unit.
fn with_length(body: Vec<u8>) -> Vec<u8> {
    [u32::try_from(body.len()).unwrap().to_le_bytes().to_vec(), body].concat()
}

const ABBREVS: &[u8] = &[
    // 1: a unit with producer, name, folder, lines, low, length, ranges, addresses.
    1, 0x11, 1, 0x25, 0x0e, 0x03, 0x1f, 0x1b, 0x1f, 0x10, 0x17, 0x11, 0x01, 0x12, 0x07, 0x55, 0x17, 0x73, 0x17, 0, 0, //
    // 2: a type with name and size.
    2, 0x24, 0, 0x03, 0x08, 0x0b, 0x0b, 0, 0, //
    // 3: a function with name, file, line, low (by index), length, frame base, type.
    3, 0x2e, 0, 0x03, 0x0e, 0x3a, 0x0b, 0x3b, 0x0b, 0x11, 0x1b, 0x12, 0x07, 0x40, 0x18, 0x49, 0x13, 0, 0, 0,
];

pub(super) fn build(units: &[Unit]) -> Sections {
    let (mut text, mut line_text) = (Texts::default(), Texts::default());
    let (mut info, mut abbrev, mut line, mut ranges, mut addresses) = (vec![], vec![], vec![], vec![], vec![]);
    for unit in units {
        let at = |section: &Vec<u8>| u32::try_from(section.len()).unwrap().to_le_bytes();
        let (abbrev_at, line_at) = (at(&abbrev), at(&line));
        abbrev.extend_from_slice(ABBREVS);
        line.extend(program(unit, &mut line_text));
        // A table of range lists with one list and no offsets.
        let list = [&[7][..], &unit.low.to_le_bytes(), &[u8::try_from(unit.length).unwrap(), 0]].concat();
        ranges.extend(with_length([&[5, 0, 8, 0, 0, 0, 0, 0][..], &list].concat()));
        let list_at = u32::try_from(ranges.len() - list.len()).unwrap().to_le_bytes();
        addresses.extend(with_length([&[5, 0, 8, 0][..], &unit.low.to_le_bytes()].concat()));
        let addresses_at = u32::try_from(addresses.len() - 8).unwrap().to_le_bytes();

        let mut body = vec![5, 0, 1, 8];
        body.extend(abbrev_at);
        body.push(1);
        body.extend(text.at(unit.producer));
        body.extend(line_text.at(unit.name));
        body.extend(line_text.at(unit.folder));
        body.extend(line_at);
        body.extend(unit.low.to_le_bytes());
        body.extend(unit.length.to_le_bytes());
        body.extend(list_at);
        body.extend(addresses_at);
        let kind = u32::try_from(body.len() + 4).unwrap();
        body.extend([&[2][..], b"int\0", &[unit.size]].concat());
        body.push(3);
        body.extend(text.at(unit.function));
        body.extend([unit.file, u8::try_from(unit.line).unwrap(), 0]);
        body.extend(unit.length.to_le_bytes());
        body.extend([1, unit.operation]);
        body.extend((kind + unit.to_type).to_le_bytes());
        body.push(0);
        info.extend(with_length(body));
    }
    vec![
        (Id::Info, info),
        (Id::Abbrev, abbrev),
        (Id::Str, text.0),
        (Id::LineStr, line_text.0),
        (Id::Line, line),
        (Id::RngLists, ranges),
        (Id::Addr, addresses),
    ]
}

fn program(unit: &Unit, text: &mut Texts) -> Vec<u8> {
    // From the sizes of instructions to the number of operands of the standard opcodes.
    let mut head = vec![1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
    head.extend([1, 1, 0x1f, 2]);
    head.extend(text.at(unit.folder));
    head.extend(text.at(unit.headers));
    head.extend([2, 1, 0x1f, 2, 0x0b, 2]);
    let mut files = [(unit.name, 0u8), ("stdio.h", 1)];
    if unit.turned {
        files.reverse();
    }
    for (name, folder) in files {
        head.extend(text.at(name));
        head.push(folder);
    }
    let mut code = [&[0, 9, 2][..], &unit.low.to_le_bytes(), &[4, 0]].concat();
    let mut before = 1;
    for row in &unit.rows {
        let by = row.wrapping_sub(before) as u8 & 0x7f;
        // Advance the line, copy; then four bytes on.
        code.extend([3, by, 1, 2, 4]);
        before = *row;
    }
    code.extend([2, u8::try_from(unit.length).unwrap() - 4 * unit.rows.len() as u8, 0, 1, 1]);
    let length = u32::try_from(head.len()).unwrap().to_le_bytes();
    with_length([&[5, 0, 8, 0][..], &length, &head, &code].concat())
}
