//! `conserved`: columns add up to the same at every read of a view; judged by [`bank`](crate::accounts::bank), for each group of
//! rows on its own.
//!
//! A read is one statement, so that it shows one moment of a database. A group that no read showed before begins with what it
//! has then, unless a total is promised; one that a read leaves out adds up to 0. Unknown where no
//! sum was read twice and no total is promised, and where the rows of a read cannot be understood.

use std::collections::{BTreeMap, BTreeSet};

use super::support::{Last, Looks, NAME_OPTION, at, cell, column, columns, doubted, merged, needs_of, read};
use super::{Entry, How, Judge, Need, Options};
use crate::accounts::bank::{Bank, Options as Known, Read};
use crate::history::{Event, Header, Moment, Row, Rows};
use crate::ledger::Names as Numbered;
use crate::money;
use crate::run::Facts;
use crate::streaming::{Names, Streaming};
use crate::verdict::{CheckerResult, decided};

/// Name of this checker.
const NAME: &str = "conserved";

pub(super) const ENTRY: Entry = Entry {
    name: NAME,
    about: "columns of a view add up to the same at every read",
    options: &[
        NAME_OPTION,
        ("view", "the view"),
        (
            "sum",
            "the columns that add up, as in [\"available\", \"frozen\", \"sold\"]",
        ),
        (
            "by",
            "the column whose values have a sum of their own; default: one sum of all rows",
        ),
        ("total", "what they add up to; default: what the first read says"),
        ("moments", "when; default: whenever the view is read"),
    ],
    anomalies: &["wrong-total", "nil-balance"],
    decides: &[decided(
        "the sum at every read; what happens between two reads is not seen",
    )],
    how: How::Own(make),
};

/// Digits behind the point that are told apart.
const SCALE: u32 = 12;

struct Conserved {
    view: String,
    sum: Vec<String>,
    by: Option<String>,
    total: Option<i128>,
    moments: Vec<Moment>,
    names: Numbered,
    groups: Vec<Bank>,
    last: BTreeMap<Moment, Last<()>>,
    looks: Looks,
    reads: u64,
    /// Rows of all reads.
    rows: u64,
    /// Sums that were read before, too.
    compared: u64,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let sum = options.needed_texts("sum", "[\"available\", \"frozen\"]");
    let by = options.text("by").map(str::to_owned);
    let total = options.amount("total", SCALE);
    let view = options.view("view", header)?.to_owned();
    let moments = options.moments("moments", &header.views[&view], &header.views[&view]);
    let sum = sum?;
    let mut distinct = BTreeSet::new();
    if let Some(twice) = sum.iter().find(|column| !distinct.insert(column.as_str())) {
        options.say("sum", format!("has {twice:?} twice"));
    }
    let often = moments.contains(&Moment::Look) || moments.len() > 1;
    if total.is_none() && !often && options.is_fine() {
        options.say(
            "view",
            format!("is {view:?}, which is read once: read it at more moments, views.{view}.at, or say the total"),
        );
    }
    options.is_fine().then(|| {
        Box::new(Conserved {
            view,
            sum,
            by,
            total,
            moments,
            names: Numbered::default(),
            groups: Vec::new(),
            last: BTreeMap::new(),
            looks: Looks::default(),
            reads: 0,
            rows: 0,
            compared: 0,
        }) as Box<dyn Judge>
    })
}

impl Conserved {
    /// What each group adds up to, column by column.
    fn sums(&mut self, rows: &Rows) -> Result<BTreeMap<u32, Vec<Option<i128>>>, String> {
        let columns = columns(rows, &self.sum)?;
        let by = self.by.as_ref().map(|by| column(rows, by)).transpose()?;
        let mut groups: BTreeMap<u32, Vec<Option<i128>>> = BTreeMap::new();
        if self.by.is_none() {
            groups.insert(self.names.id(""), vec![Some(0); columns.len()]);
        }
        for row in rows.iter() {
            let group = self.names.id(by.map_or("", |by| cell(row, by)));
            let sums = groups.entry(group).or_insert_with(|| vec![Some(0); columns.len()]);
            for (sum, (name, column)) in sums.iter_mut().zip(self.sum.iter().zip(&columns)) {
                let value = value(row, name, *column)?;
                *sum = match sum.zip(value) {
                    Some((sum, value)) => Some(i128::checked_add(sum, value).ok_or_else(|| too_large(name))?),
                    None => None,
                };
            }
        }
        for sums in groups.values() {
            let mut all = sums.iter().flatten();
            let all = all.try_fold(0_i128, |all, sum| all.checked_add(*sum));
            all.ok_or_else(|| too_large(&self.sum.join(" + ")))?;
        }
        self.rows += rows.len() as u64;
        Ok(groups)
    }

    fn take(&mut self, event: &Event, mut sums: BTreeMap<u32, Vec<Option<i128>>>) {
        self.reads += 1;
        for group in (0..).take(self.names.len()) {
            if self.groups.len() > group as usize {
                self.compared += 1;
            } else {
                self.groups.push(Bank::new(Known {
                    accounts: Some((0..).take(self.sum.len()).collect()),
                    total: self.total,
                    negative_balances: true,
                }));
            }
            let sums = sums.remove(&group).unwrap_or_else(|| vec![Some(0); self.sum.len()]);
            let balances: Vec<(u32, Option<i128>)> = (0..).zip(sums).collect();
            self.groups[group as usize].push(at(event), Read(&balances));
        }
    }
}

fn too_large(sum: &str) -> String {
    format!("the sum of {sum} is too large to be told")
}

/// A cell as a number; None for NULL.
fn value(row: Row<'_>, name: &str, column: usize) -> Result<Option<i128>, String> {
    let Some(text) = row.at(column) else { return Ok(None) };
    match money::parse(text, SCALE) {
        Ok(value) if value.is_exact() => Ok(Some(value.nearest())),
        Ok(_) => Err(format!(
            "its column {name} is {text:?}, with more than {SCALE} digits behind the point"
        )),
        Err(_) => Err(format!("its column {name} is {text:?}, which is no number")),
    }
}

impl Judge for Conserved {
    fn observe(&mut self, event: &Event) {
        let Some((view, moment, shown)) = read(event) else {
            return;
        };
        if view != self.view || !self.moments.contains(&moment) {
            return;
        }
        let sums = shown.and_then(|rows| self.sums(rows));
        if moment == Moment::Look {
            self.looks.made(event, sums.as_ref().err());
        }
        let shown = sums.map(|sums| self.take(event, sums));
        self.last.entry(moment).or_default().keep(event, shown);
    }

    fn needs(&self) -> Vec<Need> {
        let sum = self.sum.iter().map(|column| ("sum", column));
        needs_of(&self.view, sum.chain(self.by.iter().map(|by| ("by", by))))
    }

    fn finish(self: Box<Self>, run: &Facts) -> CheckerResult {
        let mut doubts: Vec<String> = Vec::new();
        for moment in &self.moments {
            if *moment == Moment::Look {
                doubts.extend(self.looks.doubt(&self.view));
                continue;
            }
            let never = Last::Never;
            let last = self.last.get(moment).unwrap_or(&never);
            let repaired = run.phase("settle-repair").is_some();
            let needed = *moment != Moment::AfterRepair || repaired;
            doubts.extend(last.shown(&self.view, *moment).err().filter(|_| needed));
        }
        if self.moments.contains(&Moment::Final) {
            doubts.extend(run.incomplete());
        }
        if self.rows == 0 && doubts.is_empty() {
            doubts.push(format!("view {} showed no row: there is nothing to add up", self.view));
        }
        if self.total.is_none() && self.compared == 0 && doubts.is_empty() {
            doubts.push(format!(
                "no sum of view {} was read twice: there is nothing to compare",
                self.view
            ));
        }
        let (groups, reads, remark) = (self.groups.len() as u64, self.reads, self.looks.remark(&self.view));
        let Conserved {
            view,
            sum,
            by,
            names,
            groups: banks,
            ..
        } = *self;
        let named = |group| Named {
            view: &view,
            sum: &sum,
            by: by.as_deref(),
            group: names.name(group),
        };
        let parts = (0..).zip(banks).map(|(group, bank)| bank.finish_named(&named(group)));
        let mut result = merged(NAME, parts.collect());
        result
            .counts
            .retain(|count, _| count != "read-count" && count != "first-error" && count != "error-count");
        result.counts.insert("sums".to_owned(), groups);
        result.counts.insert("reads".to_owned(), reads);
        result.reason = result.reason.or(remark);
        doubted(result, doubts)
    }
}

struct Named<'a> {
    view: &'a str,
    sum: &'a [String],
    by: Option<&'a str>,
    group: &'a str,
}

impl Named<'_> {
    /// ` of sku s1`.
    fn of(&self) -> String {
        self.by
            .map_or_else(String::new, |by| format!(" of {by} {}", self.group))
    }
}

impl Names for Named<'_> {
    fn key(&self, column: u32) -> String {
        self.sum[column as usize].clone()
    }

    fn holder(&self, name: &str) -> String {
        format!("{name}{} in view {}", self.of(), self.view)
    }

    fn amount(&self, minor: i128) -> String {
        let text = money::major(minor, SCALE).to_string();
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    fn total(&self) -> (String, String) {
        let subject = if self.by.is_some() { self.group } else { self.view };
        let of = format!("{}{} in view {}", self.sum.join(" + "), self.of(), self.view);
        (subject.to_owned(), of)
    }
}
