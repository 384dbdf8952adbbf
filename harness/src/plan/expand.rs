//! From a request to a plan: every default filled in, every choice drawn from the seed.
//!
//! The same target, request and seed give the same plan on every machine. Must never read a clock.

use std::collections::BTreeMap;

use super::check;
use super::duration::show_ms;
use super::error::{PlanError, did_you_mean, list};
use super::machine;
use super::manifest::Manifest;
use super::point_rule::PointRule;
use super::points::check_rule;
use super::request::PlanRequest;
use super::schedule::{self, Selection, Topology};
use super::target::Target;
use super::types::{FaultSpec, PLAN_VERSION, Plan, PlannedFault, SettlePlan, WorkloadPlan};

const TIME_MS: u64 = 30_000;
const TIME_MS_MAX: u64 = 24 * 3_600_000;
const RATE: f64 = 20.0;
const RATE_MAX: f64 = 100_000.0;
const CLIENTS: u32 = 40;
const CLIENTS_MAX: u32 = 10_000;
const ACCOUNTS_MIN: u32 = 8;
const LATE_ACCOUNTS: u32 = 2;
const OP_TIMEOUT_MS: u64 = 2000;
const ATTEMPTS: u32 = 4;
const RETRY_AFTER_MS: u64 = 200;
const DECLINED_SHARE: f64 = 0.05;
/// Clients that never try again: what they leave behind stays as it is, and no retry mends it.
const GIVE_UP_SHARE: f64 = 0.3;
const CONFLICT_SHARE: f64 = 0.03;
const QUERY_SHARE: f64 = 0.5;
const SETTLE_TIMEOUT_MS: u64 = 90_000;
const SAMPLE_EVERY_MS: u64 = 500;

/// The plan that a request asks for. The request must name a seed: a caller without one draws it.
pub fn expand(target: &Target, request: &PlanRequest) -> Result<Plan, PlanError> {
    let seed = request
        .seed
        .ok_or_else(|| PlanError::value("--seed", "is not given, and nothing was drawn in its place"))?;
    if i64::try_from(seed).is_err() {
        return Err(PlanError::value(
            "--seed",
            format!("is {seed}; it can be 0 to {}", i64::MAX),
        ));
    }
    let policies = policies(target, request)?;
    let manifest = target.effective(&policies)?;
    let problems = check::money_problems(&manifest.money);
    if !problems.is_empty() {
        let problem = format!("under the chosen policies {}", problems.join("; "));
        return Err(PlanError::value(format!("target {}", manifest.name), problem));
    }
    machine::check_flush(&target.parties(), &request.flush).map_err(|problem| PlanError::value("--flush", problem))?;
    let workload = workload(&manifest, request)?;
    let topology = Topology::new(target);
    // Who names a rule wants to see what it does, and nothing else.
    let usual = if request.rules.is_empty() { "all" } else { "none" };
    let selection = Selection::parse(request.faults.as_deref().unwrap_or(usual), &topology)?;
    let mut faults = schedule::schedule(&topology, &selection, workload.time_ms, seed)?;
    add_rules(target, &request.rules, workload.time_ms, &mut faults)?;
    Ok(Plan {
        version: PLAN_VERSION,
        target: manifest.name.clone(),
        stack: "containers".to_owned(),
        seed,
        policies,
        late: request.late.unwrap_or(manifest.promise.late),
        workload,
        wire_detail: request.wire_detail.unwrap_or_default(),
        settle: SettlePlan {
            timeout_ms: between(
                "settle_timeout",
                request.settle_timeout_ms.unwrap_or(SETTLE_TIMEOUT_MS),
                1000,
                TIME_MS_MAX,
            )?,
            sample_every_ms: SAMPLE_EVERY_MS,
        },
        images: images(&manifest, request)?,
        flush: request.flush.clone(),
        faults,
    })
}

/// Rules at points are in force from the first payment to the last.
fn add_rules(target: &Target, rules: &[String], time_ms: u64, faults: &mut Vec<PlannedFault>) -> Result<(), PlanError> {
    for text in rules {
        let rule: PointRule = text
            .parse()
            .map_err(|problem: String| PlanError::value("--rule", format!("{text:?}: {problem}")))?;
        check_rule(target, &rule).map_err(|problem| PlanError::value("--rule", format!("{text:?}: {problem}")))?;
        faults.push(PlannedFault {
            id: faults.iter().map(|fault| fault.id).max().unwrap_or(0) + 1,
            at_ms: 0,
            for_ms: time_ms,
            fault: FaultSpec::Rule(Box::new(rule)),
        });
    }
    faults.sort_by_key(|fault| fault.at_ms);
    Ok(())
}

/// Every policy with its value: the default, or the preset's, or the one that was named.
fn policies(target: &Target, request: &PlanRequest) -> Result<BTreeMap<String, String>, PlanError> {
    let presets = &target.manifest.presets;
    let mut chosen = match &request.preset {
        None => BTreeMap::new(),
        Some(name) => {
            let preset = presets.get(name).ok_or_else(|| {
                let known = presets.keys().map(String::as_str);
                let hint = did_you_mean(name, known.clone());
                let problem = format!(
                    "is {name:?}; the presets of {} are {}{hint}",
                    target.manifest.name,
                    list(known)
                );
                PlanError::value("--preset", problem)
            })?;
            preset.policies.clone()
        }
    };
    chosen.extend(request.policies.clone());
    target.choose(&chosen)
}

fn images(manifest: &Manifest, request: &PlanRequest) -> Result<BTreeMap<String, String>, PlanError> {
    for name in request.images.keys() {
        if !manifest.dependencies.contains_key(name) {
            let known = manifest.dependencies.keys().map(String::as_str);
            let hint = did_you_mean(name, known.clone());
            let problem = format!("names the dependency {name:?}; this target has {}{hint}", list(known));
            return Err(PlanError::value("--image", problem));
        }
    }
    Ok(request.images.clone())
}

fn workload(manifest: &Manifest, request: &PlanRequest) -> Result<WorkloadPlan, PlanError> {
    let time_ms = between("--time", request.time_ms.unwrap_or(TIME_MS), 500, TIME_MS_MAX)?;
    let rate = request.rate.unwrap_or(RATE);
    if !(rate > 0.0 && rate <= RATE_MAX) {
        return Err(PlanError::value(
            "--rate",
            format!("is {rate}; it must be above 0 and at most {RATE_MAX}"),
        ));
    }
    let clients = whole("--clients", request.clients.unwrap_or(CLIENTS), 1, CLIENTS_MAX)?;
    let payments_max = payments_max(rate, time_ms)?;
    // Base b tells b - 1 credits of a payment apart, and its k-th digit stands for payment k of the account.
    let money = &manifest.money;
    // The highest digit is kept for the conflicts, so that no payment is blamed for one that is accepted.
    let payments_per_account = digits_in_base(money.digits, money.base).saturating_sub(1).max(1);
    let accounts = accounts(request.accounts, payments_max, payments_per_account)?;
    let late_accounts = match request.late_accounts {
        None => LATE_ACCOUNTS.min(accounts / 2),
        Some(late) => whole("late_accounts", late, 0, accounts)?,
    };
    Ok(WorkloadPlan {
        ends_early: false,
        time_ms,
        rate,
        clients,
        accounts,
        late_accounts,
        payments_max,
        base: money.base,
        payments_per_account,
        op_timeout_ms: between(
            "op_timeout",
            request.op_timeout_ms.unwrap_or(OP_TIMEOUT_MS),
            50,
            600_000,
        )?,
        attempts: whole("attempts", request.attempts.unwrap_or(ATTEMPTS), 1, 100)?,
        retry_after_ms: between(
            "retry_after",
            request.retry_after_ms.unwrap_or(RETRY_AFTER_MS),
            0,
            600_000,
        )?,
        declined_share: share("declined_share", request.declined_share.unwrap_or(DECLINED_SHARE))?,
        conflict_share: share("conflict_share", request.conflict_share.unwrap_or(CONFLICT_SHARE))?,
        give_up_share: share("give_up_share", request.give_up_share.unwrap_or(GIVE_UP_SHARE))?,
        query_share: share("query_share", request.query_share.unwrap_or(QUERY_SHARE))?,
    })
}

/// The payments of a run and a twentieth more.
fn payments_max(rate: f64, time_ms: u64) -> Result<u32, PlanError> {
    let wanted = (rate * time_ms as f64 / 1000.0).ceil();
    let with_slack = wanted + (wanted / 20.0).ceil();
    // 100 million payments would not fit any history.
    if with_slack > 100_000_000.0 {
        let problem = format!(
            "{rate} payments per second for {} are {wanted}: more than a run can hold",
            show_ms(time_ms)
        );
        return Err(PlanError::value("--rate and --time", problem));
    }
    Ok(with_slack as u32)
}

/// Accounts so that the coded amounts of all payments fit.
fn accounts(asked: Option<u32>, payments_max: u32, per_account: u32) -> Result<u32, PlanError> {
    let needed = payments_max.div_ceil(per_account).max(1);
    match asked {
        None => Ok(needed.max(ACCOUNTS_MIN)),
        Some(accounts) if accounts >= needed => Ok(accounts),
        Some(accounts) => Err(PlanError::value(
            "--accounts",
            format!(
                "is {accounts}; {payments_max} payments need at least {needed}, because the money column tells \
                 {per_account} payments per account apart"
            ),
        )),
    }
}

/// How many digits in `base` always fit into `digits` decimal digits.
fn digits_in_base(digits: u32, base: u32) -> u32 {
    let limit = 10u128.saturating_pow(digits);
    let mut count = 0;
    let mut power = 1u128;
    while let Some(next) = power.checked_mul(u128::from(base)).filter(|next| *next <= limit) {
        power = next;
        count += 1;
    }
    count
}

fn between(flag: &str, ms: u64, min: u64, max: u64) -> Result<u64, PlanError> {
    if (min..=max).contains(&ms) {
        return Ok(ms);
    }
    let (ms, min, max) = (show_ms(ms), show_ms(min), show_ms(max));
    Err(PlanError::value(flag, format!("is {ms}; it can be {min} to {max}")))
}

fn whole(flag: &str, n: u32, min: u32, max: u32) -> Result<u32, PlanError> {
    if (min..=max).contains(&n) {
        return Ok(n);
    }
    Err(PlanError::value(flag, format!("is {n}; it can be {min} to {max}")))
}

fn share(flag: &str, share: f64) -> Result<f64, PlanError> {
    if (0.0..=1.0).contains(&share) {
        return Ok(share);
    }
    Err(PlanError::value(flag, format!("is {share}; a share is 0 to 1")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_a_base_fit_into_decimal_digits() {
        assert_eq!(digits_in_base(38, 10), 38);
        assert_eq!(digits_in_base(15, 10), 15);
        assert_eq!(digits_in_base(15, 4), 24);
    }

    #[test]
    fn accounts_hold_every_payment() {
        assert_eq!(accounts(None, 630, 38).unwrap(), 17);
        assert_eq!(accounts(None, 10, 38).unwrap(), 8);
        assert_eq!(accounts(Some(20), 630, 38).unwrap(), 20);
        assert!(accounts(Some(16), 630, 38).is_err());
    }
}
