//! What histories are written in: one file per format, one [`Reader`] for all of them.
//!
//! | name | what |
//! | --- | --- |
//! | `jsonl` | one JSON object per line: ours, and any with Jepsen's fields |
//! | `jepsen-edn` | Jepsen's `history.edn`: one map per line, or one vector of maps |
//! | `jepsen-json` | the same in JSON, as elle-cli takes it: one array, or one object per line |
//! | `jepsen-store` | a directory of Jepsen's store, with `history.edn` in it |
//! | `porcupine-etcd` | the logs of Jepsen's etcd test, as porcupine keeps them |
//! | `porcupine-kv` | porcupine's key-value logs |
//! | `binary` | the [binary form](binary) |
//!
//! Every reader streams: it holds one operation, and its memory grows to the longest one. A malformed line is an error
//! that names file, line and column, what was expected and what stood there; a last line that is cut off is left out
//! and reported by [`Reader::cut_off`].
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
pub mod json;
mod lines;
mod map;
mod porcupine;
mod reader;
mod window;

pub use convert::{ConvertError, Converted, convert, format_of_name};
pub use error::{CutOff, ReadError};
pub use format::{FORMATS, Format};
pub(crate) use lines::json_lines;
pub use reader::Reader;
pub use window::OP_BYTES_MAX;
