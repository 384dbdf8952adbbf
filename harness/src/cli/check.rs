//! `paytwice check`: judges a stored run, or anybody's recorded history, anywhere and without Docker.

use std::path::{Path, PathBuf};

use clap::Args;
use paytwice_checkers::check::{Request, check_corpus, check_file};
use paytwice_checkers::formats::Format;
use paytwice_checkers::names::UnknownName;
use paytwice_checkers::verdict::Verdict;
use paytwice_checkers::workloads::Options;
use paytwice_reports::terminal;

use super::run::color;
use super::{CliError, Outcome};
use crate::plan::key_value;
use crate::run::{judge_folder, recheck_line, store};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The run: its folder, its history, its name in the store, or `latest`. With --as: the file of a history.
    #[arg(default_value = "latest")]
    run: String,
    /// Where runs are stored.
    #[arg(long, default_value = "store")]
    store: PathBuf,
    /// Judge the file as this: list-append, cas-register, total-queue, ... (paytwice list checkers).
    #[arg(long = "as", value_name = "CHECKER")]
    as_: Option<String>,
    /// What the file is written in: jsonl, jepsen-edn, ...; told by its name and content by default.
    #[arg(long, value_name = "FORMAT", requires = "as_", value_parser = format)]
    format: Option<Format>,
    /// The consistency model that transactions should satisfy: serializable, ...
    #[arg(long, value_name = "MODEL", requires = "as_")]
    model: Option<String>,
    /// An option of the checker; may be repeated.
    #[arg(long = "option", value_name = "NAME=VALUE", requires = "as_", value_parser = key_value)]
    options: Vec<(String, String)>,
    /// Print the whole summary of a run: faults with their evidence, availability, more witnesses, policies and figures.
    #[arg(short, long, conflicts_with = "as_")]
    verbose: bool,
    /// Print the results as JSON.
    #[arg(long, requires = "as_")]
    json: bool,
    /// Judge every history that the folder's VERDICTS.tsv lists, and compare with the verdicts there.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["run", "as_"])]
    corpus: Option<PathBuf>,
}

fn format(name: &str) -> Result<Format, UnknownName> {
    name.parse()
}

/// Judges what the arguments name.
pub(crate) fn check(args: &CheckArgs) -> Result<Outcome, CliError> {
    match (&args.corpus, &args.as_) {
        (Some(dir), _) => corpus(dir),
        (None, Some(as_)) => file(args, as_),
        (None, None) => run(args),
    }
}

/// Judges a run, writes the reports beside its history, and prints the summary.
fn run(args: &CheckArgs) -> Result<Outcome, CliError> {
    let folder = store::find(&args.store, &args.run)?;
    let judged = judge_folder(&folder)?;
    let recheck = recheck_line(&folder);
    let written = judged.write(&recheck);
    let options = terminal::Options {
        verbose: args.verbose,
        ..color()
    };
    say!("{}", terminal::render(&judged.report(&recheck), &options).trim_end());
    if let Err(e) = written {
        warn!("warning: the reports are not written, the verdict stands: {e}");
    }
    Ok(Outcome::Judged(judged.results.verdict))
}

/// Judges a file as one thing.
fn file(args: &CheckArgs, as_: &str) -> Result<Outcome, CliError> {
    let mut options = Options::default();
    for (name, value) in &args.options {
        options.set(name, value);
    }
    if let Some(model) = &args.model {
        options.set("model", model);
    }
    let request = Request {
        path: PathBuf::from(&args.run),
        format: args.format,
        as_: as_.to_owned(),
        options,
    };
    let checked = check_file(&request)?;
    if args.json {
        let results = serde_json::to_string_pretty(&checked.results).map_err(|e| CliError::Print(e.to_string()))?;
        say!("{results}");
    } else {
        say!("{checked}");
        say!("{}", recheck(&request, checked.format));
    }
    Ok(Outcome::Judged(checked.verdict()))
}

/// The line that checks a file again.
fn recheck(request: &Request, format: Format) -> String {
    let options = match request.options.to_string().as_str() {
        "-" => String::new(),
        set => set.split(',').map(|pair| format!(" --option {pair}")).collect(),
    };
    let path = request.path.display();
    format!(
        "re-check: paytwice check {path} --as {} --format {format}{options}",
        request.as_
    )
}

/// Judges a folder of recorded histories.
fn corpus(dir: &Path) -> Result<Outcome, CliError> {
    let corpus = check_corpus(dir, |_| {})?;
    say!("{corpus}");
    Ok(Outcome::Judged(if corpus.agrees() {
        Verdict::Valid
    } else {
        Verdict::Invalid
    }))
}
