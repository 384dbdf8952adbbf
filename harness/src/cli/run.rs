//! `paytwice run`: a campaign of one or more runs against a target.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use paytwice_checkers::verdict::Verdict;
use paytwice_reports::campaign::{self, CampaignRun, RunOutcome};
use paytwice_reports::coverage::{self, Coverage};
use paytwice_reports::explore::CaseOutcome;
use paytwice_reports::terminal;
use tokio::time::Instant;

use super::interrupt::interrupted;
use super::{Outcome, progress};
use crate::campaign::{Campaign, Run, Session};
use crate::clock::Now;
use crate::explore::{self, ExploreOptions, Explored};
use crate::plan::{
    CLIENTS, PlanError, PlanFile, PlanRequest, RATE_MAX, WireDetail, duration_ms, is_rate, key_number, key_value,
};
use crate::run::RunError;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The target: a name under `targets/`, or the path of a folder with a `target.toml`.
    /// Default: what the plan file says, or the only target there is.
    target: Option<String>,
    /// Decides everything the harness decides; drawn and printed when not given.
    #[arg(long, value_parser = seed, allow_hyphen_values = true)]
    seed: Option<u64>,
    /// What is broken: `all`, `none`, or a comma list of kind[:on][:parameters][@start+length].
    #[arg(long)]
    faults: Option<String>,
    /// A rule at a wire point, e.g. 'pay->mysql COMMIT reply: drop'; may be repeated. See `list points`.
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// What of the wire goes into the history: off (only what something was done to), points, all.
    #[arg(long, value_name = "HOW-MUCH", value_parser = str::parse::<WireDetail>)]
    wire_detail: Option<WireDetail>,
    /// A policy of the target and its value; may be repeated.
    #[arg(long = "policy", value_name = "NAME=VALUE", value_parser = key_value)]
    policies: Vec<(String, String)>,
    /// A named choice of policies.
    #[arg(long)]
    preset: Option<String>,
    /// How long clients start new subjects, such as orders: 30s, 500ms, 2m.
    #[arg(long, value_parser = duration_ms, allow_hyphen_values = true)]
    time: Option<u64>,
    /// New subjects per second, over all clients.
    #[arg(long, value_parser = rate, allow_hyphen_values = true)]
    rate: Option<f64>,
    /// Clients at work at the same time.
    #[arg(long, value_parser = clients, allow_hyphen_values = true)]
    clients: Option<u32>,
    /// How many subjects of a kind there are before the workload, e.g. sku=20; may be repeated.
    #[arg(long = "count", value_name = "NAME=N", value_parser = key_number)]
    counts: Vec<(String, u64)>,
    /// How many of them are opened only while the workload runs; may be repeated.
    #[arg(long, value_name = "NAME=N", value_parser = key_number)]
    late: Vec<(String, u64)>,
    /// Runs on the same stack, with the seeds SEED, SEED+1, ...
    #[arg(long, default_value_t = 1, value_parser = runs, allow_hyphen_values = true)]
    runs: u32,
    /// A plan file: a request, or the `plan.toml` of a stored run to replay it.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// An image for a dependency, by its name in target.toml; may be repeated.
    #[arg(long = "image", value_name = "DEPENDENCY=IMAGE", value_parser = key_value)]
    images: Vec<(String, String)>,
    /// When a party writes to its disk, by its name: a RocketMQ broker async or sync, a MySQL server 1, 0 or 2
    /// (innodb_flush_log_at_trx_commit), e.g. broker=sync; may be repeated.
    #[arg(long = "flush", value_name = "PARTY=VALUE", value_parser = key_value)]
    flush: Vec<(String, String)>,
    /// Where runs are stored.
    #[arg(long, default_value = "store")]
    store: PathBuf,
    /// Explore instead: every point that a subject passes, with everything that a rule can do there, case by case; or
    /// rules drawn from the seed.
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["runs", "faults", "rules", "keep", "direct"])]
    explore: Option<Explore>,
    /// Exploring: begin no new case after this time.
    #[arg(long, value_parser = duration_ms, allow_hyphen_values = true, requires = "explore")]
    budget: Option<u64>,
    /// Exploring: only points whose name has this in it, e.g. 'pay->mysql' or 'COMMIT'.
    #[arg(long, value_name = "TEXT", requires = "explore")]
    only: Option<String>,
    /// Exploring: stop at the first case that breaks a promise.
    #[arg(long, requires = "explore")]
    fail_fast: bool,
    /// Exploring: so many cases at a time, each on a stack of its own (about 1 GB of memory).
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = jobs, allow_hyphen_values = true, requires = "explore")]
    jobs: usize,
    /// Exploring: go on with this one, the folder of an exploration in the store.
    #[arg(long, value_name = "FOLDER", requires = "explore")]
    resume: Option<PathBuf>,
    /// Leave the containers of the dependencies up afterwards, to look at them; the next run or `clean` removes them.
    #[arg(long)]
    keep: bool,
    /// Join services and dependencies without links, to compare speeds (no wire fault is possible then).
    #[arg(long)]
    direct: bool,
    /// Print the whole summary: faults with their evidence, availability, more witnesses, policies and figures.
    #[arg(short, long)]
    verbose: bool,
}

/// More stacks at a time than any machine that this runs on could carry.
const JOBS_MAX: u64 = 64;
/// More runs than any campaign needs.
const RUNS_MAX: u64 = 100_000;

fn jobs(text: &str) -> Result<usize, String> {
    whole(text, 1, JOBS_MAX)
}

fn runs(text: &str) -> Result<u32, String> {
    whole(text, 1, RUNS_MAX)
}

fn seed(text: &str) -> Result<u64, String> {
    whole(text, 0, i64::MAX.unsigned_abs())
}

fn clients(text: &str) -> Result<u32, String> {
    whole(text, u64::from(*CLIENTS.start()), u64::from(*CLIENTS.end()))
}

/// A whole number in these bounds. Whatever else is given, the message says the bounds.
fn whole<N: TryFrom<u64>>(text: &str, min: u64, max: u64) -> Result<N, String> {
    let number = text.parse().ok().filter(|n| (min..=max).contains(n));
    let number = number.and_then(|n: u64| N::try_from(n).ok());
    number.ok_or_else(|| format!("give a whole number from {min} to {max}"))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| is_rate(*rate));
    rate.ok_or_else(|| format!("give a number above 0 and at most {RATE_MAX}"))
}

/// What can be explored.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Explore {
    /// Every wire point of one subject, with every action; with a --budget, second faults where a first one has led.
    Points,
    /// A few subjects at once with rules drawn from the seed, until the --budget is used up.
    Random,
}

/// Runs, prints, and says how it ended.
pub(crate) async fn run(args: RunArgs) -> Result<Outcome, RunError> {
    let campaign = campaign(&args)?;
    if let Some(what) = args.explore {
        let what = match what {
            Explore::Points => Explored::Points,
            Explore::Random => Explored::Random,
        };
        return tokio::select! {
            outcome = explore_target(&campaign, &args, what) => outcome,
            signal = interrupted() => Err(RunError::Interrupted(signal)),
        };
    }
    let mut rows = Vec::new();
    tokio::select! {
        outcome = carry_out(&campaign, args.runs, (args.keep, args.verbose), &mut rows) => outcome,
        // Everything that was started is dropped here, which removes it, before the program ends.
        signal = interrupted() => match worst(&rows) {
            // What was found before stays found.
            Outcome::Judged(Verdict::Invalid) => {
                warn!("error: {}", RunError::Interrupted(signal));
                say!("{}", campaign::render(&rows, &color()).trim_end());
                Ok(Outcome::Judged(Verdict::Invalid))
            }
            _ => Err(RunError::Interrupted(signal)),
        },
    }
}

async fn carry_out(
    campaign: &Campaign,
    runs: u32,
    (keep, verbose): (bool, bool),
    rows: &mut Vec<CampaignRun>,
) -> Result<Outcome, RunError> {
    let session = Session::up(campaign).await?;
    let mut worst_run: Option<Run> = None;
    let mut tried = Coverage::default();
    for number in 1..=runs {
        let begun = Instant::now();
        let ran = session.run(campaign, (number, runs)).await;
        let seed = campaign.seed_of(number);
        rows.push(CampaignRun {
            seed,
            outcome: outcome_of(&ran),
            wall: begun.elapsed(),
        });
        match ran {
            Ok(run) => {
                print(&run, runs > 1, verbose);
                run.coverage().into_iter().for_each(|coverage| tried.merge(coverage));
                if worst_run.as_ref().is_none_or(|worst| run.verdict() > worst.verdict()) {
                    worst_run = Some(run);
                }
            }
            // One run that the harness could not carry out does not end the others of its campaign.
            Err(e) if runs > 1 && !e.is_users() => warn!("error: {e}"),
            Err(e) => return Err(e),
        }
    }
    if keep {
        session.keep();
        warn!("the containers stay up: docker ps --filter label=paytwice.stack");
    } else if let Err(e) = session.down().await {
        // The verdicts stand, whatever becomes of the containers.
        warn!("error: {e}\n  paytwice clean removes what is left");
    }
    if runs > 1 {
        say!("{}", campaign::render(rows, &color()).trim_end());
        say!("{}", coverage::render(&tried, &color()).trim_end());
        if let Some(run) = worst_run {
            say!("{}", run.replay());
        }
    }
    Ok(worst(rows))
}

async fn explore_target(campaign: &Campaign, args: &RunArgs, what: Explored) -> Result<Outcome, RunError> {
    let options = ExploreOptions {
        what,
        budget: args.budget.map(Duration::from_millis),
        only: args.only.clone(),
        fail_fast: args.fail_fast,
        resume: args.resume.clone(),
        jobs: args.jobs,
    };
    let (exploration, folder) = explore::explore(campaign, &options, &progress::observer()).await?;
    say!(
        "{}",
        paytwice_reports::explore::render(&exploration, &color()).trim_end()
    );
    say!("{}", folder.join(paytwice_reports::explore::EXPLORE_HTML).display());
    Ok(match exploration.verdict() {
        Verdict::Invalid => Outcome::Judged(Verdict::Invalid),
        _ if exploration.count(CaseOutcome::Failed) > 0 => Outcome::HarnessFailed,
        verdict => Outcome::Judged(verdict),
    })
}

/// What the arguments ask for, over what a plan file asks for.
fn campaign(args: &RunArgs) -> Result<Campaign, RunError> {
    let asked = request(args);
    let read = |file| Ok::<_, RunError>((file, PlanFile::read(file)?));
    let campaign = match args.plan.as_deref().map(read).transpose()? {
        Some((_, PlanFile::Plan(_))) if asked != PlanRequest::default() => {
            return Err(RunError::Plan(PlanError::BadValue {
                key: "--plan".to_owned(),
                problem: "this is the plan of a stored run, which is replayed as it is: leave the other flags out, or \
                          change a copy of the file"
                    .to_owned(),
            }));
        }
        Some((file, PlanFile::Plan(plan))) => Campaign::from_plan(*plan).kept_beside(file),
        Some((_, PlanFile::Request(file))) => Campaign::from_request(asked.or(*file)),
        None => Campaign::from_request(asked),
    };
    Ok(campaign
        .seed_unless_given(Now::read().seed())
        .store(&args.store)
        .direct(args.direct)
        .observer(progress::observer()))
}

fn request(args: &RunArgs) -> PlanRequest {
    PlanRequest {
        target: args.target.clone(),
        seed: args.seed,
        policies: args.policies.iter().cloned().collect(),
        preset: args.preset.clone(),
        time_ms: args.time,
        rate: args.rate,
        clients: args.clients,
        counts: args.counts.iter().cloned().collect(),
        late: args.late.iter().cloned().collect(),
        faults: args.faults.clone(),
        rules: args.rules.clone(),
        wire_detail: args.wire_detail,
        images: args.images.iter().cloned().collect(),
        flush: args.flush.iter().cloned().collect(),
        ..PlanRequest::default()
    }
}

fn outcome_of(ran: &Result<Run, RunError>) -> RunOutcome {
    match ran {
        Ok(run) => RunOutcome::Judged {
            verdict: run.verdict(),
            sentence: run.results().sentence.clone(),
        },
        Err(e) => RunOutcome::Failed(e.to_string()),
    }
}

/// A whole summary for a single run; for one of many, only when it is not valid.
fn print(run: &Run, one_of_many: bool, verbose: bool) {
    if !one_of_many || run.verdict() != Verdict::Valid {
        let options = terminal::Options { verbose, ..color() };
        say!("{}", run.summary_with(&options).trim_end());
    }
}

/// The worst of many: invalid, then a failure of the harness, then unknown, then valid.
fn worst(rows: &[CampaignRun]) -> Outcome {
    let rank = |row: &CampaignRun| match &row.outcome {
        RunOutcome::Judged {
            verdict: Verdict::Invalid,
            ..
        } => 3,
        RunOutcome::Failed(_) => 2,
        RunOutcome::Judged {
            verdict: Verdict::Unknown,
            ..
        } => 1,
        RunOutcome::Judged {
            verdict: Verdict::Valid,
            ..
        } => 0,
    };
    match rows.iter().map(rank).max() {
        Some(3) => Outcome::Judged(Verdict::Invalid),
        Some(2) => Outcome::HarnessFailed,
        Some(1) => Outcome::Judged(Verdict::Unknown),
        _ => Outcome::Judged(Verdict::Valid),
    }
}

/// Colors where a person reads them.
pub(super) fn color() -> terminal::Options {
    terminal::Options {
        color: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        ..terminal::Options::default()
    }
}
