//! Which payments a run makes: drawn from the plan and its seed before the first one begins.
//!
//! Amounts are coded: within an account the k-th payment is `base^k` minor units, so that the digits of a balance
//! say how often each payment was credited. It must never give two payments of one account the same amount.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::plan::WorkloadPlan;

/// Share of payments whose request is sent again though its answer is known.
const REPEAT_SHARE: f64 = 0.05;

/// One payment, as a client intends it.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// Transaction number, chosen by the client.
    pub tx: String,
    /// Account.
    pub account: String,
    /// Position in its account.
    pub k: u32,
    /// Minor units: `base^k`.
    pub amount: i128,
    /// False when its card will be declined.
    pub good: bool,
    /// False when its client gives up at the first answer that leaves the outcome unknown.
    pub patient: bool,
    /// Send the same number with another payload afterwards.
    pub conflict: bool,
    /// Send the same request again after its answer.
    pub repeat: bool,
    /// Begin, milliseconds after the workload began.
    pub at_ms: u64,
}

/// Name of the n-th account.
pub fn account_name(n: u32) -> String {
    format!("a{n:03}")
}

/// Whether the n-th account is opened only after its first recharge.
pub fn is_late(n: u32, plan: &WorkloadPlan) -> bool {
    n >= plan.accounts.saturating_sub(plan.late_accounts)
}

/// The amount of a deliberate conflict: the code above all payments'. If such a request is taken for a
/// payment after all, no other payment is blamed for it.
pub fn conflict_amount(plan: &WorkloadPlan) -> i128 {
    i128::from(plan.base).pow(plan.payments_per_account)
}

/// Every payment of a run in the order of its beginning.
pub fn payments(plan: &WorkloadPlan, seed: u64) -> Vec<Payment> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(1);
    let wanted = (plan.rate * plan.time_ms as f64 / 1000.0).ceil() as u64;
    let room = u64::from(plan.accounts) * u64::from(plan.payments_per_account);
    let count = wanted.min(u64::from(plan.payments_max)).min(room);
    (0..count)
        .map(|n| {
            let account = (n % u64::from(plan.accounts)) as u32;
            let k = (n / u64::from(plan.accounts)) as u32;
            let good = !rng.random_bool(plan.declined_share.clamp(0.0, 1.0));
            let conflict = rng.random_bool(plan.conflict_share.clamp(0.0, 1.0));
            let patient = !rng.random_bool(plan.give_up_share.clamp(0.0, 1.0));
            Payment {
                tx: format!("t{n:05}-{seed:x}"),
                account: account_name(account),
                k,
                amount: i128::from(plan.base).pow(k),
                good,
                patient,
                repeat: rng.random_bool(REPEAT_SHARE),
                conflict,
                at_ms: (n as f64 * 1000.0 / plan.rate) as u64,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plan() -> WorkloadPlan {
        WorkloadPlan {
            time_ms: 30_000,
            rate: 20.0,
            clients: 8,
            accounts: 18,
            late_accounts: 2,
            ends_early: false,
            payments_max: 600,
            base: 10,
            payments_per_account: 37,
            op_timeout_ms: 2000,
            attempts: 4,
            retry_after_ms: 200,
            declined_share: 0.05,
            conflict_share: 0.03,
            give_up_share: 0.3,
            query_share: 0.5,
        }
    }

    #[test]
    fn no_two_payments_of_an_account_share_an_amount() {
        let all = payments(&plan(), 7);
        assert_eq!(all.len(), 600);
        let distinct: BTreeSet<_> = all.iter().map(|p| (&p.account, p.amount)).collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(all, payments(&plan(), 7), "one seed, one workload");
        assert_ne!(all, payments(&plan(), 8));
        assert!(all.iter().all(|p| p.amount < conflict_amount(&plan())));
    }
}
