//! What each element does to the text: the sink of the tokenizer.
use std::cell::{Cell, RefCell};

use html5ever::{
    LocalName,
    tendril::StrTendril,
    tokenizer::{StartTag, Tag, Token, TokenSink, TokenSinkResult},
};

use super::{
    Visible,
    colour::Colour,
    layout::Layout,
    look::Look,
    sheet::{self, Sheet},
    style::{Background, Style},
};
use crate::mail::{
    flag::Flag,
    link::{LINK_BYTES, Links, is_web},
};

/// Open elements that are remembered; deeper ones are only counted.
const OPEN_ELEMENTS: usize = 512;

/// Open elements that an end tag may close at once.
const END_TAG_REACH: usize = 128;

/// Longer texts in place of an image are no labels.
const ALT_BYTES: usize = 120;

/// Elements whose content is no markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RawText {
    Script,
    Style,
    Title,
}

impl RawText {
    fn of(element: &str) -> Option<Self> {
        match element {
            "script" => Some(Self::Script),
            "style" => Some(Self::Style),
            "title" => Some(Self::Title),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Style => "style",
            Self::Title => "title",
        }
    }
}

/// Receives tokens and writes what a reader would see.
#[derive(Debug, Default)]
pub(super) struct Page {
    tokens: Cell<usize>,
    raw_text: Cell<Option<RawText>>,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    layout: Layout,
    links: Links,
    sheet: Sheet,
    page_is_white: bool,
    /// Text since the last tag.
    run: String,
    open: Vec<Open>,
    /// Open elements beyond those in `open`, and at which of them hiding began.
    deeper: usize,
    hidden_at: Option<usize>,
    anchor: Option<Anchor>,
}

#[derive(Debug)]
struct Open {
    name: LocalName,
    look: Look,
    quotes: bool,
}

#[derive(Debug)]
struct Anchor {
    target: String,
    position: usize,
}

impl Page {
    pub(super) fn new(text_bytes: usize, links: Links) -> Self {
        let layout = Layout::new(text_bytes);
        let state = State { layout, links, page_is_white: true, ..State::default() };
        Self { state: RefCell::new(state), ..Self::default() }
    }

    /// Counts the tokens so far, so that the feeder sees when one is finished.
    pub(super) fn tokens(&self) -> usize {
        self.tokens.get()
    }

    /// Returns the element that just opened, if its content is no markup.
    pub(super) fn take_raw_text(&self) -> Option<RawText> {
        self.raw_text.take()
    }

    pub(super) fn flag(&self, flag: Flag) {
        self.state.borrow_mut().layout.flags.insert(flag);
    }

    pub(super) fn add_style_sheet(&self, source: &str) {
        if sheet::has_rules(source) {
            let mut state = self.state.borrow_mut();
            state.sheet.add(source);
            state.page_is_white = state.sheet.leaves_page_white();
        }
    }

    pub(super) fn finish(self) -> (Visible, Links) {
        let mut state = self.state.into_inner();
        state.end_run();
        state.end_anchor();
        let (text, flags) = state.layout.finish();
        (Visible { text, flags }, state.links)
    }
}

impl TokenSink for Page {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::CharacterTokens(text) => self.state.borrow_mut().run.push_str(&text),
            Token::TagToken(tag) => {
                if tag.kind == StartTag {
                    self.raw_text.set(RawText::of(&tag.name));
                }
                self.state.borrow_mut().tag(&tag);
            }
            Token::ParseError(_) => return TokenSinkResult::Continue,
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken => {}
        }
        self.tokens.set(self.tokens.get() + 1);
        TokenSinkResult::Continue
    }
}

impl State {
    fn look(&self) -> Look {
        self.open.last().map_or_else(Look::default, |open| open.look)
    }

    fn is_hidden(&self) -> bool {
        self.hidden_at.is_some() || self.look().is_hidden(self.page_is_white)
    }

    fn tag(&mut self, tag: &Tag) {
        self.end_run();
        if tag.kind == StartTag {
            self.start_tag(tag);
        } else {
            self.end_tag(&tag.name);
        }
    }

    /// Writes the text since the last tag, or leaves it out when nobody sees it.
    fn end_run(&mut self) {
        if self.run.is_empty() {
            return;
        }
        let run = std::mem::take(&mut self.run);
        if !self.is_hidden() {
            if self.look().preformatted {
                self.layout.preformatted(&run);
            } else {
                self.layout.text(&run);
            }
        } else if run
            .chars()
            .any(|c| !c.is_whitespace() && !crate::mail::invisible::is_invisible(c))
        {
            self.layout.flags.insert(Flag::HiddenTextRemoved);
        }
        self.run = run;
        self.run.clear();
    }

    fn start_tag(&mut self, tag: &Tag) {
        self.close_implied(&tag.name);
        let style = self.style_of(tag);
        let mut look = self.look();
        if &*tag.name == "a" && attribute(tag, "href").is_some() {
            look = look.as_link();
        }
        look = look.inside(&style);
        if is_never_shown(tag) {
            look = look.hidden();
        }
        look.preformatted |= matches!(&*tag.name, "pre" | "listing" | "xmp" | "textarea");
        let quotes = &*tag.name == "blockquote" && is_quotation(tag, &style);
        let hidden = self.hidden_at.is_some() || look.is_hidden_for_good();
        if !hidden {
            self.begin(tag, quotes, look.is_hidden(self.page_is_white));
        }
        if !is_void(&tag.name) && RawText::of(&tag.name).is_none() {
            self.push(Open { name: tag.name.clone(), look, quotes: quotes && !hidden });
        }
    }

    fn style_of(&self, tag: &Tag) -> Style {
        let text = |name| attribute(tag, name).map(|value| &**value).unwrap_or_default();
        let own = self.sheet.style_of(&tag.name, text("class"), text("id"), text("style"));
        let colour = match &*tag.name {
            "font" => text("color"),
            "body" => text("text"),
            _ => "",
        };
        let background = if text("background").is_empty() {
            Colour::parse(&text("bgcolor").to_ascii_lowercase()).map(Background::Colour)
        } else {
            Some(Background::Unknown)
        };
        let colour = Colour::parse(&colour.to_ascii_lowercase());
        own.over(Style::of_attributes(colour, background))
    }

    fn push(&mut self, open: Open) {
        if self.open.len() < OPEN_ELEMENTS {
            self.open.push(open);
            return;
        }
        self.deeper += 1;
        if open.look.is_hidden(self.page_is_white) && self.hidden_at.is_none() {
            self.hidden_at = Some(self.deeper);
        }
    }

    /// Ends what HTML lets an author leave open: `<li>` ends the `<li>` before it.
    fn close_implied(&mut self, name: &str) {
        let (closed, barrier): (&[&str], &[&str]) = match name {
            "li" => (&["li"], &["ul", "ol", "menu", "table"]),
            "td" | "th" => (&["td", "th"], &["table"]),
            "tr" => (&["tr"], &["table"]),
            "tbody" | "thead" | "tfoot" => (&["tbody", "thead", "tfoot"], &["table"]),
            "dt" | "dd" => (&["dt", "dd"], &["dl", "table"]),
            "option" => (&["option"], &["select", "table"]),
            _ if closes_paragraph(name) => (&["p"], &["table", "td", "th", "div", "li"]),
            _ => return,
        };
        if self.deeper == 0
            && let Some(at) = self.find_open(|name| closed.contains(&name), barrier)
        {
            self.close_from(at);
        }
    }

    fn find_open(&self, wanted: impl Fn(&str) -> bool, barrier: &[&str]) -> Option<usize> {
        let reach = self.open.len().saturating_sub(END_TAG_REACH);
        for at in (reach..self.open.len()).rev() {
            let name = &*self.open[at].name;
            if wanted(name) {
                return Some(at);
            }
            if barrier.contains(&name) {
                return None;
            }
        }
        None
    }

    fn end_tag(&mut self, name: &str) {
        if self.deeper > 0 {
            self.deeper -= 1;
            if self.hidden_at.is_some_and(|at| at > self.deeper) {
                self.hidden_at = None;
            }
            return;
        }
        let barrier: &[&str] = match name {
            "table" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th" | "body" | "html" => &[],
            _ => &["table", "td", "th"],
        };
        match self.find_open(|open| open == name, barrier) {
            Some(at) => self.close_from(at),
            None if name == "p" && !self.is_hidden() => self.layout.paragraph(),
            None => {}
        }
    }

    fn close_from(&mut self, at: usize) {
        while self.open.len() > at {
            let Some(open) = self.open.pop() else { return };
            if !open.look.is_hidden_for_good() {
                self.end(&open);
            }
        }
    }

    /// Does what a start tag does to the text.
    fn begin(&mut self, tag: &Tag, quotes: bool, hidden: bool) {
        match &*tag.name {
            "br" => self.layout.line_break(),
            "hr" => self.rule(hidden),
            "blockquote" if quotes => self.layout.open_quote(),
            "ul" | "menu" | "dir" => self.layout.open_list(None),
            "ol" => {
                let start = attribute(tag, "start").and_then(|start| start.trim().parse().ok());
                self.layout.open_list(Some(start.unwrap_or(1)));
            }
            "li" => self.layout.list_item(),
            "table" => self.layout.open_table(),
            "tr" => self.layout.row(),
            "td" | "th" => self.layout.cell(),
            "a" => self.begin_anchor(tag, hidden),
            "img" if !hidden => self.image(tag),
            name if is_paragraph(name) => self.layout.paragraph(),
            name if is_block(name) => self.layout.block(),
            _ => {}
        }
    }

    fn end(&mut self, open: &Open) {
        match &*open.name {
            "blockquote" if open.quotes => self.layout.close_quote(),
            "ul" | "ol" | "menu" | "dir" => self.layout.close_list(),
            "table" => self.layout.close_table(),
            "a" => self.end_anchor(),
            "td" | "th" => {}
            name if is_paragraph(name) => self.layout.paragraph(),
            name if is_block(name) || matches!(name, "tr" | "li") => self.layout.block(),
            _ => {}
        }
    }

    fn rule(&mut self, hidden: bool) {
        self.layout.block();
        if !hidden {
            self.layout.text("---");
            self.layout.block();
        }
    }

    fn image(&mut self, tag: &Tag) {
        let alt = attribute(tag, "alt").map(|alt| alt.trim()).unwrap_or_default();
        let pixel = ["width", "height"].iter().any(|side| {
            attribute(tag, side).is_some_and(|size| matches!(size.trim(), "0" | "1" | "1px"))
        });
        if !alt.is_empty() && alt.len() <= ALT_BYTES && !pixel {
            self.layout.text(&format!("[{alt}]"));
        }
    }

    fn begin_anchor(&mut self, tag: &Tag, hidden: bool) {
        self.end_anchor();
        let target = attribute(tag, "href").map(|href| without_breaks(href)).unwrap_or_default();
        if is_web(&target) && !hidden {
            self.links.add(&target);
            self.anchor = Some(Anchor { target, position: self.layout.position() });
        }
    }

    /// Writes the target of a link behind its text, unless the text is the target.
    fn end_anchor(&mut self) {
        let Some(anchor) = self.anchor.take() else { return };
        let text = self.layout.written_since(anchor.position);
        if !text.is_empty() && !says(text, &anchor.target) && anchor.target.len() <= LINK_BYTES {
            self.layout.attach(&format!(" <{}>", anchor.target));
        }
    }
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a StrTendril> {
    tag.attrs.iter().find(|found| &*found.name.local == name).map(|found| &found.value)
}

/// Browsers take line ends and tabs out of a URL.
fn without_breaks(href: &str) -> String {
    href.trim().chars().filter(|c| !c.is_control()).collect()
}

/// Tells whether a link text already shows where the link leads.
fn says(text: &str, target: &str) -> bool {
    let bare = |url: &str| {
        let url = url.split_once("://").map_or(url, |(_, rest)| rest);
        url.trim_start_matches("www.").trim_end_matches('/').to_ascii_lowercase()
    };
    bare(text) == bare(target)
}

fn is_never_shown(tag: &Tag) -> bool {
    let has = |name| attribute(tag, name).is_some();
    match &*tag.name {
        "template" | "datalist" => true,
        "dialog" => !has("open"),
        _ => has("hidden"),
    }
}

fn is_quotation(tag: &Tag, style: &Style) -> bool {
    let class = attribute(tag, "class").map(|class| &**class).unwrap_or_default();
    attribute(tag, "type").is_some_and(|kind| kind.trim().eq_ignore_ascii_case("cite"))
        || class.contains("quote")
        || style.is_quote
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "basefont"
            | "br"
            | "col"
            | "embed"
            | "frame"
            | "hr"
            | "img"
            | "input"
            | "keygen"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

fn is_paragraph(name: &str) -> bool {
    matches!(
        name,
        "p" | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "pre"
            | "blockquote"
            | "listing"
            | "dl"
            | "figure"
            | "fieldset"
    )
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "body"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "div"
            | "dt"
            | "figcaption"
            | "footer"
            | "form"
            | "header"
            | "hgroup"
            | "html"
            | "legend"
            | "main"
            | "nav"
            | "option"
            | "optgroup"
            | "section"
            | "select"
            | "summary"
            | "tbody"
            | "tfoot"
            | "thead"
            | "textarea"
            | "xmp"
    )
}

fn closes_paragraph(name: &str) -> bool {
    is_paragraph(name) || matches!(name, "ul" | "ol" | "table" | "hr") || is_block(name)
}
