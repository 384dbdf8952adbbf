//! The lines that a user can copy: the command that carries out a run again, and the one that judges it again.
//! Must never show a command that would not work from where the user stands.

use std::path::Path;

/// The expanded plan of a run, by name.
pub const PLAN: &str = "plan.toml";

/// The command that carries out a stored plan again, with links or without.
pub fn replay_line(folder: &Path, direct: bool) -> String {
    let direct = if direct { " --direct" } else { "" };
    format!("{} run --plan {}{direct}", program(), folder.join(PLAN).display())
}

/// The command that judges a stored run again.
pub fn recheck_line(folder: &Path) -> String {
    format!("{} check {}", program(), folder.display())
}

/// How this program is called from where the user stands.
fn program() -> &'static str {
    // cargo sets this for what it runs: then the binary is not on the user's path.
    if std::env::var_os("CARGO_MANIFEST_DIR").is_some() {
        "cargo run -q --bin paytwice --"
    } else {
        "paytwice"
    }
}
