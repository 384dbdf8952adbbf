//! `no-rows`: a view that must show nothing, whenever it is read.
//!
//! - `unwanted-row`: it shows a row.
//!
//! A row without the column of the key is unwanted, too, and is called by all of it. Of several reads at one moment the last
//! counts, of looks every one. A row at rest proves nothing where the target had not come to rest, unless the view is looked
//! at while the target works, too: then it must never show one.

use std::collections::BTreeMap;

use super::support::{Last, Looks, NAME_OPTION, at, cell, needs_of, read, unsettled, whole};
use super::{Entry, How, Judge, Need, Options};
use crate::history::{Event, Header, Moment, Rows};
use crate::run::Facts;
use crate::streaming::{At, Case, Tally};
use crate::verdict::{CheckerResult, decided};

/// Name of this checker.
const NAME: &str = "no-rows";

pub(super) const ENTRY: Entry = Entry {
    name: NAME,
    about: "a view that must show nothing, whenever it is read",
    options: &[
        NAME_OPTION,
        ("view", "the view"),
        ("key", "the column that says what a row is of; default: the first"),
        ("moments", "when; default: whenever the view is read"),
    ],
    anomalies: &["unwanted-row"],
    decides: &[decided(
        "every read of the view at the moments that are asked for; rows that came and went between two reads are not seen",
    )],
    how: How::Own(make),
};

/// How many rows of one read are worded.
const WORDED_MAX: usize = 16;

/// The rows of one read: the first few, each with what it is of, and how many there are.
#[derive(Clone, Default)]
struct Seen {
    worded: Vec<(String, String)>,
    count: u64,
}

struct NoRows {
    view: String,
    key: Option<String>,
    moments: Vec<Moment>,
    last: BTreeMap<Moment, Last<Seen>>,
    rows_at_looks: Vec<(At, Seen)>,
    looks: Looks,
    reads: u64,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let view = options.view("view", header)?.to_owned();
    let key = options.text("key").map(str::to_owned);
    let moments = options.moments("moments", &header.views[&view], &header.views[&view]);
    options.is_fine().then(|| {
        Box::new(NoRows {
            view,
            key,
            moments,
            last: BTreeMap::new(),
            rows_at_looks: Vec::new(),
            looks: Looks::default(),
            reads: 0,
        }) as Box<dyn Judge>
    })
}

impl NoRows {
    /// What a read shows. A row without the column that should say what it is of is called by all of it.
    fn seen(&self, rows: &Rows) -> Seen {
        let key = self.key.as_ref().map_or(Some(0), |key| rows.column(key));
        let worded = rows.iter().take(WORDED_MAX).map(|row| {
            let whole = whole(row, rows.columns());
            (
                key.map_or_else(|| whole.clone(), |key| cell(row, key).to_owned()),
                whole,
            )
        });
        Seen {
            worded: worded.collect(),
            count: rows.len() as u64,
        }
    }

    fn report(&self, at: At, moment: Moment, seen: &Seen, tally: &mut Tally) {
        let when = match moment {
            Moment::Look => "during the run",
            Moment::Initial => "initially",
            Moment::Rest => "at rest",
            Moment::AfterRepair => "after the repair",
            Moment::Final => "at the end",
        };
        for position in 0..seen.count {
            let worded = usize::try_from(position)
                .ok()
                .and_then(|position| seen.worded.get(position));
            tally.anomaly("unwanted-row", || {
                let (subject, row) = worded.cloned().unwrap_or_default();
                Case {
                    subject,
                    sentence: format!("view {} shows {row} {when}; it must show nothing", self.view),
                    witness: vec![at.index],
                }
            });
        }
    }
}

impl Judge for NoRows {
    fn observe(&mut self, event: &Event) {
        let Some((view, moment, shown)) = read(event) else {
            return;
        };
        if view != self.view || !self.moments.contains(&moment) {
            return;
        }
        let seen = shown.map(|rows| self.seen(rows));
        self.reads += u64::from(seen.is_ok());
        if moment == Moment::Look {
            self.looks.made(event, seen.as_ref().err());
            let rows = seen.ok().filter(|seen| seen.count > 0);
            self.rows_at_looks.extend(rows.map(|seen| (at(event), seen)));
        } else {
            self.last.entry(moment).or_default().keep(event, seen);
        }
    }

    fn needs(&self) -> Vec<Need> {
        needs_of(&self.view, self.key.iter().map(|key| ("key", key)))
    }

    fn finish(self: Box<Self>, run: &Facts) -> CheckerResult {
        let mut tally = Tally::default();
        let always = self.moments.contains(&Moment::Look);
        let mut doubts: Vec<String> = Vec::new();
        for (at, seen) in &self.rows_at_looks {
            self.report(*at, Moment::Look, seen, &mut tally);
        }
        for moment in self.moments.iter().copied().filter(|moment| *moment != Moment::Look) {
            let unsettled = unsettled(run, moment);
            let never = Last::Never;
            match self.last.get(&moment).unwrap_or(&never).shown(&self.view, moment) {
                Ok((at, seen)) if always || unsettled.is_none() => self.report(at, moment, seen, &mut tally),
                Ok(_) => {}
                Err(_) if moment == Moment::AfterRepair && run.phase("settle-repair").is_none() => {}
                Err(why) => doubts.push(why),
            }
            doubts.extend(unsettled);
        }
        if always {
            doubts.extend(self.looks.doubt(&self.view));
            self.looks
                .remark(&self.view)
                .into_iter()
                .for_each(|what| tally.remark(what));
        }
        if self.reads == 0 && doubts.is_empty() {
            doubts.push(format!("view {} was never read", self.view));
        }
        doubts.dedup();
        doubts.into_iter().for_each(|why| tally.doubt(why));
        tally.count("reads", self.reads);
        tally.result(NAME)
    }
}
