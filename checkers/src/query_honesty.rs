//! Honesty of queries. Valid when no answer about a payment was ever contradicted by the truth.
//!
//! - `false-fail`: a query said that a payment failed, and it is recorded as successful or credited in the end, or
//!   another query said that it succeeded. A failure is for good; "cannot reach" is unknown.
//! - `false-success`: a query said that a payment succeeded, and it is not recorded as successful in the end.
//!
//! Sees: `ok` answers to queries and the final rows and balances. An answer that is neither success nor failure is
//! always fine. Cannot see: whether an unknown answer could have been definite.
//! O(queries) time, O(payments) memory.

use std::collections::BTreeMap;

use crate::findings::Findings;
use crate::history::{Kind, QueryPath, ReadMoment};
use crate::ledger::{Class, Id, Ledger, QueryOp, Role};
use crate::verdict::CheckerResult;
use crate::words::{payment, plural, witness};

/// Name of this checker.
pub const NAME: &str = "query-honesty";

/// The reads that decide what is true.
const READS: [(ReadMoment, Role); 2] = [(ReadMoment::Final, Role::Payments), (ReadMoment::Final, Role::Balances)];

/// The definite answers about one number.
#[derive(Default)]
struct Said<'a> {
    fail: Vec<&'a QueryOp>,
    success: Vec<&'a QueryOp>,
}

/// Judges every answered query of a ledger.
pub fn check(ledger: &Ledger) -> CheckerResult {
    let mut findings = Findings::default();
    let incomplete = ledger.incomplete();
    let mut said: BTreeMap<Id, Said> = BTreeMap::new();
    let mut answered = 0_u64;
    for query in &ledger.queries {
        let Some((_, Kind::Ok, class)) = query.end else {
            continue;
        };
        answered += 1;
        match class {
            Class::Failed => said.entry(query.tx).or_default().fail.push(query),
            Class::Success => said.entry(query.tx).or_default().success.push(query),
            Class::Other => {}
        }
    }
    findings.count("queries", ledger.queries.len() as u64);
    findings.count("answered", answered);
    findings.count(
        "definite",
        said.values().map(|s| (s.fail.len() + s.success.len()) as u64).sum(),
    );
    if answered == 0 {
        findings.doubt("no query ended ok: there is nothing to judge");
    }
    for (tx, said) in &said {
        judge(ledger, *tx, said, incomplete.is_none(), &mut findings);
    }
    if let Some(why) = incomplete {
        findings.doubt(why);
    }
    findings.result(NAME)
}

fn judge(ledger: &Ledger, tx: Id, said: &Said, final_is_known: bool, findings: &mut Findings) {
    let truth = final_is_known.then(|| truth(ledger, tx));
    if !said.fail.is_empty() {
        let why = match &truth {
            Some(Truth::Successful) => Some("is recorded as successful".to_owned()),
            Some(Truth::Credited) => Some("was credited".to_owned()),
            _ if !said.success.is_empty() => Some("was also said to have succeeded".to_owned()),
            _ => None,
        };
        if let Some(why) = why {
            report(ledger, tx, "false-fail", &said.fail, &said.success, &why, findings);
        }
    }
    if !said.success.is_empty() && matches!(truth, Some(Truth::Failed | Truth::Nothing | Truth::Credited)) {
        let why = match truth {
            Some(Truth::Failed) => "is not recorded as successful",
            _ => "is not recorded",
        };
        report(ledger, tx, "false-success", &said.success, &[], why, findings);
    }
}

enum Truth {
    /// Recorded as successful.
    Successful,
    /// Recorded, not as successful.
    Failed,
    /// Not recorded, but credited.
    Credited,
    /// Neither recorded nor known to be credited.
    Nothing,
}

/// What became of a number: the service's own row where there is one, else the client's payment.
fn truth(ledger: &Ledger, tx: Id) -> Truth {
    if let Some(row) = ledger.row_of(tx) {
        return if row.class == Class::Success {
            Truth::Successful
        } else {
            Truth::Failed
        };
    }
    let Some(payment) = ledger.payment_of(tx).map(|at| &ledger.payments[at]) else {
        return Truth::Nothing;
    };
    let mut rows = payment.rows.iter().map(|row| &ledger.rows[*row]);
    if rows.any(|row| row.class == Class::Success) {
        Truth::Successful
    } else if !payment.rows.is_empty() {
        Truth::Failed
    } else if payment.credited.is_some_and(|c| c > 0) {
        Truth::Credited
    } else {
        Truth::Nothing
    }
}

fn report(
    ledger: &Ledger,
    tx: Id,
    kind: &str,
    lies: &[&QueryOp],
    others: &[&QueryOp],
    why: &str,
    findings: &mut Findings,
) {
    let (subject, head, mut events) = match ledger.payment_of(tx) {
        Some(at) => (ledger.tx(at), payment(ledger, at), witness(ledger, at, &READS)),
        None => {
            let name = ledger.txs.name(tx);
            (name, format!("payment {name}"), Vec::new())
        }
    };
    let path = match lies[0].path {
        QueryPath::Pay => "the recording service",
        QueryPath::Account | QueryPath::Compensate => "the crediting service",
    };
    let answer = if kind == "false-fail" { "failed" } else { "succeeded" };
    let sentence = format!(
        "{head} {why}, but {path} said in {} that it {answer}",
        plural(lies.len(), "answer")
    );
    for query in lies.iter().chain(others) {
        events.push(query.index);
        events.extend(query.end.map(|(index, _, _)| index));
    }
    findings.anomaly(kind, subject, sentence, events);
}
