//! Checkers of histories: payments, transactions, registers, queues, stores and ledgers.
//!
//! A history is what operations asked for and what they were answered; a checker decides from it alone whether a promise
//! was kept, and says in a sentence, with the operations that prove it, where it was not:
//!
//! ```
//! use paytwice_checkers::linear::models::register::{Answer, Ask, Register};
//! use paytwice_checkers::linear::{Budget, Operation, check};
//! use paytwice_checkers::verdict::Verdict;
//!
//! let history = [
//!     Operation::ok(0, Ask::Write(1), 0, Answer::Done, 1),
//!     Operation::info(1, Ask::Write(2), 2), // nobody knows whether it happened
//!     Operation::ok(2, Ask::Read, 3, Answer::Value(2), 4),
//!     Operation::ok(0, Ask::Read, 5, Answer::Value(1), 6),
//! ];
//! let result = check(&Register { initial: 0 }, &history, Budget::default());
//! assert_eq!(result.verdict, Verdict::Invalid);
//! assert!(result.anomalies[0].sentence.starts_with("\"read -> 1\" (5 to 6) has no place beside \"write 2\""));
//! ```
//!
//! | what is judged | where |
//! | --- | --- |
//! | runs of services, databases and queues, by what their target promises | [`judge`], [`promises`] |
//! | runs, by a checker of one's own or a program | [`promises::Checker`], [`promises::of_command`] |
//! | linearizability: registers, maps, mutexes, queues, any object of one's own | [`linear`] |
//! | isolation of transactions: list-append, rw-register | [`isolation`] |
//! | queues and logs | [`queues`] |
//! | sets, counters, unique ids, long forks | [`stores`] |
//! | banks, postings, request keys | [`accounts`] |
//! | states, schedules, branches, leftovers, soft state | [`process`] |
//!
//! [`formats`] reads histories of other harnesses (Jepsen, elle-cli, porcupine) and the binary form; [`workloads`] says
//! what their operations mean to each checker; [`mod@check`] judges a file, or a folder of files with known verdicts.
//!
//! A verdict is earned: what cannot be decided is unknown, with the reason, and so is a history in which nothing of the
//! kind that is judged was seen to happen. Verdicts merge: invalid beats unknown beats valid. Checkers are pure: no
//! clock, no randomness, no I/O but reading a history.
//!
//! # Runs
//!
//! The history of a run says what clients asked for, what they were answered, what crossed the wire and what views showed.
//! Its header says what the target promises. [`judge`] decides from the history alone whether each promise was kept:
//!
//! ```
//! use paytwice_checkers::history::read;
//! use paytwice_checkers::judge;
//!
//! let history = r#"
//! {"index":0,"time":0,"process":"run","type":"info","f":"history","value":{"format":"paytwice-history","version":1,"target":"example","run":"example","stack":"containers","seed":1,"started_at":"2026-01-01T00:00:00Z","policies":{},"subjects":{"account":{},"payment":{"key":"tx","fields":{"account":{"names":"account"},"amount":{"coded":{"per":"account","base":10,"scale":2}}}}},"actions":{"pay":{"starts":"payment","service":"pay"}},"views":{"payments":["final"],"balances":["initial","final"]},"promises":[{"checker":"exactly-once","subject":"payment","recorded":{"view":"payments","success":{"result":["success"]}},"effect":{"view":"balances","by":"amount"},"words":{"effect":"credited"}}]}}
//! {"index":1,"time":1,"process":"view","type":"ok","f":"view","value":{"view":"balances","at":"initial","rows":[{"account":"a3","balance":"0.00"}]}}
//! {"index":2,"time":2,"process":0,"type":"invoke","f":"pay","value":{"subject":"t17","args":{"tx":"t17","account":"a3","amount":"10.00"}}}
//! {"index":3,"time":3,"process":0,"type":"ok","f":"pay","value":{"subject":"t17","args":{"tx":"t17","account":"a3","amount":"10.00"},"status":200,"answer":{"result":"success"}}}
//! {"index":4,"time":4,"process":"wire","type":"info","f":"wire","value":{"link":"rocketmq->account","conn":1,"point":"DELIVER paid","role":"delivered","keys":{"tx":["t17"]},"bytes":96}}
//! {"index":5,"time":5,"process":"nemesis","type":"info","f":"fault","value":{"id":1,"fault":"kill","on":"account","step":"done"}}
//! {"index":6,"time":6,"process":"nemesis","type":"info","f":"fault","value":{"id":1,"fault":"kill","on":"account","step":"healed"}}
//! {"index":7,"time":7,"process":"wire","type":"info","f":"wire","value":{"link":"rocketmq->account","conn":2,"point":"DELIVER paid","role":"delivered","keys":{"tx":["t17"]},"bytes":96}}
//! {"index":8,"time":8,"process":"run","type":"invoke","f":"phase","value":{"name":"settle"}}
//! {"index":9,"time":9,"process":"run","type":"ok","f":"phase","value":{"name":"settle"}}
//! {"index":10,"time":10,"process":"run","type":"invoke","f":"phase","value":{"name":"final-reads"}}
//! {"index":11,"time":11,"process":"view","type":"ok","f":"view","value":{"view":"payments","at":"final","rows":[{"tx":"t17","account":"a3","amount":"10.00","result":"success"}]}}
//! {"index":12,"time":12,"process":"view","type":"ok","f":"view","value":{"view":"balances","at":"final","rows":[{"account":"a3","balance":"20.00"}]}}
//! {"index":13,"time":13,"process":"run","type":"ok","f":"phase","value":{"name":"final-reads"}}
//! "#;
//! let results = judge(&read(history.trim_start().as_bytes(), "history.jsonl")?);
//! let anomaly = &results.checkers[0].anomalies[0];
//! assert_eq!((anomaly.kind.as_str(), anomaly.subject.as_str()), ("double", "t17"));
//! assert_eq!(
//!     anomaly.sentence,
//!     "payment t17 (account a3, 10.00) was credited twice: delivered twice, once after account was killed"
//! );
//! assert_eq!(anomaly.witness, [1, 2, 3, 4, 5, 7, 11, 12]);
//! # Ok::<(), paytwice_checkers::history::ReadError>(())
//! ```
//!
//! [`promises`] lists what can be promised. What is longer than memory is judged event by event, by [`Judging`].
//!
//! Histories of any other harness are judged by [`streaming`] checkers, one file each, which are told typed events one
//! at a time: of queues and logs ([`queues`]), of sets, counters and other small stores ([`stores`]), of balances,
//! postings and request keys ([`accounts`]), of states, schedules, branches and what stays behind ([`process`]).

pub mod accounts;
pub mod check;
mod findings;
pub mod formats;
pub mod history;
pub mod isolation;
mod judge;
pub mod ledger;
pub mod linear;
pub mod money;
pub mod names;
pub mod ops;
mod options;
mod parallel;
pub mod process;
pub mod promises;
pub mod queues;
pub mod run;
pub mod stores;
pub mod streaming;
mod texts;
pub mod verdict;
mod words;
pub mod workloads;

pub use findings::Findings;
pub use judge::{Judging, Undone, judge, undone};
pub use words::plural_of;
