//! What a file is, by its magic alone: a name is a claim.

use super::{macho, pe};
use crate::model::NodeKind;

/// The kind of these bytes.
pub(crate) fn recognise(bytes: &[u8]) -> NodeKind {
    match bytes {
        [0x7f, b'E', b'L', b'F', ..] => NodeKind::Elf,
        _ if macho::is_thin(bytes) || macho::fat::is_fat(bytes) => NodeKind::MachO,
        [b'M', b'Z', ..] if pe::is_pe(bytes) => NodeKind::Pe,
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', rest @ ..] => {
            if rest.starts_with(b"debian-binary") {
                NodeKind::Deb
            } else {
                NodeKind::Ar
            }
        }
        [0xed, 0xab, 0xee, 0xdb, ..] => NodeKind::Rpm,
        [0x1f, 0x8b, 8, ..] => NodeKind::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => NodeKind::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => NodeKind::Zstd,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => NodeKind::Bzip2,
        [b'0', b'7', b'0', b'7', b'0', b'1' | b'2', ..] if is_cpio(bytes, 110) => NodeKind::Cpio,
        [b'0', b'7', b'0', b'7', b'0', b'7', ..] if is_cpio(bytes, 76) => NodeKind::Cpio,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => NodeKind::Zip,
        _ if bytes.get(257..262) == Some(b"ustar".as_slice()) && !is_run(bytes) => NodeKind::Tar,
        _ if is_text(bytes) => NodeKind::Text,
        _ => NodeKind::Data,
    }
}

/// Whether something runs a file by its first bytes, whatever else it is: of a tar they are the name of the first member, and what stands
/// in its header (times, owners) is then read by who runs it. The mark of a boot sector is where the header has no field.
fn is_run(bytes: &[u8]) -> bool {
    [&b"#!"[..], b"<?", b"<%", b"MZ"].iter().any(|start| bytes.starts_with(start)) || bytes.get(510..512) == Some(b"\x55\xaa")
}

/// cpio's magic is text: the rest of the first header must be digits as well.
fn is_cpio(bytes: &[u8], length: usize) -> bool {
    bytes.get(..length).is_some_and(|header| header.iter().all(u8::is_ascii_hexdigit))
}

/// Whether it reads as text: UTF-8 without control characters other than the usual ones.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    !bytes.iter().any(|b| matches!(b, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f)) && std::str::from_utf8(bytes).is_ok()
}

/// A format that is known and not taken apart: a reviewer must be told that only bytes were compared.
pub(crate) fn not_opened(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'M', b'Z', ..] => Some("a DOS executable"),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => Some("a Mach-O file of another form or a Java class"),
        _ => None,
    }
}
