//! Writes the reports of the hand-made runs, to be looked at: `cargo run -p paytwice-reports --example pages -- FOLDER`.

use std::error::Error;
use std::path::PathBuf;

#[path = "../tests/fixture/mod.rs"]
mod fixture;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    let runs = [
        ("valid", fixture::valid(600)),
        ("invalid", fixture::invalid(600)),
        ("unknown", fixture::truncated(600)),
        (
            "hostile",
            fixture::hostile("</script><script>document.title='owned'</script>"),
        ),
        ("large", fixture::invalid(50_000)),
    ];
    for (name, run) in runs {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        paytwice_reports::write_all(&folder, &run.report())?;
    }
    Ok(())
}
