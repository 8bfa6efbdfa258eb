//! One QR code (ISO/IEC 18004), as cells of a screen, as SVG, as PNG.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around a code, as the standard asks.
const QUIET: usize = 4;
/// Pixels of a module in a PNG.
const PIXELS: usize = 6;

/// Why there is no code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a QR code cannot be made: {0}")]
pub struct CodeError(String);

/// A code: its modules, row by row, without the margin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    width: usize,
    dark: Vec<bool>,
}

impl Code {
    /// Makes the code of a text, at level L: what is carried has digests and signatures of its own.
    ///
    /// # Errors
    /// When the text is too long.
    pub fn new(text: &str) -> Result<Self, CodeError> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|e| CodeError(e.to_string()))?;
        Ok(Self { width: code.width(), dark: code.to_colors().into_iter().map(|c| c == Color::Dark).collect() })
    }

    /// Modules on a side, with the margin.
    #[must_use]
    pub fn side(&self) -> usize {
        self.width + 2 * QUIET
    }

    /// Whether a module is dark; places count from the corner of the margin.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |n: usize| n.checked_sub(QUIET).filter(|n| *n < self.width);
        inside(x).zip(inside(y)).is_some_and(|(x, y)| self.dark.get(y * self.width + x).copied().unwrap_or(false))
    }

    /// Runs of dark modules: (x, y, length).
    pub fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        (0..self.side()).flat_map(move |y| {
            let mut x = 0;
            std::iter::from_fn(move || {
                while x < self.side() && !self.is_dark(x, y) {
                    x += 1;
                }
                let start = x;
                while x < self.side() && self.is_dark(x, y) {
                    x += 1;
                }
                (start < x).then_some((start, y, x - start))
            })
        })
    }

    /// As lines of half blocks, two modules a cell. `light` draws the light modules instead, for a dark screen.
    #[must_use]
    pub fn half_blocks(&self, light: bool) -> Vec<String> {
        let ink = |x: usize, y: usize| y < self.side() && self.is_dark(x, y) != light || y >= self.side() && light;
        let cell = |x: usize, y: usize| match (ink(x, y), ink(x, y + 1)) {
            (true, true) => '\u{2588}',
            (true, false) => '\u{2580}',
            (false, true) => '\u{2584}',
            (false, false) => ' ',
        };
        (0..self.side()).step_by(2).map(|y| (0..self.side()).map(|x| cell(x, y)).collect()).collect()
    }

    /// As an SVG document.
    #[must_use]
    pub fn svg(&self) -> String {
        let side = self.side();
        let path: String = self.runs().map(|(x, y, n)| format!("M{x} {y}h{n}v1h-{n}z")).collect();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\"><rect width=\"{side}\" \
             height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\"/></svg>\n"
        )
    }

    /// As a PNG of two colours.
    ///
    /// # Errors
    /// When the encoder refuses, in words.
    pub fn png(&self) -> Result<Vec<u8>, CodeError> {
        let side = self.side() * PIXELS;
        let fail = |e: png::EncodingError| CodeError(e.to_string());
        let size = u32::try_from(side).map_err(|e| CodeError(e.to_string()))?;
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, size, size);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut image = Vec::with_capacity(side.div_ceil(8) * side);
        for y in 0..side {
            for first in (0..side).step_by(8) {
                // A set bit is light; what is beyond the edge is not drawn.
                let bits = (0..8).map(|b| u8::from(!self.is_dark((first + b) / PIXELS, y / PIXELS)) << (7 - b));
                image.push(bits.sum());
            }
        }
        let mut writer = encoder.write_header().map_err(fail)?;
        writer.write_image_data(&image).map_err(fail)?;
        writer.finish().map_err(fail)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_have_the_same_modules() {
        let code = Code::new("hello").unwrap();
        assert_eq!(code.side(), 21 + 8);
        let dark = (0..29).flat_map(|y| (0..29).map(move |x| (x, y))).filter(|(x, y)| code.is_dark(*x, *y)).count();
        assert_eq!(code.runs().map(|(_, _, n)| n).sum::<usize>(), dark);
        // The finder pattern's top row, below four rows of margin.
        assert_eq!(code.runs().next(), Some((4, 4, 7)));
        let rows = code.half_blocks(false);
        assert_eq!((rows.len(), rows[0].chars().count()), (15, 29));
        assert!(rows[0].trim().is_empty() && rows[2].starts_with("    \u{2588}\u{2580}"));
        let light = code.half_blocks(true);
        assert!(light[0].chars().all(|c| c == '\u{2588}'));
        assert!(code.svg().contains("M4 4h7v1h-7z"));
        assert!(code.png().unwrap().starts_with(b"\x89PNG"));
        assert!(Code::new(&"a".repeat(2954)).is_err());
        assert!(Code::new(&"A+".repeat(2148)).is_ok(), "half as much again of the characters of base45");
        assert!(Code::new(&"A".repeat(4297)).is_err());
    }
}
