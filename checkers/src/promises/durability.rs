//! `durability`: what was acknowledged to a client is there at the end; judged by [`set`](crate::stores::set).
//!
//! - `lost-write`: a client was told that its subject succeeded, and no row of the view carries its key.

use std::collections::BTreeMap;

use super::support::{
    About, Keys, Last, NAME_OPTION, STARTED_OPTION, SUBJECT_OPTION, at, cell, column, columns, doubted, fits, needs_of,
    read, unsettled,
};
use super::{Entry, How, Judge, Need, Options};
use crate::history::{Event, Header, Kind, Moment, Rows};
use crate::run::Facts;
use crate::stores::set::{Event as Seen, Set};
use crate::streaming::Streaming;
use crate::verdict::{CheckerResult, decided};

/// Name of this checker.
const NAME: &str = "durability";

/// The kind of its anomaly.
const LOST: &str = "lost-write";

pub(super) const ENTRY: Entry = Entry {
    name: NAME,
    about: "what was acknowledged to a client is there at the end",
    options: &[
        NAME_OPTION,
        SUBJECT_OPTION,
        STARTED_OPTION,
        (
            "acknowledged",
            "{ NAME = [VALUE] }: the ok answers that acknowledge it; default: every ok",
        ),
        ("view", "the view that shows what is there"),
        ("key", "its column of the key; default: the subject's key"),
        ("in_effect", "{ COLUMN = [VALUE] }: the rows that count; default: all"),
    ],
    anomalies: &[LOST],
    decides: &[decided("what was acknowledged against the rows of the final view")],
    how: How::Own(make),
};

struct Durability {
    about: About,
    acknowledged: BTreeMap<String, Vec<String>>,
    view: String,
    key: String,
    in_effect: BTreeMap<String, Vec<String>>,
    keys: Keys,
    set: Set,
    acks: u64,
    last: Last<Vec<u32>>,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let about = About::read(options, header);
    let view = options.view_at("view", header, Moment::Final);
    let key = options.text("key");
    let acknowledged = options.values_by_column("acknowledged");
    let in_effect = options.values_by_column("in_effect");
    let (about, view) = (about?, view?);
    options.is_fine().then(|| {
        Box::new(Durability {
            view: view.to_owned(),
            key: key.unwrap_or(&about.key).to_owned(),
            keys: Keys::of(&about.kind),
            about,
            acknowledged,
            in_effect,
            set: Set::new(),
            acks: 0,
            last: Last::Never,
        }) as Box<dyn Judge>
    })
}

impl Durability {
    fn rows(&mut self, rows: &Rows) -> Result<Vec<u32>, String> {
        let key = column(rows, &self.key)?;
        columns(rows, self.in_effect.keys())?;
        let there = rows
            .iter()
            .filter(|row| fits(&self.in_effect, |column| row.get(column)));
        Ok(there.map(|row| self.keys.number(cell(row, key))).collect())
    }
}

impl Judge for Durability {
    fn observe(&mut self, event: &Event) {
        if let Some(op) = self.about.op(event) {
            let id = self.about.subject(op, &mut self.keys);
            match event.kind {
                Kind::Invoke => self.set.push(at(event), Seen::Add(id)),
                Kind::Ok if fits(&self.acknowledged, |name| op.said(name)) => {
                    self.acks += 1;
                    self.set.push(at(event), Seen::Added(id));
                }
                Kind::Ok | Kind::Fail | Kind::Info => {}
            }
        } else if let Some((view, Moment::Final, shown)) = read(event)
            && view == self.view
        {
            let ids = shown.and_then(|rows| self.rows(rows));
            self.last.keep(event, ids);
        }
    }

    fn needs(&self) -> Vec<Need> {
        let in_effect = self.in_effect.keys().map(|column| ("in_effect", column));
        needs_of(&self.view, in_effect.chain([("key", &self.key)]))
    }

    fn finish(mut self: Box<Self>, run: &Facts) -> CheckerResult {
        let mut doubts: Vec<String> = unsettled(run, Moment::Final).into_iter().collect();
        match self.last.shown(&self.view, Moment::Final) {
            Ok((at, there)) if doubts.is_empty() => {
                let there: Vec<u32> = there.iter().map(|id| self.keys.subject(*id)).collect();
                self.set.push(at, Seen::Read(&there));
            }
            Ok(_) => {}
            Err(why) => doubts.push(why),
        }
        if self.acks == 0 {
            doubts.push(format!("no {} was acknowledged", self.about.kind));
        }
        let mut result = self.set.finish_named(&self.keys);
        // Rows that no client asked for are no matter of durability.
        result.anomalies.retain(|anomaly| anomaly.kind == "lost");
        for anomaly in &mut result.anomalies {
            LOST.clone_into(&mut anomaly.kind);
            anomaly.sentence = format!(
                "{} {} was acknowledged, and view {} does not show it at the end",
                self.about.kind, anomaly.subject, self.view
            );
        }
        let count = |result: &CheckerResult, name: &str| result.counts.get(name).copied().unwrap_or(0);
        let (lost, asked, acknowledged) = (
            count(&result, "lost"),
            count(&result, "attempt"),
            count(&result, "acknowledged"),
        );
        let counts = [("asked", asked), ("acknowledged", acknowledged), (LOST, lost)];
        result.counts = counts.map(|(name, n)| (name.to_owned(), n)).into();
        result.verdict = match lost {
            0 if doubts.is_empty() => crate::verdict::Verdict::Valid,
            0 => crate::verdict::Verdict::Unknown,
            _ => crate::verdict::Verdict::Invalid,
        };
        result.reason = None;
        doubted(result, doubts)
    }
}
