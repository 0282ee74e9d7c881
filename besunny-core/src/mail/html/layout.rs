//! Writes visible text in lines: blocks, lists, tables, quotes.
use crate::mail::{
    flag::{Flag, Flags},
    invisible,
};

/// Limits the nesting of lists, quotes and tables that shows in the text.
const NESTING: usize = 16;

/// Text so far, and what must come before the next word.
#[derive(Debug, Default)]
pub(super) struct Layout {
    out: String,
    limit: usize,
    pub(super) flags: Flags,
    /// Line ends before the next word; two leave a blank line.
    breaks: usize,
    space: bool,
    /// Whether the next word starts another cell of the same line.
    cell: bool,
    marker: Option<String>,
    quotes: usize,
    quotes_of_line: usize,
    indent: usize,
    lists: Vec<List>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Copy)]
struct List {
    next_number: Option<u32>,
}

/// What was written of a table row; cells are joined while it is one line.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    has_text: bool,
    has_lines: bool,
}

impl Layout {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(super) fn finish(mut self) -> (String, Flags) {
        self.out.truncate(self.out.trim_end().len());
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        (self.out, self.flags)
    }

    /// Returns where the next visible text would start, for [`Layout::written_since`].
    pub(super) fn position(&self) -> usize {
        self.out.len()
    }

    pub(super) fn written_since(&self, position: usize) -> &str {
        self.out.get(position..).unwrap_or_default().trim()
    }

    /// Writes text whose white space does not count.
    pub(super) fn text(&mut self, text: &str) {
        let clean = invisible::clean(text);
        self.flags.extend(clean.flags);
        let text = &*clean.text;
        self.space |= text.starts_with(char::is_whitespace);
        let mut words = text.split_whitespace();
        if let Some(first) = words.next() {
            self.word(first);
            for word in words {
                self.space = true;
                self.word(word);
            }
            self.space = text.ends_with(char::is_whitespace);
        }
    }

    /// Writes text whose line ends and spaces count.
    pub(super) fn preformatted(&mut self, text: &str) {
        let clean = invisible::clean(text);
        self.flags.extend(clean.flags);
        for (index, line) in clean.text.split('\n').enumerate() {
            if index > 0 {
                self.line_break();
            }
            if line.trim().is_empty() {
                self.space |= !line.is_empty();
            } else {
                self.word(line.trim_end());
                self.space = line.ends_with(char::is_whitespace);
            }
        }
    }

    /// Writes `text` right behind the last word, whatever is due before the next one.
    pub(super) fn attach(&mut self, text: &str) {
        if self.out.len() + text.len() > self.limit {
            self.cut();
        } else {
            self.out.push_str(text);
        }
    }

    /// Ends the text: a later, shorter word must not come out either.
    fn cut(&mut self) {
        self.flags.insert(Flag::TextCut);
        self.limit = 0;
    }

    fn word(&mut self, word: &str) {
        if self.out.len() + word.len() > self.limit {
            return self.cut();
        }
        if self.cell {
            self.out.push_str(" | ");
        } else if self.breaks > 0 || self.out.is_empty() {
            self.start_line();
        } else if self.space {
            self.out.push(' ');
        }
        (self.breaks, self.space, self.cell) = (0, false, false);
        if let Some(row) = self.rows.last_mut() {
            row.has_text = true;
        }
        self.out.push_str(word);
        if self.out.len() > self.limit {
            self.out.truncate(self.out.floor_char_boundary(self.limit));
            self.cut();
        }
    }

    fn start_line(&mut self) {
        let depth = self.quotes.min(self.quotes_of_line);
        for line in 0..self.breaks {
            if self.out.is_empty() {
                break;
            }
            if line > 0 && depth > 0 {
                self.out.push_str(&">".repeat(depth));
            }
            self.out.push('\n');
        }
        if let Some(row) = self.rows.last_mut() {
            row.has_lines |= row.has_text;
        }
        self.quotes_of_line = self.quotes;
        if self.quotes > 0 {
            self.out.push_str(&">".repeat(self.quotes));
            self.out.push(' ');
        }
        let marker = self.marker.take().unwrap_or_default();
        let indent = (self.indent * 2).saturating_sub(marker.len());
        self.out.push_str(&" ".repeat(indent));
        self.out.push_str(&marker);
    }

    /// Ends the line; a second time it leaves a blank one.
    pub(super) fn line_break(&mut self) {
        self.breaks = (self.breaks + 1).min(2);
        self.space = false;
    }

    /// Starts or ends a block: the next word begins a line.
    pub(super) fn block(&mut self) {
        self.breaks = self.breaks.max(1);
        self.space = false;
    }

    /// Starts or ends a paragraph: the next word comes after a blank line.
    pub(super) fn paragraph(&mut self) {
        self.breaks = 2;
        self.space = false;
    }

    pub(super) fn open_list(&mut self, first_number: Option<u32>) {
        self.block();
        if self.lists.len() < NESTING {
            self.lists.push(List { next_number: first_number });
            self.indent += 1;
        }
    }

    pub(super) fn close_list(&mut self) {
        self.block();
        if self.lists.pop().is_some() {
            self.indent -= 1;
        }
    }

    pub(super) fn list_item(&mut self) {
        self.block();
        let marker = match self.lists.last_mut().and_then(|list| list.next_number.as_mut()) {
            Some(number) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            None => "- ".to_owned(),
        };
        self.marker = Some(marker);
    }

    pub(super) fn open_quote(&mut self) {
        self.paragraph();
        self.quotes = (self.quotes + 1).min(NESTING);
    }

    pub(super) fn close_quote(&mut self) {
        self.paragraph();
        self.quotes = self.quotes.saturating_sub(1);
    }

    pub(super) fn open_table(&mut self) {
        self.cell = false;
        self.block();
        if self.rows.len() < NESTING {
            self.rows.push(Row::default());
        }
    }

    pub(super) fn close_table(&mut self) {
        self.cell = false;
        self.block();
        let inner = self.rows.pop().unwrap_or_default();
        if let Some(outer) = self.rows.last_mut() {
            outer.has_text |= inner.has_text;
            outer.has_lines |= inner.has_text;
        }
    }

    pub(super) fn row(&mut self) {
        self.cell = false;
        self.block();
        if let Some(row) = self.rows.last_mut() {
            *row = Row::default();
        }
    }

    pub(super) fn cell(&mut self) {
        match self.rows.last() {
            Some(row) if row.has_text && !row.has_lines => self.cell = true,
            _ => self.block(),
        }
    }
}
