//! `[workload]`: the bounds of its numbers.

use super::{CLIENTS, Check, STAGES_MAX, TIME_MS};
use crate::plan::duration::show_ms;

impl Check<'_> {
    pub(super) fn workload(&mut self) {
        let workload = &self.manifest.workload;
        if let Some(rate) = workload.rate {
            self.rate("workload.rate", rate);
        }
        if let Some(clients) = workload.clients {
            self.within("workload.clients", clients, &CLIENTS);
        }
        for (name, share) in [
            ("give_up", workload.give_up),
            ("conflict", workload.conflict),
            ("repeat", workload.repeat),
            ("ask", workload.ask),
        ] {
            self.share(&format!("workload.{name}"), share);
        }
        if workload.shape.is_empty() {
            return;
        }
        if workload.rate.is_some() {
            self.say("workload has both `rate` and `shape`; the rates are in the shape");
        }
        if workload.shape.len() > STAGES_MAX {
            let stages = workload.shape.len();
            self.say(format!(
                "workload.shape has {stages} rates; it can have 1 to {STAGES_MAX}"
            ));
        }
        for (n, stage) in workload.shape.iter().enumerate() {
            self.rate(&format!("workload.shape[{n}].rate"), stage.rate);
            if stage.lasts.0 == 0 {
                self.say(format!("workload.shape[{n}].for is 0s; it must last some time"));
            }
        }
        let total = workload
            .shape
            .iter()
            .fold(0u64, |sum, stage| sum.saturating_add(stage.lasts.0));
        if !TIME_MS.contains(&total) {
            let (min, max) = (show_ms(*TIME_MS.start()), show_ms(*TIME_MS.end()));
            self.say(format!(
                "workload.shape lasts {} altogether; it can last {min} to {max}",
                show_ms(total)
            ));
        }
    }
}
