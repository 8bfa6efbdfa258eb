//! What an address is called on a screen.

use super::Images;
use crate::inspect::exe::{Exe, text_at};
use crate::inspect::symbols::Bound;
use crate::model::Side;

impl Images {
    /// The name of a function, borrowed from the other side when this one has none.
    pub(in crate::diff) fn function_name(&self, side: Side, index: usize) -> Option<&[u8]> {
        let own = self.sides.get(side).functions.get(index)?.name.as_deref();
        own.or_else(|| {
            let pair = self.pairs.get(*self.pair_of.get(side).get(index)?)?;
            let other = if side == Side::Shipped { Side::Rebuilt } else { Side::Shipped };
            self.sides.get(other).functions.get((*pair.get(other))?)?.name.as_deref()
        })
    }

    /// A name for an address on a screen, behind the guard: a claim, not a proof.
    pub(in crate::diff) fn label(&self, side: Side, address: u64) -> Option<String> {
        self.said(side, address).map(|name| crate::text::Shown::new(&name).to_string())
    }

    fn said(&self, side: Side, address: u64) -> Option<String> {
        let image = self.sides.get(side);
        let plain = |name: &[u8]| String::from_utf8_lossy(name.split(|b| *b == b'@').next().unwrap_or_default()).into_owned();
        if let Some(name) = image.stubs.get(&address) {
            return Some(format!("{}@plt", plain(name)));
        }
        if let Some((name, offset)) = image.outside(address) {
            // The number behind `%` is the type of the relocation.
            let name = display_name(name.split(|b| *b == b'%').next().unwrap_or_default());
            return Some(if offset == 0 { name } else { format!("{name}{:+#x}", offset.cast_signed()) });
        }
        if let Some(i) = image.function_at(address) {
            let name = display_name(self.function_name(side, i)?);
            let offset = address - image.functions.get(i)?.address;
            return Some(if offset == 0 { name } else { format!("{name}+{offset:#x}") });
        }
        if let Some(Bound::Import(name, _)) = image.bindings.get(&address) {
            return Some(format!("{}@got", plain(name)));
        }
        let at = image.objects.partition_point(|s| s.address <= address).checked_sub(1).and_then(|i| image.objects.get(i));
        if let Some(s) = at.filter(|s| address - s.address < s.size) {
            let offset = address - s.address;
            return Some(if offset == 0 { display_name(&s.name) } else { format!("{}+{offset:#x}", display_name(&s.name)) });
        }
        image.elf.section_at(address).filter(|s| !s.is_written() && !s.is_code())?;
        let text = text_of(&image.elf, address)?;
        let shown: String = String::from_utf8_lossy(&text).chars().take(40).collect();
        Some(format!("{shown:?}"))
    }
}

/// A printable NUL-ended text at an address.
pub(super) fn text_of(elf: &Exe, address: u64) -> Option<Vec<u8>> {
    let bytes = elf.bytes_at(address);
    let text = text_at(bytes, 0);
    let ended = bytes.get(text.len()) == Some(&0);
    let printable = text.iter().all(|b| matches!(b, 9 | 10 | 13 | 0x20..=0x7e) || *b >= 0x80);
    (ended && printable && (2..=4096).contains(&text.len())).then(|| text.to_vec())
}

/// A demangled name.
pub(in crate::diff) fn display_name(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    match rustc_demangle::try_demangle(&text) {
        Ok(demangled) => format!("{demangled:#}").chars().take(1024).collect(),
        Err(_) => text.into_owned(),
    }
}
