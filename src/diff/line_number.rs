//! Line numbers in code: an operand that is `__LINE__`, passed to a call beside `__FILE__` (`__assert_fail(text, file, line,
//! function)`, `ERR_set_debug(file, line, function)`). A number that merely looks like a line proves nothing; nor does the line that
//! the compiler was told, which `#line` sets, and which the debug information of what was shipped only claims: the number must go to where
//! it is only reported. That the source has such a line proves nothing: it has a line of nearly every number.

use super::asm::{self, Immediate};
use super::image::Images;
use super::source::Finder;
use crate::inspect::exe::text_at;
use crate::inspect::symbols::Function;
use crate::model::{Side, Sides};

/// Functions of other files that take the name of a file and a line behind it, and do nothing with them but report them: the C
/// libraries' (glibc, musl, BSD, newlib, Bionic), GLib's, Qt's, libstdc++'s and OpenSSL's.
const REPORTING: [&[u8]; 23] = [
    b"__assert_fail",
    b"__assert_perror_fail",
    b"__assert",
    b"__assert13",
    b"__assert2",
    b"__assert_func",
    b"__assert_rtn",
    b"_assert",
    b"error_at_line",
    b"g_assertion_message",
    b"g_assertion_message_cmpint",
    b"g_assertion_message_cmpnum",
    b"g_assertion_message_cmpstr",
    b"g_assertion_message_cmpstrv",
    b"g_assertion_message_error",
    b"g_assertion_message_expr",
    b"g_warn_message",
    b"_Z9qt_assertPKcS0_i",
    b"_Z11qt_assert_xPKcS0_S0_i",
    b"_ZSt21__glibcxx_assert_failPKciS0_S0_",
    b"ERR_put_error",
    b"ERR_set_debug",
    b"OPENSSL_die",
];

/// A changed operand that would be a line number, if the line tables of both sides say so.
pub(super) struct Claim {
    at: Sides<u64>,
    line: Sides<u64>,
    file: Vec<u8>,
    /// Whether it goes to where it is only reported.
    reported: bool,
}

impl Claim {
    /// What the code alone tells: on both sides the operand is loaded for a call, behind the same name of a file.
    pub(super) fn read(images: &Images, pair: Sides<&Function>, changed: &Immediate<'_>) -> Option<Self> {
        let file = |side: Side| -> Option<(Vec<u8>, bool)> {
            let image = images.sides.get(side);
            let (address, callee) = asm::argument_before(image, pair.get(side), changed.insns.get(side), *changed.at.get(side))?;
            let bytes = image.elf.bytes_at(address);
            let text = text_at(bytes, 0);
            (!text.is_empty() && text.len() <= 4096 && text.len() < bytes.len())
                .then(|| (text.to_vec(), image.imported(callee).is_some_and(|name| REPORTING.contains(&name))))
        };
        let (old, new) = (file(Side::Shipped)?, file(Side::Rebuilt)?);
        (old.0 == new.0).then_some(Self { at: changed.at, line: changed.value, file: old.0, reported: old.1 && new.1 })
    }

    /// Whether the line table of each side gives that number and that file for that very instruction, and it is only reported. The
    /// source at hand bounds how far apart both may be.
    pub(super) fn holds(&self, finder: &Finder<'_>) -> bool {
        [Side::Shipped, Side::Rebuilt].iter().all(|side| {
            finder.innermost(*side, *self.at.get(*side)).is_some_and(|(file, line)| {
                let named = file.as_bytes().strip_suffix(self.file.as_slice()).is_some_and(|rest| rest.is_empty() || rest.ends_with(b"/"));
                named
                    && u64::from(line) == *self.line.get(*side)
                    && self.is_bounded(finder.length(*side, *self.at.get(*side)).map(u64::from))
            })
        })
    }

    fn is_bounded(&self, length: Option<u64>) -> bool {
        self.reported && length.is_none_or(|lines| self.line.shipped.abs_diff(self.line.rebuilt) <= lines)
    }

    /// The number on one side.
    pub(super) fn line(&self, side: Side) -> u64 {
        *self.line.get(side)
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        format!("the line number of {}", crate::text::Untrusted::from(self.file.as_slice()).shown().cut_start(80))
    }
}
