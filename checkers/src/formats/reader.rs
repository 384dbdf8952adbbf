//! Opens a history in any format, and reads it one operation at a time.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::ops::Op;

use super::ahead;
use super::binary::Binary;
use super::error::{CutOff, ReadError};
use super::format::{FORMATS, Format};
use super::forms::{Forms, Syntax};
use super::jepsen::Store;
use super::map::Bytes;
use super::porcupine::Log;
use super::transactions::{Transactions, awdit, cobra, dbcop_bincode, dbcop_json, dbcop_text, plume};
use super::window::Window;

/// How many bytes are looked at to tell the format.
const GUESS_BYTES: u64 = 4096;

/// Reads a history, one operation at a time.
#[derive(Debug)]
pub struct Reader {
    format: Format,
    path: PathBuf,
    inner: Inner,
}

enum Inner {
    Forms(Box<Forms>),
    Log(Box<Log>),
    Transactions(Box<Transactions>),
    Store(Box<Store>),
    Binary(Box<Binary>),
}

impl Reader {
    /// Opens the history at `path`; without a `format`, the file's name and its first bytes tell it.
    pub fn open(path: impl AsRef<Path>, format: Option<Format>) -> Result<Reader, ReadError> {
        let (path, format) = locate(path.as_ref(), format)?;
        if format == Format::Binary {
            let inner = Inner::Binary(Box::new(Binary::open(&path)?));
            return Ok(Reader { format, path, inner });
        }
        if format == Format::JepsenBinary {
            let store = Store::new(Bytes::open(&path)?, &path.display().to_string())?;
            let inner = Inner::Store(Box::new(store));
            return Ok(Reader { format, path, inner });
        }
        if format == Format::Cobra && path.is_dir() {
            let inner = Inner::Transactions(Box::new(cobra::open(&path)?));
            return Ok(Reader { format, path, inner });
        }
        let file = path.display().to_string();
        let opened = File::open(&path).map_err(io(&file))?;
        let reader = Reader::new(opened, &file, format)?;
        Ok(Reader { path, ..reader })
    }

    /// Reads a history from `reader`; `file` is what errors call it. The binary form and those of sessions without times are
    /// read to their end first.
    pub fn new(reader: impl Read + Send + 'static, file: &str, format: Format) -> Result<Reader, ReadError> {
        let inner = match format {
            Format::Jsonl | Format::JepsenJson => forms(reader, file, Syntax::Json),
            Format::JepsenEdn | Format::JepsenStore | Format::PorcupineKv => forms(reader, file, Syntax::Edn),
            Format::PorcupineEtcd | Format::JepsenTxt => {
                let logged = format == Format::PorcupineEtcd;
                Inner::Log(Box::new(Log::new(Window::new(Box::new(reader), file), logged)))
            }
            Format::Binary => Inner::Binary(Box::new(Binary::new(all(reader, file)?, file)?)),
            Format::JepsenBinary => Inner::Store(Box::new(Store::new(Bytes::Owned(all(reader, file)?), file)?)),
            Format::Plume => transactions(plume::parse, reader, file)?,
            Format::Awdit => transactions(awdit::parse, reader, file)?,
            Format::DbcopJson => transactions(dbcop_json::parse, reader, file)?,
            Format::DbcopText => transactions(dbcop_text::parse, reader, file)?,
            Format::DbcopBincode => transactions(dbcop_bincode::parse, reader, file)?,
            Format::Cobra => transactions(cobra::parse, reader, file)?,
        };
        let path = PathBuf::from(file);
        Ok(Reader { format, path, inner })
    }

    /// The next operation; None at the end, and where the last one is cut off.
    #[expect(clippy::should_implement_trait, reason = "an operation borrows the reader's tape")]
    pub fn next(&mut self) -> Result<Option<Op<'_>>, ReadError> {
        match &mut self.inner {
            Inner::Forms(forms) => forms.next(),
            Inner::Log(log) => log.next(),
            Inner::Transactions(transactions) => Ok(transactions.next()),
            Inner::Store(store) => store.next(),
            Inner::Binary(binary) => binary.next(),
        }
    }

    /// Gives every operation to `take` until that has enough: the inner error, and the line of that operation. EDN and JSON
    /// are parsed on a thread of its own, which may read further than it was asked to.
    pub(crate) fn each<E>(
        &mut self,
        mut take: impl FnMut(&Op<'_>) -> Result<(), E>,
    ) -> Result<Result<(), (E, u64)>, ReadError> {
        if let Inner::Forms(forms) = &mut self.inner {
            return ahead::each(forms, &mut take);
        }
        while let Some(op) = self.next()? {
            if let Err(enough) = take(&op) {
                return Ok(Err((enough, self.line())));
            }
        }
        Ok(Ok(()))
    }

    /// Where the file ends within an operation; known once [`Reader::next`] has come to the end.
    pub fn cut_off(&self) -> Option<CutOff> {
        match &self.inner {
            Inner::Forms(forms) => forms.cut_off(),
            Inner::Log(log) => log.cut_off(),
            Inner::Transactions(transactions) => transactions.cut_off(),
            Inner::Store(store) => store.cut_off(),
            Inner::Binary(binary) => binary.cut_off(),
        }
    }

    /// The line where the last operation ended, where it began in the forms of sessions without times; in binary forms its
    /// position, from 1.
    pub fn line(&self) -> u64 {
        match &self.inner {
            Inner::Forms(forms) => forms.line(),
            Inner::Log(log) => log.line(),
            Inner::Transactions(transactions) => transactions.line(),
            Inner::Store(store) => store.position(),
            Inner::Binary(binary) => binary.position(),
        }
    }

    /// The file: within a directory, where one was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it reads.
    pub fn format(&self) -> Format {
        self.format
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Inner::Forms(_) => "Forms",
            Inner::Log(_) => "Log",
            Inner::Transactions(_) => "Transactions",
            Inner::Store(_) => "Store",
            Inner::Binary(_) => "Binary",
        })
    }
}

fn forms(reader: impl Read + Send + 'static, file: &str, syntax: Syntax) -> Inner {
    Inner::Forms(Box::new(Forms::new(Window::new(Box::new(reader), file), syntax)))
}

/// What `parse` makes of all that `reader` gives.
fn transactions(
    parse: fn(&[u8], &str) -> Result<Transactions, ReadError>,
    reader: impl Read,
    file: &str,
) -> Result<Inner, ReadError> {
    Ok(Inner::Transactions(Box::new(parse(&all(reader, file)?, file)?)))
}

fn all(mut reader: impl Read, file: &str) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(io(file))?;
    Ok(bytes)
}

pub(super) fn io(file: &str) -> impl FnOnce(std::io::Error) -> ReadError + '_ {
    move |source| ReadError::Io {
        file: file.to_owned(),
        source,
    }
}

/// The file that holds the history, and its format.
fn locate(path: &Path, format: Option<Format>) -> Result<(PathBuf, Format), ReadError> {
    let file = path.display().to_string();
    if path.is_dir() {
        return store(path, format);
    }
    if format == Some(Format::JepsenStore) {
        let problem = "a directory of Jepsen's store is expected; for a single file say --format jepsen-edn".into();
        return Err(ReadError::Unreadable { file, problem });
    }
    if let Some(format) = format {
        return Ok((path.to_owned(), format));
    }
    let mut bytes = Vec::new();
    let opened = File::open(path).map_err(io(&file))?;
    opened.take(GUESS_BYTES).read_to_end(&mut bytes).map_err(io(&file))?;
    let guessed = Format::guess(&file, &bytes).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|(_, name)| *name).collect();
        let problem = format!(
            "its format cannot be told: say --format with one of {}",
            names.join(", ")
        );
        ReadError::Unreadable { file, problem }
    })?;
    Ok((path.to_owned(), guessed))
}

/// The history in a directory: of a store, Jepsen's or ours, of dbcop, or of Cobra.
fn store(path: &Path, format: Option<Format>) -> Result<(PathBuf, Format), ReadError> {
    let known = [
        ("history.edn", Format::JepsenEdn),
        ("history.jsonl", Format::Jsonl),
        ("history.ptw", Format::Binary),
        ("test.jepsen", Format::JepsenBinary),
        // It has no times: the last that is taken of a store.
        ("history.txt", Format::JepsenTxt),
        ("history.bincode", Format::DbcopBincode),
    ];
    let wanted = |found: Format| match format {
        None => true,
        Some(Format::JepsenStore) => matches!(found, Format::JepsenEdn | Format::JepsenBinary | Format::JepsenTxt),
        Some(format) => format == found,
    };
    for (name, found) in known {
        let candidate = path.join(name);
        if wanted(found) && candidate.is_file() {
            return Ok((candidate, found));
        }
    }
    if format == Some(Format::Cobra) || format.is_none() && cobra::holds(path) {
        return Ok((path.to_owned(), Format::Cobra));
    }
    let file = path.display().to_string();
    let problem = match path.join("test.fressian").is_file() {
        true => {
            "holds only Jepsen's binary test.fressian, which is not read: write its operations to history.edn, one map \
                 per line (in Jepsen's REPL: (doseq [op (:history (jepsen.store/latest))] (prn op)))"
                .to_owned()
        }
        false => "holds no history.edn: name the directory of one run in Jepsen's store, or a file".to_owned(),
    };
    Err(ReadError::Unreadable { file, problem })
}
