//! Shows a run while it goes: one moving line on a terminal, plain lines elsewhere.
//!
//! Everything goes to standard error: standard output holds the summary alone.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use paytwice_reports::terminal::lines;

use crate::run::{Notice, Observer, Tick};

/// Plain output gets a line about the workload this often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// An observer for the command line.
pub(super) fn observer() -> Observer {
    if std::io::stderr().is_terminal() && std::env::var_os("CI").is_none() {
        moving()
    } else {
        plain()
    }
}

fn moving() -> Observer {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    let phase = Mutex::new(String::new());
    Observer::new(move |notice| {
        let mut phase = phase.lock().unwrap_or_else(PoisonError::into_inner);
        match notice {
            Notice::Phase(name) => {
                bar.set_message(name.clone());
                *phase = name;
            }
            Notice::Tick(tick) => bar.set_message(format!("{}: {}", *phase, describe(&tick))),
            other => {
                if let Some(line) = line(&other) {
                    bar.println(line);
                }
            }
        }
    })
}

fn plain() -> Observer {
    let last = Mutex::new(None::<Instant>);
    Observer::new(move |notice| match notice {
        Notice::Tick(tick) => {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_none_or(|t| t.elapsed() >= PLAIN_EVERY) {
                *last = Some(Instant::now());
                warn!("   {}", describe(&tick));
            }
        }
        other => {
            if let Some(line) = line(&other) {
                warn!("{line}");
            }
        }
    })
}

fn line(notice: &Notice) -> Option<String> {
    let line = match notice {
        Notice::Run {
            number,
            of,
            seed,
            folder,
        } => format!("== run {number} of {of}, seed {seed}: {folder}"),
        Notice::Phase(name) => format!("-- {name}"),
        Notice::Detail(text) => format!("   {text}"),
        Notice::Fault(text) => format!("   ~ {text}"),
        Notice::Warning(text) => format!("   ! {text}"),
        Notice::Tick(_) => return None,
    };
    Some(lines(&line))
}

fn describe(tick: &Tick) -> String {
    let mut parts = Vec::new();
    if tick.of_s > 0 {
        parts.push(format!("{}/{} s", tick.elapsed_s, tick.of_s));
        parts.push(format!(
            "{} started, {}/s ok, {} ok, {} refused, {} unknown",
            tick.begun, tick.rate, tick.ok, tick.fail, tick.info
        ));
    } else {
        parts.push(format!("{} s", tick.elapsed_s));
    }
    if !tick.waiting_for.is_empty() {
        parts.push(format!("waiting for {}", tick.waiting_for));
    }
    if !tick.faults.is_empty() {
        parts.push(format!("in force: {}", tick.faults.join(", ")));
    }
    parts.join(" | ")
}
