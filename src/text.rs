//! Text: what comes from a bundle, and what may be drawn.
//!
//! [`Untrusted`] holds bytes of a bundle; it cannot be displayed. [`Shown`] can, and only this module makes one: every
//! character that is not plainly printable becomes a visible token. A [`Row`] is a line of [`Segment`]s, each with a
//! [`Role`]: what it means, never how it is coloured. The command line and the screens print the same rows.

mod guard;
mod markup;
mod row;

pub use guard::{MAX_CELLS, MAX_CLUSTER, hidden_characters};
pub use markup::escaped;
pub use row::{Role, Row, Segment};

use std::borrow::Cow;
use std::fmt;

/// Text or a name as the bundle has it: any bytes at all. Not displayable until [`Untrusted::shown`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Untrusted(Box<[u8]>);

impl Untrusted {
    /// The bytes as they are.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text with invalid UTF-8 replaced: for comparing and for JSON output, never for a screen.
    #[must_use]
    pub fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The displayable form.
    #[must_use]
    pub fn shown(&self) -> Shown {
        guard::show(&self.0)
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<&[u8]> for Untrusted {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Untrusted {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "untrusted {:?}", self.shown().as_str())
    }
}

/// Displayable text: printable characters only, of a known width.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shown(String);

impl Shown {
    /// Text of our own. It passes the guard too: the guard leaves plain text alone.
    #[must_use]
    pub fn new(text: &str) -> Self {
        guard::show(text.as_bytes())
    }

    /// Shows bytes of the bundle.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        guard::show(bytes)
    }

    /// Shows a line of a source file: a tab is `→` and blanks up to the next stop, every 8 cells, so that what was indented is.
    #[must_use]
    pub fn of_line(bytes: &[u8]) -> Self {
        if !bytes.contains(&b'\t') {
            return Self::of_bytes(bytes);
        }
        let mut line = String::new();
        let mut cells = 0;
        for (i, part) in bytes.split(|b| *b == b'\t').enumerate() {
            if i > 0 {
                let blanks = 7 - cells % 8;
                line.push('→');
                line.extend(std::iter::repeat_n(' ', blanks));
                cells += 1 + blanks;
            }
            let shown = guard::show(part).0;
            let width = guard::width(&shown);
            if cells + width > MAX_CELLS {
                line.push_str(&guard::cut_end(&shown, MAX_CELLS.saturating_sub(cells)));
                line.push_str("<cut>");
                break;
            }
            cells += width;
            line.push_str(&shown);
        }
        Self(line)
    }

    /// The displayable text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its width in terminal cells.
    #[must_use]
    pub fn width(&self) -> usize {
        guard::width(&self.0)
    }

    /// At most `cells` wide, with `…` at the end when something was cut.
    #[must_use]
    pub fn cut(&self, cells: usize) -> Self {
        Self(guard::cut_end(&self.0, cells))
    }

    /// At most `cells` wide, with `…` at the start when something was cut (for paths: the end tells more).
    #[must_use]
    pub fn cut_start(&self, cells: usize) -> Self {
        Self(guard::cut_start(&self.0, cells))
    }

    /// Without the first `cells` cells (scrolling sideways).
    #[must_use]
    pub fn skip(&self, cells: usize) -> Self {
        Self(guard::skip(&self.0, cells))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
