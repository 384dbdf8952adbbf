//! What histories are written in: one file per format, one [`Reader`] for all of them.
//!
//! | name | what |
//! | --- | --- |
//! | `jsonl` | one JSON object per line: ours, and any with Jepsen's fields |
//! | `jepsen-edn` | Jepsen's `history.edn`: one map per line, or one vector of maps |
//! | `jepsen-json` | the same in JSON, as elle-cli takes it: one array, or one object per line |
//! | `jepsen-txt` | Jepsen's `history.txt`: process, type, f, value and error between tabs |
//! | `jepsen-binary` | Jepsen's `test.jepsen`, from 0.3 on |
//! | `jepsen-store` | a directory of Jepsen's store, with one of `history.edn`, `test.jepsen` and `history.txt` in it |
//! | `porcupine-etcd` | the logs of Jepsen's etcd test, as porcupine keeps them |
//! | `porcupine-kv` | porcupine's key-value logs |
//! | `plume` | the text form of PolySI, Plume and IsoVista: `r(key,value,session,txn)` |
//! | `awdit` | AWDIT's own text form: `r key value`, lines of `-` and of `=` |
//! | `dbcop-json`, `dbcop-text`, `dbcop-bincode` | dbcop's sessions of transactions, of its first version as well |
//! | `cobra` | Cobra's logs: a directory with a file `*.log` per client |
//! | `binary` | the [binary form](binary) |
//!
//! Every reader streams: it holds one operation, and its memory grows to the longest one. Those of `plume` to `cobra`,
//! sessions without times, hold the file. A malformed line is an error that names file, line and column, what was expected
//! and what stood there; a last line that is cut off is left out and reported by [`Reader::cut_off`].
//!
//! ```
//! use paytwice_checkers::formats::{Format, Reader};
//!
//! let history = "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n";
//! let mut reader = Reader::new(history.as_bytes(), "history.edn", Format::JepsenEdn)?;
//! let mut ops = 0;
//! while let Some(op) = reader.next()? {
//!     assert_eq!((op.f, op.value.int()), ("write", Some(1)));
//!     ops += 1;
//! }
//! assert_eq!(ops, 2);
//! # Ok::<(), paytwice_checkers::formats::ReadError>(())
//! ```

mod ahead;
pub mod binary;
mod convert;
pub mod edn;
mod error;
mod format;
mod forms;
mod jepsen;
pub mod json;
mod lines;
mod map;
mod porcupine;
mod reader;
mod tags;
mod transactions;
mod window;

pub use convert::{ConvertError, Converted, convert, format_of_name};
pub use error::{CutOff, ReadError};
pub use format::{FORMATS, Format};
pub(crate) use lines::json_lines;
pub use reader::Reader;
pub use window::OP_BYTES_MAX;
