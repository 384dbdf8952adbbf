//! The witnesses of an anomaly: the events that prove it, as lines. And the subjects that events are about.

use std::collections::HashMap;

use paytwice_checkers::history::{Body, Event, Header};
use paytwice_checkers::verdict::{Anomaly, Fate, Results};

use crate::readable::{self, Lens, Line};
use crate::{RunReport, ops};

/// Which subjects were followed, and under which keys the server knows them.
#[derive(Debug)]
pub(crate) struct Subjects<'a> {
    results: &'a Results,
    by_key: HashMap<&'a str, usize>,
    server_keys: HashMap<usize, Vec<&'a str>>,
}

impl<'a> Subjects<'a> {
    pub(crate) fn new(report: &RunReport<'a>) -> Self {
        let results: &'a Results = report.results;
        let clients = results.fates.iter().enumerate();
        let mut subjects = Self {
            results,
            by_key: clients.map(|(at, fate)| (fate.subject.as_str(), at)).collect(),
            server_keys: HashMap::new(),
        };
        for (subject, key) in report.events.iter().filter_map(|event| given(&results.header, event)) {
            subjects.learn(subject, key);
        }
        for anomaly in results.checkers.iter().flat_map(|checker| &checker.anomalies) {
            subjects.learn_from_frames(report, anomaly);
        }
        subjects
    }

    fn learn(&mut self, subject: &str, key: &'a str) {
        let Some(at) = self.find(subject) else { return };
        if !self.by_key.contains_key(key) {
            self.by_key.insert(key, at);
            self.server_keys.entry(at).or_default().push(key);
        }
    }

    /// Where the answer with the key was lost, the key is known from the frames that the checker names.
    fn learn_from_frames(&mut self, report: &RunReport<'a>, anomaly: &'a Anomaly) {
        let witness = anomaly.witness.iter();
        for event in witness.filter_map(|&index| ops::find(report.events, index)) {
            let Body::Wire(frame) = &event.body else { continue };
            let mut keys = frame.keys.values().flatten();
            if let (Some(key), None) = (keys.next(), keys.next()) {
                self.learn(&anomaly.subject, key);
            }
        }
    }

    /// Position of the subject with this key, the client's or the server's.
    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// What to look for in events about this subject or holder.
    pub(crate) fn lens(&self, subject: &str) -> Lens {
        let key_columns = key_columns(&self.results.header);
        let column = holder_column(self.results);
        let Some(at) = self.find(subject) else {
            return Lens {
                keys: vec![subject.to_owned()],
                key_columns,
                holder: column.map(|column| (column.to_owned(), subject.to_owned())),
                known: self.holds(subject),
                ..Lens::default()
            };
        };
        let fate = &self.results.fates[at];
        let server = self.server_keys.get(&at).into_iter().flatten();
        let keys = std::iter::once(fate.subject.as_str()).chain(server.copied());
        Lens {
            keys: keys.map(str::to_owned).collect(),
            key_columns,
            fields: fate.fields.clone(),
            holder: column
                .zip(holder(self.results, fate))
                .map(|(column, name)| (column.to_owned(), name.to_owned())),
            known: true,
        }
    }

    /// Whether this is the holder of a subject.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.results
            .fates
            .iter()
            .any(|fate| holder(self.results, fate) == Some(name))
    }
}

/// Columns of views that hold keys of subjects.
pub(crate) fn key_columns(header: &Header) -> Vec<String> {
    let mut columns: Vec<String> = header.subjects.values().filter_map(|kind| kind.key.clone()).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// The column of views that names holders, which is also the field of a subject that names its holder.
pub(crate) fn holder_column(results: &Results) -> Option<&str> {
    results.words.as_ref()?.holder.as_deref()
}

/// The holder of a subject.
pub(crate) fn holder<'a>(results: &Results, fate: &'a Fate) -> Option<&'a str> {
    let column = holder_column(results)?;
    fate.fields.get(column).map(String::as_str)
}

/// The client's name of a subject and the key that the server gave it in an answer. What a changed request was answered
/// belongs to no subject for certain.
fn given<'a>(header: &Header, event: &'a Event) -> Option<(&'a str, &'a str)> {
    let Body::Op(op) = &event.body else { return None };
    let kind = header.actions.get(op.action.as_str())?.starts.as_ref()?;
    let key = header.subjects.get(kind)?.key.as_ref()?;
    let given = op.said(key)?;
    (op.subject != given && op.changed.is_empty()).then_some((&op.subject, given))
}

/// The witness of an anomaly in readable form. Events that the history does not hold are left out.
pub(crate) fn lines(report: &RunReport<'_>, subjects: &Subjects<'_>, anomaly: &Anomaly) -> Vec<Line> {
    let lens = subjects.lens(&anomaly.subject);
    let events = anomaly
        .witness
        .iter()
        .filter_map(|&index| ops::find(report.events, index));
    events.map(|event| readable::line(event, &lens)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use paytwice_checkers::history::{Kind, Process, Wire};
    use paytwice_checkers::verdict::{CheckerResult, RESULTS_VERSION, Verdict};

    fn results() -> Results {
        let fate = Fate {
            kind: "order".into(),
            subject: "order-1".into(),
            fields: [].into(),
            attempts: 2,
            outcome: Kind::Info,
            recorded: Some(2),
            result: None,
            delivered: 1,
            effects: None,
            effects_before_repair: None,
            first_invoke_ns: 0,
            answered_ns: None,
            first_delivered_ns: None,
            anomalies: vec!["twice-recorded".into()],
        };
        let anomaly = Anomaly {
            kind: "twice-recorded".into(),
            subject: "order-1".into(),
            sentence: String::new(),
            witness: vec![7],
        };
        let checker = CheckerResult {
            name: "idempotent-requests".into(),
            verdict: Verdict::Invalid,
            completeness: None,
            reason: None,
            counts: [].into(),
            anomalies: vec![anomaly],
        };
        Results {
            version: RESULTS_VERSION,
            verdict: Verdict::Invalid,
            sentence: String::new(),
            header: Header::default(),
            truncated: false,
            events: 1,
            checkers: vec![checker],
            fates: vec![fate],
            words: None,
            windows: vec![],
            faults: vec![],
            keys: vec![],
            unparsed: [].into(),
            phases: vec![],
            troubles: vec![],
            figures: [].into(),
        }
    }

    #[test]
    fn a_key_that_no_answer_gave_is_learnt_from_the_witness() {
        let frame = Wire {
            link: "stock->broker".into(),
            conn: 1,
            point: "DELIVER t".into(),
            keys: [("order".into(), vec!["0123456789-abcdefgh".into()])].into(),
            ..Wire::default()
        };
        let event = Event {
            index: 7,
            time: 0,
            process: Process::Named("wire".into()),
            kind: Kind::Info,
            body: Body::Wire(frame),
            error: None,
        };
        let (results, events) = (results(), [event]);
        let report = RunReport::new(&results, &events, "");
        let subjects = Subjects::new(&report);
        assert_eq!(subjects.find("0123456789-abcdefgh"), Some(0));
        let lines = lines(&report, &subjects, &results.checkers[0].anomalies[0]);
        assert_eq!(lines[0].value, "DELIVER t (…abcdefgh)");
    }
}
