//! What a file that is no text is, by its content: a name is a claim.

use crate::inspect::kind::recognise;
use crate::model::NodeKind;

/// What a binary file is for a reviewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum BlobClass {
    /// Code that a machine runs.
    Executable,
    /// A container that holds further files.
    Archive,
    /// Bytes of no format that is known here.
    Unknown,
    /// Pictures, fonts, sound, documents, data.
    Data,
}

/// A binary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    /// What it is for a reviewer.
    pub(crate) class: BlobClass,
    /// Its format, with an article.
    pub(crate) what: &'static str,
}

/// What the bytes start as; `None` for text, in UTF-8 or an older encoding.
pub(crate) fn blob(bytes: &[u8]) -> Option<Blob> {
    use BlobClass::{Archive, Executable, Unknown};
    let (class, what) = match recognise(bytes) {
        NodeKind::Text => return None,
        NodeKind::Elf => (Executable, "an ELF file"),
        NodeKind::Pe => (Executable, "a PE executable"),
        NodeKind::MachO => (Executable, "a Mach-O file"),
        NodeKind::Ar => (Executable, "an ar archive, as of object code"),
        NodeKind::Deb => (Archive, "a Debian package"),
        NodeKind::Rpm => (Archive, "an RPM package"),
        NodeKind::Gzip => (Archive, "gzip data"),
        NodeKind::Xz => (Archive, "xz data"),
        NodeKind::Zstd => (Archive, "zstd data"),
        NodeKind::Bzip2 => (Archive, "bzip2 data"),
        NodeKind::Cpio => (Archive, "a cpio archive"),
        NodeKind::Zip => (Archive, "a zip archive"),
        NodeKind::Tar => (Archive, "a tar archive"),
        _ => match by_magic(bytes) {
            Some(known) => known,
            None if is_other_text(bytes) => return None,
            None => (Unknown, "bytes of no format that is known here"),
        },
    };
    Some(Blob { class, what })
}

fn by_magic(bytes: &[u8]) -> Option<(BlobClass, &'static str)> {
    use BlobClass::{Archive, Data, Executable};
    Some(match bytes {
        [b'M', b'Z', ..] if bytes.contains(&0) => (Executable, "a DOS executable"),
        [0xca, 0xfe, 0xba, 0xbe, ..] => (Executable, "a Java class"),
        [0, b'a', b's', b'm', ..] => (Executable, "a WebAssembly module"),
        [b'd', b'e', b'x', b'\n', ..] => (Executable, "a Dalvik executable"),
        [b'B', b'C', 0xc0, 0xde, ..] => (Executable, "LLVM bitcode"),
        [0x1b, b'L', b'u', b'a', ..] => (Executable, "Lua bytecode"),
        // The low byte of the magic number grows with each version of Python; the high one has been 12 to 14 since 3.0.
        [_, 0x0c..=0x0e, b'\r', b'\n', ..] if bytes.len() > 16 => (Executable, "Python bytecode"),
        [0x80, 2..=5, .., b'.'] => (Executable, "a Python pickle, which can run code when it is loaded"),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => (Archive, "a 7z archive"),
        [b'L', b'Z', b'I', b'P', ..] => (Archive, "lzip data"),
        [0x04, 0x22, 0x4d, 0x18, ..] => (Archive, "lz4 data"),
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => (Archive, "a RAR archive"),
        [b'M', b'S', b'C', b'F', 0, ..] => (Archive, "a cabinet archive"),
        [b'h', b's', b'q', b's', ..] => (Archive, "a SquashFS image"),
        [0x5d, 0, 0, _, _, 0xff, 0xff, ..] => (Archive, "LZMA data"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => (Data, "text in UTF-16, which is not searched for what hides"),
        [0x89, b'P', b'N', b'G', ..] => (Data, "a PNG image"),
        [0xff, 0xd8, 0xff, ..] => (Data, "a JPEG image"),
        [b'G', b'I', b'F', b'8', ..] => (Data, "a GIF image"),
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => (Data, "a BMP image"),
        [0, 0, 1 | 2, 0, _, 0, ..] => (Data, "an icon"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => (Data, "a WebP image"),
        [b'R', b'I', b'F', b'F', ..] => (Data, "RIFF data, such as sound"),
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => (Data, "a TIFF image"),
        [b'%', b'P', b'D', b'F', ..] => (Data, "a PDF document"),
        [0, 1, 0, 0, 0, ..] | [b'O', b'T', b'T', b'O', ..] | [b't', b't', b'c', b'f', ..] => (Data, "a font"),
        [b'T', b'h', b'i', b's', b' ', b'i', b's', b' ', ..] if bytes.contains(&0) && bytes.contains(&0x1f) => (Data, "a GNU Info manual"),
        [b'w', b'O', b'F', b'F' | b'2', ..] => (Data, "a web font"),
        [b'O', b'g', b'g', b'S', ..] => (Data, "Ogg sound or video"),
        [b'f', b'L', b'a', b'C', ..] | [b'I', b'D', b'3', ..] => (Data, "sound"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => (Data, "an MP4 or HEIF file"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => (Data, "Matroska sound or video"),
        [b'S', b'Q', b'L', b'i', b't', b'e', b' ', ..] => (Data, "an SQLite database"),
        [0xde, 0x12, 0x04, 0x95, ..] | [0x95, 0x04, 0x12, 0xde, ..] => (Data, "a gettext message catalogue"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => (Data, "an OLE document"),
        _ => return None,
    })
}

/// Text with a control character, which is told as that; or in an encoding such as Latin-1, with the usual ones only: form feed,
/// escape and the backspaces of old manual pages.
fn is_other_text(bytes: &[u8]) -> bool {
    (!bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()) || !bytes.iter().any(|b| matches!(b, 0..=7 | 0x0e..=0x1a | 0x1c..=0x1f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_says_what_it_is() {
        let class = |bytes: &[u8]| blob(bytes).map(|b| b.class);
        for text in [
            &b""[..],
            b"int main;\n",
            b"caf\xe9 in Latin-1\n",
            "na\u{ef}ve".as_bytes(),
            b"N\x08NA\x08A overstruck\n",
            b"a\x0c\n",
            b"c == '\x15'\n",
        ] {
            assert_eq!(class(text), None, "{:?}", String::from_utf8_lossy(text));
        }
        assert_eq!(class(b"\x7fELF\x02\x01\x01\0"), Some(BlobClass::Executable));
        assert_eq!(class(b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d"), Some(BlobClass::Executable));
        assert_eq!(class(b"\xa7\x0d\r\n\0\0\0\0\0\0\0\0\0\0\0\0\xe3"), Some(BlobClass::Executable));
        assert_eq!(class(b"\xfd7zXZ\0\0\x04"), Some(BlobClass::Archive));
        assert_eq!(class(b"PK\x03\x04\x14\0"), Some(BlobClass::Archive));
        assert_eq!(class(b"\x89PNG\r\n\x1a\n\0"), Some(BlobClass::Data));
        assert_eq!(class(b"int main() {\0}"), Some(BlobClass::Unknown));
        assert_eq!(class(&[1, 2, 3, 0x80]), Some(BlobClass::Unknown));
    }
}
