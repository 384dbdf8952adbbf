//! `paytwice convert`: writes a history in another format.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use paytwice_checkers::formats::{Format, Reader, convert as write, format_of_name};
use paytwice_checkers::names::UnknownName;

use super::{CliError, Outcome};

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The history: a file, or a directory of Jepsen's store.
    from: PathBuf,
    /// Where to: the name's end says the format (.ptw binary, .jsonl, .edn, .json).
    to: PathBuf,
    /// What it is written in; told by its name and content by default.
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// What to write: binary, jsonl, jepsen-edn or jepsen-json.
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    to_format: Option<Format>,
}

fn format(name: &str) -> Result<Format, UnknownName> {
    name.parse()
}

/// Converts.
pub(crate) fn convert(args: &ConvertArgs) -> Result<Outcome, CliError> {
    let name = args.to.display().to_string();
    let Some(to) = args.to_format.or_else(|| format_of_name(&name)) else {
        return Err(CliError::Arguments(format!(
            "{name}: its name does not tell the format: end it in .ptw, .jsonl, .edn or .json, or say --to-format"
        )));
    };
    let mut reader = Reader::open(&args.from, args.format).map_err(|e| CliError::Check(e.into()))?;
    if same(reader.path(), &args.to) {
        return Err(CliError::Arguments(format!(
            "{name}: is what is to be converted: name another file"
        )));
    }
    let file = File::create(&args.to).map_err(|e| CliError::Arguments(format!("{name}: {e}")))?;
    let converted = write(&mut reader, BufWriter::with_capacity(1 << 20, file), to)?;
    if let Some(cut) = converted.cut_off {
        say!("note: {} is {cut}", args.from.display());
    }
    say!("{} operations from {} to {name} ({to})", converted.ops, reader.format());
    Ok(Outcome::Done)
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
