//! CSS declarations that decide whether text can be seen.
use std::borrow::Cow;

use super::colour::Colour;

/// Lengths down to this one (in px) put a box off the screen.
const OFF_SCREEN_PX: f32 = -500.0;

/// Text and boxes up to this size (in px) show nothing.
pub(super) const UNREADABLE_PX: f32 = 1.0;

/// Opacity up to this share shows nothing.
const INVISIBLE_OPACITY: f32 = 0.03;

/// What one element declares; `None` where it says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Style {
    pub(super) display_none: Option<bool>,
    pub(super) invisible: Option<bool>,
    pub(super) font: Option<FontSize>,
    pub(super) colour: Option<Colour>,
    pub(super) background: Option<Background>,
    pub(super) is_quote: bool,
    transparent: Option<bool>,
    tiny_box: Option<bool>,
    clips: Option<bool>,
    off_screen: Option<bool>,
    clipped_away: Option<bool>,
}

/// A font size, absolute or in relation to the parent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FontSize {
    Px(f32),
    Share(f32),
}

/// What lies behind text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Background {
    Colour(Colour),
    /// An image or a gradient: nothing can be said.
    Unknown,
}

/// Declarations by weight: `!important` ones win over all others.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Declarations {
    pub(super) normal: Style,
    pub(super) important: Style,
}

impl Declarations {
    /// Returns these declarations laid over `base`.
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            normal: self.normal.over(base.normal),
            important: self.important.over(base.important),
        }
    }
    /// Parses `name: value; ...`.
    pub(super) fn parse(text: &str) -> Self {
        let text = simplified(text);
        let mut declarations = Self::default();
        for declaration in text.split(';') {
            let Some((name, value)) = declaration.split_once(':') else { continue };
            let (value, style) = match value.split_once('!') {
                Some((value, _important)) => (value, &mut declarations.important),
                None => (value, &mut declarations.normal),
            };
            style.declare(name.trim(), value.trim());
        }
        declarations
    }
}

impl Style {
    /// Makes the style of the attributes by which old HTML gives colours.
    pub(super) fn of_attributes(colour: Option<Colour>, background: Option<Background>) -> Self {
        Self { colour, background, ..Self::default() }
    }

    /// Returns this style laid over `base`.
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            display_none: self.display_none.or(base.display_none),
            invisible: self.invisible.or(base.invisible),
            font: self.font.or(base.font),
            colour: self.colour.or(base.colour),
            background: self.background.or(base.background),
            is_quote: self.is_quote || base.is_quote,
            transparent: self.transparent.or(base.transparent),
            tiny_box: self.tiny_box.or(base.tiny_box),
            clips: self.clips.or(base.clips),
            off_screen: self.off_screen.or(base.off_screen),
            clipped_away: self.clipped_away.or(base.clipped_away),
        }
    }

    /// Tells whether the element and all inside it are hidden, whatever they declare.
    pub(super) fn hides_content(&self) -> bool {
        let squeezed = self.tiny_box == Some(true) && self.clips == Some(true);
        [self.display_none, self.transparent, self.off_screen, self.clipped_away]
            .contains(&Some(true))
            || squeezed
    }

    fn declare(&mut self, name: &str, value: &str) {
        match name {
            "display" => self.display_none = Some(value == "none"),
            "visibility" => self.invisible = Some(matches!(value, "hidden" | "collapse")),
            "opacity" => {
                self.transparent = number(value).map(|share| share <= INVISIBLE_OPACITY);
            }
            "font-size" => self.font = font_size(value).or(self.font),
            "font" => self.font = value.split([' ', '/']).find_map(font_size).or(self.font),
            "color" => self.colour = Colour::parse(value).or(self.colour),
            "background" | "background-color" | "background-image" => self.paint(value),
            "overflow" | "overflow-y" | "overflow-x" => {
                self.clips = Some(matches!(value, "hidden" | "clip"));
            }
            "height" | "max-height" | "width" => {
                let tiny = length(value).is_some_and(|px| px <= UNREADABLE_PX);
                self.tiny_box = Some(tiny || self.tiny_box == Some(true));
            }
            "left" | "top" | "right" | "bottom" | "text-indent" | "margin-left" | "margin-top" => {
                let off = length(value).is_some_and(|px| px <= OFF_SCREEN_PX);
                self.off_screen = Some(off || self.off_screen == Some(true));
            }
            "clip" => self.clipped_away = Some(is_empty_rectangle(value)),
            "clip-path" => {
                self.clipped_away = Some(
                    ["inset(50%", "inset(100%", "circle(0"]
                        .iter()
                        .any(|empty| value.starts_with(empty)),
                );
            }
            "transform" => self.clipped_away = Some(value.contains("scale(0)")),
            "border-left" => self.is_quote = !matches!(value, "none" | "0"),
            _ => {}
        }
    }

    fn paint(&mut self, value: &str) {
        if value.contains("url(") || value.contains("gradient") {
            self.background = Some(Background::Unknown);
            return;
        }
        let colour = Colour::parse(value).or_else(|| value.split(' ').find_map(Colour::parse));
        if let Some(colour) = colour.filter(|colour| !colour.is_transparent()) {
            self.background = Some(Background::Colour(colour));
        }
    }
}

/// Folds case and takes out comments and escapes, by which names could be disguised.
fn simplified(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| !byte.is_ascii_uppercase() && byte != b'\\' && byte != b'*';
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '/']) {
        out.push_str(&rest[..at]);
        let found = &rest[at..];
        rest = if let Some(comment) = found.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after)
        } else if let Some(escaped) = found.strip_prefix('\\') {
            push_escape(escaped, &mut out)
        } else {
            out.push('/');
            &found[1..]
        };
    }
    out.push_str(rest);
    out.make_ascii_lowercase();
    Cow::Owned(out)
}

/// CSS escapes: up to six hexadecimal digits and one space, or the letter itself.
fn push_escape<'a>(escaped: &'a str, out: &mut String) -> &'a str {
    let digits = escaped.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
    if digits == 0 {
        return escaped;
    }
    let code = u32::from_str_radix(&escaped[..digits], 16).ok().and_then(char::from_u32);
    out.extend(code);
    let rest = &escaped[digits..];
    rest.strip_prefix(' ').unwrap_or(rest)
}

fn number(text: &str) -> Option<f32> {
    match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f32>().ok().map(|percent| percent / 100.0),
        None => text.parse().ok(),
    }
}

/// Reads a length in px; other absolute units are close enough, relative ones are unknown.
fn length(text: &str) -> Option<f32> {
    let end = text.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(text.len());
    let value: f32 = text[..end].trim().parse().ok()?;
    match text[end..].trim() {
        "" | "px" => Some(value),
        "pt" => Some(value * 4.0 / 3.0),
        "em" | "rem" | "ex" | "ch" => Some(value * 16.0),
        "vw" | "vh" | "%" | "cm" | "mm" | "in" | "pc" => Some(value * 8.0),
        _ => None,
    }
}

fn font_size(text: &str) -> Option<FontSize> {
    let end = text.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(text.len());
    let value: f32 = text[..end].trim().parse().ok()?;
    match text[end..].trim() {
        "em" | "ex" | "ch" => Some(FontSize::Share(value)),
        "%" => Some(FontSize::Share(value / 100.0)),
        "" if value != 0.0 => None,
        _ => length(text).map(FontSize::Px),
    }
}

/// `rect(0 0 0 0)` or with 1px: nothing of the box is left.
fn is_empty_rectangle(value: &str) -> bool {
    value.strip_prefix("rect(").and_then(|inner| inner.strip_suffix(')')).is_some_and(|inner| {
        inner
            .split([',', ' '])
            .filter(|side| !side.is_empty())
            .all(|side| length(side).is_some_and(|px| px <= UNREADABLE_PX))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(css: &str, hidden: bool) {
        assert_eq!(Declarations::parse(css).normal.hides_content(), hidden, "{css}");
    }

    #[test]
    fn c7_hiding_declarations_are_recognised() {
        for css in [
            "display:none",
            "DISPLAY : None ",
            "dis/* x */play:none",
            "d\\69splay:none",
            "dis\\play:none",
            "color:red;display:none",
            "opacity:0",
            "opacity: 1%",
            "position:absolute;left:-9999px",
            "text-indent:-999em",
            "max-height:0;overflow:hidden",
            "height:1px;width:1px;overflow:hidden",
            "clip:rect(0, 0, 0, 0)",
            "clip:rect(1px 1px 1px 1px)",
            "clip-path:inset(50%)",
            "transform:scale(0)",
        ] {
            check(css, true);
        }
    }

    #[test]
    fn ordinary_declarations_hide_nothing() {
        for css in [
            "",
            "display:block",
            "opacity:.8",
            "margin-left:-10px",
            "max-height:0",
            "overflow:hidden;width:600px",
            "height:auto;overflow:hidden",
            "clip:rect(0,100px,100px,0)",
            "transform:scale(0.9)",
            "garbage;;:;a:b:c",
        ] {
            check(css, false);
        }
    }

    #[test]
    fn important_declarations_are_apart() {
        let declarations = Declarations::parse("display:none !important; color: white");
        assert!(declarations.important.hides_content());
        assert!(!declarations.normal.hides_content());
        assert_eq!(declarations.normal.colour, Some(Colour::WHITE));
    }

    #[test]
    fn font_sizes_are_absolute_or_relative() {
        let font = |css| Declarations::parse(css).normal.font;
        assert_eq!(font("font-size:0"), Some(FontSize::Px(0.0)));
        assert_eq!(font("font-size:1px"), Some(FontSize::Px(1.0)));
        assert_eq!(font("font-size:50%"), Some(FontSize::Share(0.5)));
        assert_eq!(font("font:bold 12px/14px Arial"), Some(FontSize::Px(12.0)));
        assert_eq!(font("font-size:small"), None);
    }

    #[test]
    fn backgrounds_are_colours_or_unknown() {
        let background = |css| Declarations::parse(css).normal.background;
        assert_eq!(background("background:#FFF"), Some(Background::Colour(Colour::WHITE)));
        assert_eq!(background("background: white none"), Some(Background::Colour(Colour::WHITE)));
        assert_eq!(background("background:url(x.png) #fff"), Some(Background::Unknown));
        assert_eq!(background("background:transparent"), None);
    }
}
