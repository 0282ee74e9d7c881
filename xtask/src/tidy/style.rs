//! Sizes, names and comments of the Rust code.
use super::Findings;
use crate::source::File;

/// No file is longer.
const MAX_LINES: usize = 600;
/// More inline comments than this share of lines explain code that should explain itself.
const MAX_COMMENT_PERCENT: usize = 4;
/// Words that say nothing about what a type is.
const EMPTY_WORDS: [&str; 8] =
    ["Service", "Manager", "Helper", "Handler", "Processor", "Util", "Enhanced", "Dto"];
/// Modules are named after what they are about.
const EMPTY_MODULES: [&str; 9] =
    ["traits", "models", "utils", "util", "common", "helpers", "types", "misc", "errors"];

/// Checks all Rust files.
pub(super) fn check(files: &[File]) -> Findings {
    let mut findings = Findings::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        findings.extend(check_file(file));
    }
    if files.iter().any(|file| file.path.starts_with(".sqlx/")) {
        findings.push(".sqlx: the cache is per crate, two stores would collide in one".into());
    }
    findings.extend(comments(files));
    findings
}

fn check_file(file: &File) -> Findings {
    let mut findings = Findings::new();
    let mut find = |what: String| findings.push(format!("{}: {what}", file.path));
    let lines = file.text.lines().count();
    if lines > MAX_LINES {
        find(format!("{lines} lines, at most {MAX_LINES}: part it by noun"));
    }
    let name = file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    if name == "mod" {
        find("use `foo.rs` beside `foo/`".into());
    }
    if EMPTY_MODULES.contains(&name) {
        find(format!("the module name `{name}` says nothing"));
    }
    let says_what = |begin: &str| file.text.trim_start().starts_with(begin);
    if !says_what("//!") && !says_what("#![doc = include_str!(") {
        find("says not what it is for: begin with `//!`".into());
    }
    for (number, line) in file.text.lines().enumerate() {
        if let Some(word) = declared(line).and_then(empty_word) {
            find(format!("line {}: a type name with `{word}` says nothing", number + 1));
        }
        let code = line.trim_start();
        let is_attribute = code.starts_with("#[") || code.starts_with("#![");
        if is_attribute && (code.contains("[allow(") || code.contains("[ignore")) {
            find(format!("line {}: use `#[expect(.., reason = \"..\")]`", number + 1));
        }
    }
    findings
}

/// Returns the name of the type a line declares.
fn declared(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    let keyword = words.next()?;
    let name = words.next()?;
    let ends = |letter: char| !letter.is_alphanumeric() && letter != '_';
    ["struct", "enum", "trait", "type"]
        .contains(&keyword)
        .then(|| name.split(ends).next().unwrap_or(name))
}

fn empty_word(name: &str) -> Option<&'static str> {
    EMPTY_WORDS.into_iter().find(|word| name.contains(word))
}

/// Counts inline comments over all library code; tests may explain themselves.
fn comments(files: &[File]) -> Findings {
    let counts = Counts::of(files);
    if counts.comments * 100 <= counts.lines * MAX_COMMENT_PERCENT {
        return Findings::new();
    }
    vec![format!("{} of {} lines are inline comments", counts.comments, counts.lines)]
}

/// Returns the figures of the code, for people.
pub(super) fn figures(files: &[File]) -> String {
    let counts = Counts::of(files);
    let mut sizes: Vec<usize> =
        files.iter().filter(|file| file.is_rust()).map(|file| file.text.lines().count()).collect();
    sizes.sort_unstable();
    let at = |percent: usize| sizes.get(sizes.len() * percent / 100).copied().unwrap_or_default();
    let share = |part: usize| part * 100 / counts.lines.max(1);
    format!(
        "tidy: {} Rust files, lines median {} p90 {} most {}; docs {} %, inline comments {} %",
        sizes.len(),
        at(50),
        at(90),
        sizes.last().copied().unwrap_or_default(),
        share(counts.docs),
        share(counts.comments),
    )
}

struct Counts {
    lines: usize,
    docs: usize,
    comments: usize,
}

impl Counts {
    fn of(files: &[File]) -> Self {
        let mut counts = Self { lines: 0, docs: 0, comments: 0 };
        let library = files.iter().filter(|file| file.is_rust() && file.path.contains("/src/"));
        for line in library.flat_map(|file| file.text.lines()).map(str::trim_start) {
            counts.lines += usize::from(!line.is_empty());
            let is_doc = line.starts_with("///") || line.starts_with("//!");
            counts.docs += usize::from(is_doc);
            counts.comments += usize::from(!is_doc && line.starts_with("//"));
        }
        counts
    }
}
