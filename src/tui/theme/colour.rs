//! Colours, and what a terminal can show of them.

use ratatui::style::Color;

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// No colours.
    Mono,
    /// The 16 of the terminal itself.
    Sixteen,
    /// The 256 of xterm.
    Indexed,
    /// 24 bits.
    True,
}

/// A colour of a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// One of the terminal's own.
    Own(Color),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// Steps of the colour cube of xterm.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

impl Paint {
    /// The colour of that name (`red`, `#ff8c42`).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let own = match text {
            "black" => Color::Black,
            "red" => Color::Red,
            "green" => Color::Green,
            "yellow" => Color::Yellow,
            "blue" => Color::Blue,
            "magenta" => Color::Magenta,
            "cyan" => Color::Cyan,
            "white" => Color::Gray,
            "bright-black" => Color::DarkGray,
            "bright-red" => Color::LightRed,
            "bright-green" => Color::LightGreen,
            "bright-yellow" => Color::LightYellow,
            "bright-blue" => Color::LightBlue,
            "bright-magenta" => Color::LightMagenta,
            "bright-cyan" => Color::LightCyan,
            "bright-white" => Color::White,
            _ => {
                let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                let part = |at: usize| digits.get(at..at + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
                return Some(Self::Rgb(part(0)?, part(2)?, part(4)?));
            }
        };
        Some(Self::Own(own))
    }

    /// The colour as that terminal can show it.
    pub(crate) fn at(self, level: Level) -> Color {
        match (self, level) {
            (Self::Own(color), _) => color,
            (Self::Rgb(r, g, b), Level::Indexed) => Color::Indexed(nearest(r, g, b).0),
            (Self::Rgb(r, g, b), _) => Color::Rgb(r, g, b),
        }
    }

    /// How far two colours are apart in lightness, as WCAG 2.2 counts it: from 1 to 21. Colours of the terminal itself are not known: 1.
    #[cfg(test)]
    pub(super) fn contrast(self, other: Self, level: Level) -> f64 {
        let light = |paint: Self| {
            let Self::Rgb(r, g, b) = paint else { return None };
            let (r, g, b) = if level == Level::Indexed { nearest(r, g, b).1 } else { (r, g, b) };
            let part = |c: u8| {
                let c = f64::from(c) / 255.0;
                if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
            };
            Some(0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b))
        };
        match (light(self), light(other)) {
            (Some(x), Some(y)) => (x.max(y) + 0.05) / (x.min(y) + 0.05),
            _ => 1.0,
        }
    }
}

/// The nearest of xterm's 256 colours that every terminal draws alike (the cube and the greys): its number and what it is.
fn nearest(r: u8, g: u8, b: u8) -> (u8, (u8, u8, u8)) {
    let cube = (0..216_u8).map(|n| {
        let step = |i: u8| STEPS.get(usize::from(i)).copied().unwrap_or(0);
        (16 + n, (step(n / 36), step(n / 6 % 6), step(n % 6)))
    });
    let greys = (0..24_u8).map(|n| (232 + n, (8 + 10 * n, 8 + 10 * n, 8 + 10 * n)));
    let far = |c: &(u8, (u8, u8, u8))| {
        let part = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
        part(c.1.0, r) + part(c.1.1, g) + part(c.1.2, b)
    };
    cube.chain(greys).min_by_key(far).unwrap_or((231, (255, 255, 255)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_256_is_found() {
        assert_eq!(nearest(255, 255, 255).0, 231);
        assert_eq!(nearest(95, 135, 175).0, 67);
        assert_eq!(nearest(30, 30, 30).0, 234);
        assert_eq!(Paint::parse("#ff8c42").map(|p| p.at(Level::True)), Some(Color::Rgb(255, 140, 66)));
        assert_eq!(Paint::parse("#ff8c4"), None);
    }
}
