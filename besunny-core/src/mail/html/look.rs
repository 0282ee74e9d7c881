//! How the text inside an element looks: inherited, and whether anybody sees it.
use super::{
    colour::Colour,
    style::{Background, FontSize, Style, UNREADABLE_PX},
};

/// Font size that browsers begin with, in px.
const DEFAULT_FONT_PX: f32 = 16.0;

/// The inherited look at one place of the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    hidden: bool,
    invisible: bool,
    font_px: f32,
    colour: Option<Colour>,
    behind: Behind,
    pub(super) preformatted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// Nothing was painted: white, unless a style sheet paints in ways we do not read.
    Page,
    Colour(Colour),
    Unknown,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            hidden: false,
            invisible: false,
            font_px: DEFAULT_FONT_PX,
            colour: None,
            behind: Behind::Page,
            preformatted: false,
        }
    }
}

impl Look {
    /// Returns the look inside an element that declares `style`.
    pub(super) fn inside(self, style: &Style) -> Self {
        let font_px = match style.font {
            Some(FontSize::Px(px)) => px,
            Some(FontSize::Share(share)) => self.font_px * share,
            None => self.font_px,
        };
        let behind = match style.background {
            Some(Background::Colour(colour)) => Behind::Colour(colour),
            Some(Background::Unknown) => Behind::Unknown,
            None => self.behind,
        };
        Self {
            hidden: self.hidden || style.hides_content(),
            invisible: style.invisible.unwrap_or(self.invisible),
            font_px,
            colour: style.colour.or(self.colour),
            behind,
            preformatted: self.preformatted,
        }
    }

    /// Returns the look with everything inside hidden.
    pub(super) fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    /// Links have a colour of their own unless one is declared for them.
    pub(super) fn as_link(self) -> Self {
        Self { colour: None, ..self }
    }

    /// Tells whether text with this look is seen by nobody.
    pub(super) fn is_hidden(self, page_is_white: bool) -> bool {
        self.hidden
            || self.invisible
            || self.font_px <= UNREADABLE_PX
            || self.is_faint(page_is_white)
    }

    /// Tells whether not even the inside can become visible again.
    pub(super) fn is_hidden_for_good(self) -> bool {
        self.hidden
    }

    fn is_faint(self, page_is_white: bool) -> bool {
        let Some(colour) = self.colour else { return false };
        if colour.is_transparent() {
            return true;
        }
        match self.behind {
            Behind::Colour(behind) => colour.resembles(behind),
            Behind::Page => page_is_white && colour.resembles(Colour::WHITE),
            Behind::Unknown => false,
        }
    }
}
