//! What brings a defect out quickly, as the manifest says it for each wrong value of a policy.
//!
//! Says what to run. Must never decide whether the defect was found.

use super::expand::expand;
use super::manifest::{PolicyValue, Provoke};
use super::request::PlanRequest;
use super::target::Target;

impl Target {
    /// The request for a run that brings out the defect of a policy's value; None where the manifest names none.
    pub fn provoke(&self, policy: &str, value: &str) -> Option<PlanRequest> {
        let def: &PolicyValue = self.manifest.policies.get(policy)?.values.get(value)?;
        let mut request = request(def.provoke.as_ref()?);
        request.target = Some(self.dir.display().to_string());
        request.policies.insert(policy.to_owned(), value.to_owned());
        Some(request)
    }

    /// Everything that is wrong with what the manifest says of provoking defects: each must lead to a plan.
    pub(super) fn provoke_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (policy, def) in &self.manifest.policies {
            for value in def.values.keys() {
                let Some(mut request) = self.provoke(policy, value) else {
                    continue;
                };
                request.seed.get_or_insert(1);
                if let Err(e) = expand(self, &request) {
                    problems.push(format!("policies.{policy}.values.{value}.provoke: {e}"));
                }
            }
        }
        problems
    }
}

fn request(provoke: &Provoke) -> PlanRequest {
    let faults = if provoke.faults.is_empty() {
        "none".to_owned()
    } else {
        provoke.faults.join(",")
    };
    PlanRequest {
        seed: provoke.seed,
        time_ms: provoke.time.map(|time| time.0),
        rate: provoke.rate,
        clients: provoke.clients,
        give_up: provoke.give_up,
        conflict: provoke.conflict,
        repeat: provoke.repeat,
        ask: provoke.ask,
        faults: Some(faults),
        rules: provoke.rules.clone(),
        ..PlanRequest::default()
    }
}
