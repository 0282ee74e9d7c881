//! A heat map: where mail belongs, and where it was put.
use std::collections::BTreeMap;

use besunny::ai::eval::Confusion;

use super::{escape, svg};

/// More rows than these cannot be read; the rest is one row.
const MOST: usize = 14;
const CELL: f64 = 42.0;
const NAMES: f64 = 170.0;
/// A longer name is cut.
const LETTERS: usize = 20;
/// Fewer are not worth a number in the cell.
const LEAST_PERCENT: f64 = 1.0;
/// On a darker cell the number is light.
const DARK: f64 = 0.55;

/// Draws the most frequent classes; each row shows where its mails went, in percent.
pub(in crate::command::eval) fn heat(
    confusion: &[Confusion],
    name: impl Fn(&Confusion, bool) -> String,
) -> String {
    let table = Table::new(confusion, name);
    let count = table.names.len();
    let side = CELL * count as f64;
    let mut body = Vec::new();
    for (index, name) in table.names.iter().enumerate() {
        let middle = (index as f64 + 0.5) * CELL;
        let (short, whole) = (escape(&shortened(name)), escape(name));
        body.push(format!(
            "<text class='name' text-anchor='end' x='{:.1}' y='{:.1}'><title>{whole}</title>{short}</text>\n",
            NAMES - 10.0,
            NAMES + middle + 4.0
        ));
        body.push(format!(
            "<text class='name' transform='translate({:.1} {:.1}) rotate(-50)'><title>{whole}</title>{short}</text>\n",
            NAMES + middle,
            NAMES - 10.0
        ));
    }
    for row in 0..count {
        body.push(table.row(row));
    }
    body.push(format!(
        "<rect class='frame' x='{NAMES}' y='{NAMES}' width='{side:.1}' height='{side:.1}'/>\n"
    ));
    // The last slanted name needs room on the right.
    svg(
        NAMES + side + NAMES / 2.0,
        NAMES + side + 8.0,
        "Where mail belongs and where it was put",
        &body.concat(),
    )
}

struct Table {
    names: Vec<String>,
    cells: BTreeMap<(usize, usize), usize>,
}

impl Table {
    fn new(confusion: &[Confusion], name: impl Fn(&Confusion, bool) -> String) -> Self {
        let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
        for of in confusion {
            *sizes.entry(name(of, true)).or_default() += of.count;
            sizes.entry(name(of, false)).or_default();
        }
        let mut names: Vec<String> = sizes.keys().cloned().collect();
        names.sort_by_key(|name| std::cmp::Reverse(sizes[name]));
        let others = names.len() > MOST;
        names.truncate(MOST);
        let index = |of: &str, names: &[String]| {
            names.iter().position(|name| name == of).unwrap_or(names.len())
        };
        let mut cells = BTreeMap::new();
        for of in confusion {
            let cell = (index(&name(of, true), &names), index(&name(of, false), &names));
            *cells.entry(cell).or_default() += of.count;
        }
        if others {
            names.push("all others".to_owned());
        }
        Self { names, cells }
    }

    fn row(&self, row: usize) -> String {
        let count = |column: usize| self.cells.get(&(row, column)).copied().unwrap_or(0);
        let all: usize = (0..self.names.len()).map(count).sum();
        let mut body = Vec::new();
        for column in 0..self.names.len() {
            let share = count(column) as f64 / all.max(1) as f64;
            if count(column) == 0 {
                continue;
            }
            let (x, y) = (NAMES + column as f64 * CELL, NAMES + row as f64 * CELL);
            let class = if row == column { "hit" } else { "miss" };
            body.push(format!(
                "<rect class='{class}' x='{:.1}' y='{:.1}' width='{:.1}' height='{:.1}' fill-opacity='{:.2}'>\
                 <title>{} of {all} mails of {}: put into {}</title></rect>\n",
                x + 1.0,
                y + 1.0,
                CELL - 2.0,
                CELL - 2.0,
                share.sqrt().max(0.08),
                count(column),
                escape(&self.names[row]),
                escape(&self.names[column])
            ));
            if share * 100.0 >= LEAST_PERCENT {
                let on = if share.sqrt() > DARK { "cell on" } else { "cell" };
                body.push(format!(
                    "<text class='{on}' text-anchor='middle' x='{:.1}' y='{:.1}'>{:.0}</text>\n",
                    x + CELL / 2.0,
                    y + CELL / 2.0 + 4.0,
                    share * 100.0
                ));
            }
        }
        body.concat()
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        return name.to_owned();
    }
    name.chars().take(LETTERS - 1).chain(['…']).collect()
}
