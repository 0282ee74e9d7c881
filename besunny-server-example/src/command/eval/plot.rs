//! Plots as SVG: no script, no outside file; colours come from `assets/plot.css`.
use std::fmt::Write;

use besunny::ai::eval::{Delivered, Point, Report, Step};

mod heat;

pub(super) use heat::heat;

/// Units of all plots; the page scales them.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 380.0;
/// Room for the numbers and names of the axes.
const LEFT: f64 = 72.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 50.0;
/// A line every tenth or fifth.
const TICKS: usize = 5;
/// Names of points that are nearer would lie on each other.
const CROWDED: f64 = 0.2;
/// A step of fewer mails says nothing, and has no point.
const LEAST: usize = 10;
/// The middle 95 % of what chance does.
const DEVIATIONS: f64 = 1.96;

/// Writes text so that it is text in XML.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // No other control character is allowed in XML.
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// One plot with two axes of shares.
struct Plot {
    body: String,
    /// The shares at the bottom and the top.
    range: (f64, f64),
}

impl Plot {
    fn new(range: (f64, f64), across: &str, up: &str) -> Self {
        let mut plot = Self { body: String::new(), range };
        for tick in 0..=TICKS {
            let part = tick as f64 / TICKS as f64;
            let (x, y) = (Plot::x(part), TOP + (1.0 - part) * (HEIGHT - TOP - BOTTOM));
            let up = (range.0 + part * (range.1 - range.0)) * 100.0;
            plot.push(&format!(
                "<path class='grid' d='M{LEFT} {y:.1}H{:.1}'/>\
                 <text class='tick' text-anchor='end' x='{:.1}' y='{:.1}'>{up:.0} %</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0
            ));
            if !across.is_empty() {
                plot.push(&format!(
                    "<text class='tick' text-anchor='middle' x='{x:.1}' y='{:.1}'>{:.0} %</text>",
                    HEIGHT - BOTTOM + 18.0,
                    part * 100.0
                ));
            }
        }
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        let bottom = HEIGHT - 10.0;
        plot.push(&format!(
            "<text class='axis' text-anchor='middle' x='{middle:.1}' y='{bottom:.1}'>{across}</text>"
        ));
        let half = f64::midpoint(TOP, HEIGHT - BOTTOM);
        plot.push(&format!(
            "<text class='axis' text-anchor='middle' transform='translate(16 {half:.1}) rotate(-90)'>{up}</text>"
        ));
        plot
    }

    fn push(&mut self, svg: &str) {
        self.body.push_str(svg);
        self.body.push('\n');
    }

    fn x(share: f64) -> f64 {
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, share: f64) -> f64 {
        let (low, high) = self.range;
        let part = ((share - low) / (high - low)).clamp(0.0, 1.0);
        TOP + (1.0 - part) * (HEIGHT - TOP - BOTTOM)
    }

    fn line(&mut self, class: &str, points: impl Iterator<Item = (f64, f64)>) {
        let mut path = String::new();
        for (x, y) in points {
            let first = if path.is_empty() { 'M' } else { 'L' };
            let written = write!(path, "{first}{:.1} {:.1}", Self::x(x), self.y(y));
            debug_assert!(written.is_ok(), "a string takes everything");
        }
        if !path.is_empty() {
            self.push(&format!("<path class='{class}' d='{path}'/>"));
        }
    }

    fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64, title: &str) {
        let (x, y) = (Self::x(x), self.y(y));
        self.push(&format!(
            "<circle class='{class}' cx='{x:.1}' cy='{y:.1}' r='{radius:.1}'><title>{title}</title></circle>"
        ));
    }

    fn finish(self, label: &str) -> String {
        svg(WIDTH, HEIGHT, label, &self.body)
    }
}

fn svg(width: f64, height: f64, label: &str, body: &str) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' class='plot' viewBox='0 0 {width:.0} {height:.0}' \
         role='img' aria-label='{}'>\n{body}</svg>",
        escape(label)
    )
}

/// Gives a plot its colours, so that it can stand alone.
pub(super) fn alone(plot: &str) -> String {
    let style = include_str!("../../../assets/plot.css");
    plot.replacen(">\n", &format!(">\n<style>{style}</style>\n"), 1) + "\n"
}

/// How sure the router was, and how often it was right.
pub(super) fn reliability(steps: &[Step]) -> String {
    let mut plot = Plot::new((0.0, 1.0), "said: how sure", "came true: how many were right");
    let most = steps.iter().map(|step| step.count).max().unwrap_or(0).max(1);
    let wide = 1.0 / steps.len().max(1) as f64;
    for (index, step) in steps.iter().enumerate() {
        let (left, right) = (Plot::x(index as f64 * wide), Plot::x((index + 1) as f64 * wide));
        let top = plot.y(0.3 * step.count as f64 / most as f64);
        plot.push(&format!(
            "<rect class='bar' x='{:.1}' y='{top:.1}' width='{:.1}' height='{:.1}'/>",
            left + 2.0,
            right - left - 4.0,
            plot.y(0.0) - top
        ));
    }
    plot.line("ideal", [(0.0, 0.0), (1.0, 1.0)].into_iter());
    let met = || steps.iter().filter(|step| step.count >= LEAST);
    for step in met() {
        let (low, high) = interval(step);
        plot.line("range", [(step.confidence, low), (step.confidence, high)].into_iter());
    }
    plot.line("model", met().map(|step| (step.confidence, step.right)));
    for step in met() {
        let title = format!(
            "{} mails: said {:.0} %, right {:.0} %",
            step.count,
            step.confidence * 100.0,
            step.right * 100.0
        );
        plot.dot("mark", (step.confidence, step.right), 5.0, &title);
    }
    plot.finish("Reliability: how sure the router was, and how often it was right")
}

/// Returns between which shares the true one lies (Wilson 1927).
fn interval(step: &Step) -> (f64, f64) {
    let n = step.count as f64;
    let z2 = DEVIATIONS * DEVIATIONS;
    let middle = (step.right + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let spread = step.right * (1.0 - step.right) / n + z2 / (4.0 * n * n);
    let half = DEVIATIONS * spread.sqrt() / (1.0 + z2 / n);
    (middle - half, middle + half)
}

/// What each share of routed mail would have cost in precision, and where the promises ended.
pub(super) fn curve(report: &Report) -> String {
    let least = report.curve.iter().skip(5).map(|Point { precision, .. }| *precision);
    let low = (least.fold(0.9, f64::min) * 10.0 - 0.5).floor() / 10.0;
    let mut plot = Plot::new((low.max(0.0), 1.0), "mail that is routed", "of it right");
    plot.line("model", report.curve.iter().map(|point| (point.coverage, point.precision)));
    let kept = || report.promised.iter().filter(|(_, delivered)| delivered.taken > 0);
    for level in report.promised.keys() {
        let promise: f64 = level.parse().unwrap_or(1.0);
        plot.line("ideal", [(0.0, promise), (1.0, promise)].into_iter());
    }
    for (level, delivered) in kept() {
        // Names of promises that cover about the same stand one below the other.
        let crowd = kept().filter(|(other, more)| {
            *other > level && (more.coverage - delivered.coverage).abs() < CROWDED
        });
        mark(&mut plot, level.parse().unwrap_or(1.0), crowd.count(), delivered);
    }
    plot.finish("How much mail is routed, and how much of it is right")
}

fn mark(plot: &mut Plot, promise: f64, crowd: usize, delivered: &Delivered) {
    let (coverage, precision) = (delivered.coverage, delivered.precision);
    let promise = promise * 100.0;
    let title = format!(
        "promised {promise:.0} %: routes {:.1} %, {:.1} % right",
        coverage * 100.0,
        precision * 100.0
    );
    plot.dot("promise", (coverage, precision), 7.0, &title);
    // Below the curve there is room; on its left unless that is the edge.
    let (anchor, by) = if coverage > 0.3 { ("end", -10.0) } else { ("start", 4.0) };
    plot.push(&format!(
        "<text class='name' text-anchor='{anchor}' x='{:.1}' y='{:.1}'>{promise:.0} % promised</text>",
        Plot::x(coverage) + by,
        plot.y(precision) + 18.0 + 16.0 * crowd as f64
    ));
}

/// What was said and what came true, in the course of time.
pub(super) fn course(steps: &[Step]) -> String {
    let shares = steps.iter().flat_map(|step| [step.confidence, step.right]);
    let low = (shares.fold(0.9, f64::min) * 10.0 - 0.5).floor() / 10.0;
    let mut plot = Plot::new((low.max(0.0), 1.0), "", "share");
    let all: usize = steps.iter().map(|step| step.count).sum();
    let mut before = 0;
    let mut at = Vec::new();
    for step in steps {
        at.push((before as f64 + step.count as f64 / 2.0) / all.max(1) as f64);
        before += step.count;
    }
    let right = at.iter().zip(steps).map(|(x, step)| (*x, step.right));
    plot.line("truth", right);
    let said = at.iter().zip(steps).map(|(x, step)| (*x, step.confidence));
    plot.line("model", said);
    for (x, step) in at.iter().zip(steps) {
        let title =
            format!("said {:.0} %, right {:.0} %", step.confidence * 100.0, step.right * 100.0);
        plot.dot("mark small", (*x, step.confidence), 3.0, &title);
    }
    let bottom = HEIGHT - BOTTOM + 18.0;
    plot.push(&format!("<text class='tick' x='{LEFT}' y='{bottom}'>first mail</text>"));
    let end = WIDTH - RIGHT;
    plot.push(&format!(
        "<text class='tick' text-anchor='end' x='{end}' y='{bottom}'>last of {all}</text>"
    ));
    let middle = f64::midpoint(LEFT, end);
    plot.push(&format!(
        "<text class='name' text-anchor='middle' x='{middle}' y='{}'><tspan class='of-model'>said</tspan> and <tspan class='of-truth'>right</tspan></text>",
        HEIGHT - 10.0
    ));
    plot.finish("What the router said and what came true, in the course of time")
}
