//! Abbreviation tables (DWARF 5, 7.5.3), declaration by declaration.

use std::ops::Range;

use super::cursor::Cursor;
use super::keyed::Map;

/// Attributes that a declaration may have.
const MAX_ATTRIBUTES: usize = 4096;

/// One attribute of a declaration.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) name: u64,
    pub(super) form: u64,
    /// The value of `DW_FORM_implicit_const`.
    pub(super) implicit: i64,
    /// Where the name and the form are.
    pub(super) at: Range<usize>,
    /// Where the implicit value is.
    pub(super) value: Range<usize>,
}

/// One declaration.
#[derive(Clone, Debug)]
pub(super) struct Decl {
    pub(super) code: u64,
    pub(super) tag: u64,
    /// Where code, tag and the mark for children are.
    pub(super) head: Range<usize>,
    pub(super) children: u8,
    pub(super) attrs: Vec<Spec>,
    /// Where the two zeros at its end are.
    pub(super) tail: Range<usize>,
}

/// The table at one offset.
pub(super) struct Table {
    pub(super) decls: Vec<Decl>,
    known: Map<u64, usize>,
    /// All of it, with the zero at its end.
    pub(super) range: Range<usize>,
}

impl Table {
    /// Reads the table at an offset; `None` when it is not well-formed or has a code twice.
    pub(super) fn read(data: &[u8], offset: u64, little: bool) -> Option<Self> {
        let start = usize::try_from(offset).ok()?;
        let mut c = Cursor { data, at: start, little };
        let (mut decls, mut known) = (Vec::new(), Map::default());
        loop {
            let from = c.at;
            let code = c.uleb()?;
            if code == 0 {
                return Some(Self { decls, known, range: start..c.at });
            }
            let tag = c.uleb()?;
            let children = *c.take(1)?.first()?;
            let head = from..c.at;
            let mut attrs = Vec::new();
            let tail = loop {
                let at = c.at;
                let (name, form) = (c.uleb()?, c.uleb()?);
                if (name, form) == (0, 0) {
                    break at..c.at;
                }
                let value = c.at;
                let implicit = if form == 0x21 { c.sleb()? } else { 0 };
                if attrs.len() >= MAX_ATTRIBUTES {
                    return None;
                }
                attrs.push(Spec { name, form, implicit, at: at..value, value: value..c.at });
            };
            if known.insert(code, decls.len()).is_some() {
                return None;
            }
            decls.push(Decl { code, tag, head, children, attrs, tail });
        }
    }

    pub(super) fn get(&self, code: u64) -> Option<(usize, &Decl)> {
        // Compilers count from one.
        let guess = usize::try_from(code.wrapping_sub(1)).unwrap_or(usize::MAX);
        if let Some(decl) = self.decls.get(guess).filter(|d| d.code == code) {
            return Some((guess, decl));
        }
        let index = *self.known.get(&code)?;
        self.decls.get(index).map(|d| (index, d))
    }
}
