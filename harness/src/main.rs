//! The command line of paytwice. Everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    paytwice::cli::main()
}
