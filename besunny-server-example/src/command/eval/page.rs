//! The report: one HTML file that needs nothing else and can be sent to anybody.
use std::{cmp::Reverse, collections::BTreeMap};

use askama::Template;
use besunny::ai::eval::{Confusion, Delivered};

use super::{
    Measured, Refusal,
    figures::percent,
    plot,
    pool::{Pool, at_least},
};

/// The default promise for mail; the sentence at the top speaks of it.
const DEFAULT: &str = "0.95";
/// A person reads so many confusions.
const MOST: usize = 10;

#[derive(Template)]
#[template(path = "eval.html")]
struct Page {
    version: &'static str,
    style: &'static str,
    plots: &'static str,
    hidden: bool,
    sets: Vec<Set>,
    pooled: Vec<Kept>,
    pooled_plot: String,
}

/// One mailbox.
struct Set {
    name: String,
    anchor: String,
    mails: usize,
    projects: usize,
    accuracy: String,
    seen: String,
    false_routes: String,
    error: String,
    rate: String,
    learning: String,
    size: String,
    routed: String,
    right_of_routed: String,
    left: String,
    promises: Vec<Kept>,
    reliability: String,
    curve: String,
    course: String,
    heat: String,
    rows: Vec<Project>,
    wrong: Vec<Wrong>,
}

/// One promise and what was delivered.
struct Kept {
    promise: String,
    coverage: String,
    precision: String,
    at_least: String,
    taken: usize,
    verdict: &'static str,
}

/// How one project fares.
struct Project {
    name: String,
    mails: usize,
    found: String,
    right: String,
    taken_for: String,
}

/// What is counted of one project.
#[derive(Default)]
struct Counts {
    mails: usize,
    chosen: usize,
    right: usize,
    taken_for: Option<String>,
}

/// Mails of one project that were taken for another.
struct Wrong {
    count: usize,
    truth: String,
    choice: String,
}

pub(super) fn page(all: &[Measured], pool: &Pool, hidden: bool) -> Result<String, Refusal> {
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        style: include_str!("../../../assets/eval.css"),
        plots: include_str!("../../../assets/plot.css"),
        hidden,
        sets: all.iter().enumerate().map(|(index, measured)| Set::of(index, measured)).collect(),
        pooled: kept(&pool.promised),
        pooled_plot: plot::reliability(&pool.reliability),
    };
    page.render().map_err(|error| Refusal::finding("report", error.to_string()))
}

impl Set {
    fn of(index: usize, measured: &Measured) -> Self {
        let Measured { mailbox, report, times, model_bytes } = measured;
        let name = |of: &Confusion, truth: bool| {
            mailbox.title(if truth { of.truth } else { of.choice }).to_owned()
        };
        let at_default = report.promised.get(DEFAULT).copied().unwrap_or_default();
        let wrong = report.confusion.iter().filter(|of| !of.is_right()).take(MOST);
        Self {
            name: mailbox.name.clone(),
            anchor: format!("set-{index}"),
            mails: report.n,
            projects: report.projects,
            accuracy: percent(report.accuracy),
            seen: percent(report.accuracy_seen),
            false_routes: if report.outcomes.iter().any(|outcome| outcome.belongs_nowhere) {
                percent(report.false_route_rate)
            } else {
                "–".to_owned()
            },
            error: format!("{:.1} points", report.ece * 100.0),
            rate: format!("{:.0}", times.rate(report.n)),
            learning: format!("{:.2} ms", times.learning_ms(report.n)),
            size: format!("{:.1} MiB", *model_bytes as f64 / f64::from(1_u32 << 20)),
            routed: format!("{:.0}", at_default.coverage * 100.0),
            right_of_routed: percent(at_default.precision),
            left: format!("{:.0}", 100.0 - (at_default.coverage * 100.0).round()),
            promises: kept(&report.promised),
            reliability: plot::reliability(&report.reliability),
            curve: plot::curve(report),
            course: plot::course(&report.course),
            heat: plot::heat(&report.confusion, name),
            rows: projects(&report.confusion, name),
            wrong: wrong
                .map(|of| Wrong { count: of.count, truth: name(of, true), choice: name(of, false) })
                .collect(),
        }
    }
}

fn kept(promised: &BTreeMap<String, Delivered>) -> Vec<Kept> {
    let one = |(level, delivered): (&String, &Delivered)| {
        let promise: f64 = level.parse().unwrap_or(1.0);
        let verdict = match delivered {
            Delivered { taken: 0, .. } => "nothing routed yet",
            delivered if delivered.precision >= promise => "kept",
            delivered if delivered.precision >= promise - 0.01 => "kept within a point",
            _ => "missed",
        };
        Kept {
            promise: format!("{:.0} %", promise * 100.0),
            coverage: percent(delivered.coverage),
            precision: percent(delivered.precision),
            at_least: percent(at_least(delivered)),
            taken: delivered.taken,
            verdict,
        }
    };
    promised.iter().map(one).collect()
}

fn projects(confusion: &[Confusion], name: impl Fn(&Confusion, bool) -> String) -> Vec<Project> {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for of in confusion {
        let belong = counts.entry(name(of, true)).or_default();
        belong.mails += of.count;
        if of.is_right() {
            belong.right += of.count;
        } else if belong.taken_for.is_none() {
            // The most frequent comes first.
            belong.taken_for = Some(format!("{} ({})", name(of, false), of.count));
        }
        counts.entry(name(of, false)).or_default().chosen += of.count;
    }
    let share = |part: usize, whole: usize| {
        if whole == 0 { "–".to_owned() } else { percent(part as f64 / whole as f64) }
    };
    let one = |(name, counts): (String, Counts)| Project {
        name,
        mails: counts.mails,
        found: share(counts.right, counts.mails),
        right: share(counts.right, counts.chosen),
        taken_for: counts.taken_for.unwrap_or_else(|| "–".to_owned()),
    };
    let mut rows: Vec<Project> = counts.into_iter().map(one).collect();
    rows.sort_by_key(|row| Reverse(row.mails));
    rows
}
