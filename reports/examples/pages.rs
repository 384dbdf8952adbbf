//! Writes reports to look at: `cargo run -p paytwice-reports --example pages -- FOLDER [HISTORY]`. Without a history, it
//! writes those of the fixtures.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use paytwice_checkers::{history, judge};
use paytwice_reports::{RunReport, terminal, write_all};

#[path = "../tests/fixture/mod.rs"]
mod fixture;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().ok_or("which folder?")?);
    match args.next() {
        Some(history) => of_history(&folder, &history),
        None => by_hand(&folder),
    }
}

fn of_history(folder: &Path, path: &str) -> Result<(), Box<dyn Error>> {
    let history = history::read(BufReader::new(File::open(path)?), path)?;
    let results = judge(&history);
    let replay = format!("paytwice check {path}");
    let report = RunReport::new(&results, &history.events, &replay);
    std::fs::create_dir_all(folder)?;
    write_all(folder, &report)?;
    print!("{}", terminal::render(&report, &terminal::Options::default()));
    Ok(())
}

fn by_hand(folder: &Path) -> Result<(), Box<dyn Error>> {
    let runs = [
        ("valid", fixture::valid(600)),
        ("invalid", fixture::invalid(600)),
        ("unknown", fixture::truncated(600)),
        ("shipping", fixture::shipping()),
        (
            "hostile",
            fixture::hostile("</script><script>document.title='owned'</script>"),
        ),
        ("large", fixture::invalid(50_000)),
    ];
    for (name, run) in runs {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        write_all(&folder, &run.report())?;
    }
    Ok(())
}
