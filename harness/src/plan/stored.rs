//! A plan as it is stored, replayed and shown: `plan.toml`, and lines for a terminal.
//!
//! A stored plan is replayed as it stands. Must never fill in or draw anything.

use paytwice_checkers::history::Promise;

use super::duration::show_ms;
use super::error::{PlanError, did_you_mean, list};
use super::machine;
use super::manifest::{Late, Manifest};
use super::points::check_rule;
use super::read;
use super::schedule::Topology;
use super::target::Target;
use super::types::{FaultSpec, PLAN_VERSION, Plan};

impl Plan {
    /// The plan as `plan.toml` holds it.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(self).unwrap_or_else(|e| unreachable!("a plan is numbers, strings and tables: {e}"));
        format!("# The plan of one run, fully expanded. `paytwice run --plan FILE` carries it out again.\n\n{body}")
    }

    /// Reads a stored plan; `file` is its name in messages.
    pub fn from_toml(file: &str, text: &str) -> Result<Plan, PlanError> {
        read::check_version(file, text, PLAN_VERSION)?;
        let mut plan: Plan = read::from_toml(file, text)?;
        let mut problems = Vec::new();
        let workload = &plan.workload;
        let room = u64::from(workload.accounts) * u64::from(workload.payments_per_account);
        if room < u64::from(workload.payments_max) {
            let max = workload.payments_max;
            problems.push(format!("workload.accounts: {max} payments do not fit; {room} would"));
        }
        for (name, sound) in [
            ("rate", workload.rate > 0.0 && workload.rate.is_finite()),
            ("clients", workload.clients > 0),
            ("attempts", workload.attempts > 0),
            ("base", workload.base >= 3),
            ("late_accounts", workload.late_accounts <= workload.accounts),
            ("declined_share", (0.0..=1.0).contains(&workload.declined_share)),
            ("conflict_share", (0.0..=1.0).contains(&workload.conflict_share)),
            ("give_up_share", (0.0..=1.0).contains(&workload.give_up_share)),
            ("query_share", (0.0..=1.0).contains(&workload.query_share)),
        ] {
            if !sound {
                problems.push(format!("workload.{name} is out of range"));
            }
        }
        plan.faults.sort_by_key(|fault| fault.at_ms);
        if problems.is_empty() {
            Ok(plan)
        } else {
            Err(PlanError::BadFile {
                file: file.to_owned(),
                problems,
            })
        }
    }

    /// Whether the plan can be carried out on this target: its policies, links and parties are there.
    pub fn check_against(&self, target: &Target) -> Result<(), PlanError> {
        target.effective(&self.policies)?;
        let links = target.links();
        let parties = target.parties();
        machine::check_flush(&parties, &self.flush).map_err(|problem| PlanError::value("flush", problem))?;
        for planned in &self.faults {
            if let FaultSpec::Rule(rule) = &planned.fault {
                check_rule(target, rule)
                    .map_err(|problem| PlanError::value(format!("fault {}, rule,", planned.id), problem))?;
                continue;
            }
            if let FaultSpec::Machine(fault) = &planned.fault {
                machine::check_on(&Topology::new(target), fault.what.kind(), &fault.on)
                    .map_err(|problem| PlanError::value(format!("fault {}", planned.id), problem))?;
                continue;
            }
            let on = planned.fault.on();
            let on_party = matches!(planned.fault.kind(), "kill" | "pause");
            let known: Vec<&str> = if on_party {
                parties.iter().map(|party| party.name.as_str()).collect()
            } else {
                links.iter().map(|link| link.name.as_str()).collect()
            };
            if !known.contains(&on) {
                let hint = did_you_mean(on, known.iter().copied());
                let problem = format!("is done to {on:?}; {} has {}{hint}", target.manifest.name, list(known));
                return Err(PlanError::value(
                    format!("fault {}, {},", planned.id, planned.fault.kind()),
                    problem,
                ));
            }
        }
        Ok(())
    }

    /// What the target promises, and how this plan codes amounts; `manifest` is the effective one.
    pub fn promise(&self, manifest: &Manifest) -> Promise {
        Promise {
            base: self.workload.base,
            scale: manifest.money.scale,
            late_is_valid: self.late == Late::Valid,
            success: manifest.reads.payments.success.clone(),
            failed: manifest.reads.payments.failed.clone(),
        }
    }

    /// The plan in lines for a terminal: everything in it.
    pub fn describe(&self) -> Vec<String> {
        let w = &self.workload;
        let policies: Vec<String> = self
            .policies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut lines = vec![
            format!("plan      {} on {}, seed {}", self.target, self.stack, self.seed),
            format!(
                "policies  {}",
                if policies.is_empty() {
                    "none".to_owned()
                } else {
                    policies.join(" ")
                }
            ),
            format!(
                "workload  {} at {} payments/s by {} clients, at most {} payments; {} queries per payment",
                show_ms(w.time_ms),
                w.rate,
                w.clients,
                w.payments_max,
                w.query_share
            ),
            format!(
                "          {} accounts ({} opened late) of {} payments each, amounts {}^k; {} declined, {} conflicts",
                w.accounts,
                w.late_accounts,
                w.payments_per_account,
                w.base,
                percent(w.declined_share),
                percent(w.conflict_share)
            ),
            format!(
                "          an answer may take {}; {} attempts, {} apart and doubling; {} give up at once",
                show_ms(w.op_timeout_ms),
                w.attempts,
                show_ms(w.retry_after_ms),
                percent(w.give_up_share)
            ),
            format!(
                "settle    within {}, sampled every {}; a late credit is {}",
                show_ms(self.settle.timeout_ms),
                show_ms(self.settle.sample_every_ms),
                if self.late == Late::Valid {
                    "accepted"
                } else {
                    "an anomaly"
                }
            ),
        ];
        lines.extend(
            self.images
                .iter()
                .map(|(name, image)| format!("image     {name} {image}")),
        );
        lines.extend(
            self.flush
                .iter()
                .map(|(party, value)| format!("flush     {party} {value}")),
        );
        lines.push(format!("faults    {}", self.faults.len()));
        lines.extend(self.faults.iter().map(|planned| {
            let (from, to) = (seconds(planned.at_ms), seconds(planned.at_ms + planned.for_ms));
            format!("  #{:<3} {from:>7} - {to:>6} s  {}", planned.id, planned.fault)
        }));
        lines
    }
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 1000.0).round() / 10.0)
}

fn seconds(ms: u64) -> String {
    format!("{}.{:02}", ms / 1000, ms % 1000 / 10)
}
