//! The formats by name, and which of them a file is in.

use std::fmt;
use std::str::FromStr;

use crate::names::UnknownName;

use super::porcupine;
use super::transactions::{awdit, dbcop_json, dbcop_text, plume};

/// What a history is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object per line.
    Jsonl,
    /// Jepsen's `history.edn`.
    JepsenEdn,
    /// The same in JSON.
    JepsenJson,
    /// Jepsen's `history.txt`.
    JepsenTxt,
    /// Jepsen's `test.jepsen`, from 0.3 on.
    JepsenBinary,
    /// A directory of Jepsen's store.
    JepsenStore,
    /// The logs of Jepsen's etcd test.
    PorcupineEtcd,
    /// Porcupine's key-value logs.
    PorcupineKv,
    /// The text form of PolySI, Plume and IsoVista.
    Plume,
    /// AWDIT's own text form.
    Awdit,
    /// dbcop's JSON.
    DbcopJson,
    /// dbcop's text form.
    DbcopText,
    /// dbcop's binary form.
    DbcopBincode,
    /// Cobra's logs.
    Cobra,
    /// The binary form.
    Binary,
}

/// Every format, with its name.
pub const FORMATS: [(Format, &str); 15] = [
    (Format::Jsonl, "jsonl"),
    (Format::JepsenEdn, "jepsen-edn"),
    (Format::JepsenJson, "jepsen-json"),
    (Format::JepsenTxt, "jepsen-txt"),
    (Format::JepsenBinary, "jepsen-binary"),
    (Format::JepsenStore, "jepsen-store"),
    (Format::PorcupineEtcd, "porcupine-etcd"),
    (Format::PorcupineKv, "porcupine-kv"),
    (Format::Plume, "plume"),
    (Format::Awdit, "awdit"),
    (Format::DbcopJson, "dbcop-json"),
    (Format::DbcopText, "dbcop-text"),
    (Format::DbcopBincode, "dbcop-bincode"),
    (Format::Cobra, "cobra"),
    (Format::Binary, "binary"),
];

/// Other names under which they are known.
const ALIASES: [(Format, &str); 7] = [
    (Format::JepsenEdn, "edn"),
    (Format::JepsenJson, "json"),
    (Format::JepsenEdn, "elle-edn"),
    (Format::JepsenJson, "elle-json"),
    (Format::Plume, "polysi"),
    (Format::Plume, "isovista"),
    (Format::Binary, "ptw"),
];

impl Format {
    /// Its name.
    pub fn name(self) -> &'static str {
        let named = FORMATS.iter().find(|(format, _)| *format == self);
        named.map_or("", |(_, name)| name)
    }

    /// Whether a file in it holds all that was ever written, what was there at first included.
    pub(crate) fn is_whole(self) -> bool {
        matches!(
            self,
            Format::Plume | Format::Awdit | Format::DbcopJson | Format::DbcopText | Format::DbcopBincode
        )
    }

    /// The format of a file, by its first bytes and its name.
    pub(super) fn guess(name: &str, bytes: &[u8]) -> Option<Format> {
        if bytes.starts_with(super::binary::MAGIC) {
            return Some(Format::Binary);
        }
        if bytes.starts_with(super::jepsen::MAGIC) {
            return Some(Format::JepsenBinary);
        }
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        let levels: [&[u8]; 5] = [b"INFO", b"WARN", b"ERROR", b"DEBUG", b"TRACE"];
        if levels.iter().any(|level| text.starts_with(level)) {
            return Some(Format::PorcupineEtcd);
        }
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        match (extension, text.first()) {
            (Some("edn"), _) => return Some(Format::JepsenEdn),
            (Some("bincode"), _) => return Some(Format::DbcopBincode),
            (_, Some(_)) if dbcop_json::begins(text) => return Some(Format::DbcopJson),
            (Some("json"), _) => return Some(Format::JepsenJson),
            (Some("jsonl"), _) => return Some(Format::Jsonl),
            (_, None) => return None,
            (_, Some(b';' | b'(' | b'#')) => return Some(Format::JepsenEdn),
            (_, Some(_)) => {}
        }
        if let Some(format) = guess_by_lines(text) {
            return Some(format);
        }
        let mut rest = text;
        while let [b'[' | b'{' | b' ' | b'\n' | b'\r' | b'\t', behind @ ..] = rest {
            rest = behind;
        }
        match (text.first(), rest.first()) {
            (Some(b'[' | b'{'), Some(b':' | b';' | b'#')) => Some(Format::JepsenEdn),
            (Some(b'['), Some(b'"')) => Some(Format::JepsenJson),
            (Some(b'{'), Some(b'"')) => Some(Format::Jsonl),
            _ => None,
        }
    }
}

/// The formats that a line tells: the first one, behind dbcop's comments and rules.
fn guess_by_lines(text: &[u8]) -> Option<Format> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = std::str::from_utf8(lines.clone().next()?).ok()?;
    let telling = |line: &&[u8]| !line.is_empty() && !line.starts_with(b"//") && line.iter().any(|byte| *byte != b'-');
    let telling = lines.find(telling).and_then(|line| std::str::from_utf8(line).ok());
    let looks = [
        (Format::Plume, plume::begins(first)),
        (Format::DbcopText, telling.is_some_and(dbcop_text::begins)),
        (Format::Awdit, awdit::begins(first)),
        (Format::JepsenTxt, porcupine::begins(first)),
    ];
    looks.iter().find(|(_, it)| *it).map(|(format, _)| *format)
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Format, UnknownName> {
        let found = FORMATS.iter().chain(&ALIASES).find(|(_, known)| *known == name);
        found
            .map(|(format, _)| *format)
            .ok_or_else(|| UnknownName::new("format", name, FORMATS.iter().map(|(_, name)| *name)))
    }
}
