//! CSS and HTML colours, as far as hidden text needs them.

/// A colour of eight bits a channel; `alpha` 0 shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour {
    red: u8,
    green: u8,
    blue: u8,
    alpha: u8,
}

/// Colours whose channels differ no more than this in sum look alike.
const INDISTINCT: u32 = 24;

/// Below this alpha (of 255) nothing is seen.
const INVISIBLE_ALPHA: u8 = 8;

impl Colour {
    pub(super) const WHITE: Self = Self::opaque(255, 255, 255);

    const fn opaque(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue, alpha: 255 }
    }

    pub(super) fn is_transparent(self) -> bool {
        self.alpha < INVISIBLE_ALPHA
    }

    pub(super) fn resembles(self, other: Self) -> bool {
        let distance = u32::from(self.red.abs_diff(other.red))
            + u32::from(self.green.abs_diff(other.green))
            + u32::from(self.blue.abs_diff(other.blue));
        distance <= INDISTINCT
    }

    /// Parses a colour in lower case; unknown forms give none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(digits) = text.strip_prefix('#') {
            return Self::hexadecimal(digits);
        }
        if let Some(inner) = text.strip_prefix("rgb") {
            return Self::function(inner.strip_prefix('a').unwrap_or(inner));
        }
        Self::named(text).or_else(|| (text.len() == 6).then(|| Self::hexadecimal(text)).flatten())
    }

    fn hexadecimal(digits: &str) -> Option<Self> {
        let value = |range: std::ops::Range<usize>| u8::from_str_radix(digits.get(range)?, 16).ok();
        let short = |at: usize| value(at..at + 1).map(|nibble| nibble * 17);
        let (red, green, blue, alpha) = match digits.len() {
            3 => (short(0)?, short(1)?, short(2)?, 255),
            4 => (short(0)?, short(1)?, short(2)?, short(3)?),
            6 => (value(0..2)?, value(2..4)?, value(4..6)?, 255),
            8 => (value(0..2)?, value(2..4)?, value(4..6)?, value(6..8)?),
            _ => return None,
        };
        Some(Self { red, green, blue, alpha })
    }

    fn function(inner: &str) -> Option<Self> {
        let inner = inner.trim().strip_prefix('(')?.split(')').next()?;
        let mut channels = inner
            .split([',', ' ', '/'])
            .filter(|part| !part.is_empty())
            .map(|part| channel(part, 255.0));
        let (red, green, blue) = (channels.next()??, channels.next()??, channels.next()??);
        let alpha = inner.split([',', ' ', '/']).filter(|part| !part.is_empty()).nth(3);
        let alpha = alpha.map_or(Some(255), |part| channel(part, 1.0))?;
        Some(Self { red, green, blue, alpha })
    }

    fn named(name: &str) -> Option<Self> {
        let (red, green, blue) = match name {
            "transparent" => return Some(Self { alpha: 0, ..Self::WHITE }),
            "white" => (255, 255, 255),
            "snow" => (255, 250, 250),
            "ghostwhite" => (248, 248, 255),
            "floralwhite" => (255, 250, 240),
            "ivory" => (255, 255, 240),
            "mintcream" => (245, 255, 250),
            "azure" => (240, 255, 255),
            "whitesmoke" => (245, 245, 245),
            "gainsboro" => (220, 220, 220),
            "lightgray" | "lightgrey" => (211, 211, 211),
            "silver" => (192, 192, 192),
            "gray" | "grey" => (128, 128, 128),
            "black" => (0, 0, 0),
            "red" => (255, 0, 0),
            "green" => (0, 128, 0),
            "lime" => (0, 255, 0),
            "blue" => (0, 0, 255),
            "navy" => (0, 0, 128),
            "yellow" => (255, 255, 0),
            "orange" => (255, 165, 0),
            "purple" => (128, 0, 128),
            "maroon" => (128, 0, 0),
            "teal" => (0, 128, 128),
            "aqua" | "cyan" => (0, 255, 255),
            "fuchsia" | "magenta" => (255, 0, 255),
            "olive" => (128, 128, 0),
            _ => return None,
        };
        Some(Self::opaque(red, green, blue))
    }
}

/// Reads one channel: a number up to `full`, or a percentage.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to 0..=255 before"
)]
fn channel(text: &str, full: f32) -> Option<u8> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f32>().ok()? / 100.0,
        None => text.parse::<f32>().ok()? / full,
    };
    Some((share * 255.0).round().clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(u8, u8, u8, u8)>) {
        let found = Colour::parse(text).map(|c| (c.red, c.green, c.blue, c.alpha));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn colours_are_parsed() {
        check("#fff", Some((255, 255, 255, 255)));
        check("#0a1b2c", Some((10, 27, 44, 255)));
        check("ffffff", Some((255, 255, 255, 255)));
        check("#ffffff00", Some((255, 255, 255, 0)));
        check("rgb(255, 0, 10)", Some((255, 0, 10, 255)));
        check("rgba(0,0,0,.5)", Some((0, 0, 0, 128)));
        check("rgb(100% 0% 0% / 0)", Some((255, 0, 0, 0)));
        check("white", Some((255, 255, 255, 255)));
        check("transparent", Some((255, 255, 255, 0)));
        for unknown in ["", "#ggg", "#é", "rgb(1,2)", "rgb(", "inherit", "#12345"] {
            check(unknown, None);
        }
    }

    #[test]
    fn near_colours_resemble() {
        let parse = |text| Colour::parse(text).unwrap();
        assert!(parse("#fefefe").resembles(Colour::WHITE));
        assert!(!parse("#eeeeee").resembles(Colour::WHITE));
        assert!(parse("transparent").is_transparent());
    }
}
