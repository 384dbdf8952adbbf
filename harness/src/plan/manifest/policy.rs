//! `[policies.*]` and `[presets.*]`: decisions that the services can be told to take wrongly.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::action::ActionChange;
use super::subject::Field;
use crate::dependency::manifest::Database;
use crate::plan::duration::Span;

/// A decision of the target's services.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The services that take it.
    pub services: Vec<String>,
    /// One line for listings.
    pub about: String,
    /// The value that is right.
    pub default: String,
    /// Every value, by name.
    pub values: BTreeMap<String, PolicyValue>,
}

/// A value of a policy, and what else changes with it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyValue {
    /// One line for listings.
    pub about: String,
    /// Why it is wrong; none for a value that is right.
    #[serde(default)]
    pub defect: Option<String>,
    /// Anomalies that give it away.
    #[serde(default)]
    pub finds: Vec<String>,
    /// What brings it out quickly.
    #[serde(default)]
    pub provoke: Option<Provoke>,
    /// Actions that are done in another way under it.
    #[serde(default)]
    pub actions: BTreeMap<String, ActionChange>,
    /// Databases with another schema under it.
    #[serde(default)]
    pub databases: BTreeMap<String, Database>,
    /// Fields that are drawn in another way under it, by kind of subject and name.
    #[serde(default)]
    pub fields: BTreeMap<String, BTreeMap<String, FieldChange>>,
}

/// What a policy value changes in a field; what is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// Coded: another base.
    #[serde(default)]
    pub base: Option<u32>,
    /// Coded: other digits behind the point.
    #[serde(default)]
    pub scale: Option<u32>,
    /// Coded: other digits in all.
    #[serde(default)]
    pub digits: Option<u32>,
    /// Other values, with their shares.
    #[serde(default)]
    pub of: Option<BTreeMap<String, f64>>,
    /// Another range.
    #[serde(default)]
    pub between: Option<(i64, i64)>,
    /// Another value.
    #[serde(default)]
    pub value: Option<String>,
}

/// The run that brings a defect out quickly. What is not given has its default, but for faults: there are none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provoke {
    /// Faults, as `--faults` takes them, one each.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Rules at wire points, as `--rule` takes them.
    #[serde(default)]
    pub rules: Vec<String>,
    /// How long the workload lasts.
    #[serde(default)]
    pub time: Option<Span>,
    /// New subjects per second.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Clients at work at the same time.
    #[serde(default)]
    pub clients: Option<u32>,
    /// The seed.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Share of subjects whose client gives up.
    #[serde(default)]
    pub give_up: Option<f64>,
    /// Share of subjects with a conflict.
    #[serde(default)]
    pub conflict: Option<f64>,
    /// Share of subjects that are repeated.
    #[serde(default)]
    pub repeat: Option<f64>,
    /// Share of subjects that are asked about.
    #[serde(default)]
    pub ask: Option<f64>,
}

/// A named choice of policies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// One line for listings.
    pub about: String,
    /// Policy and value; what is not named keeps its default.
    pub policies: BTreeMap<String, String>,
}

impl FieldChange {
    /// Changes a field; the error says what does not belong to it.
    pub(crate) fn apply(&self, field: &mut Field) -> Result<(), String> {
        let code = self.base.is_some() || self.scale.is_some() || self.digits.is_some();
        let others = [
            ("of", self.of.is_some()),
            ("between", self.between.is_some()),
            ("value", self.value.is_some()),
        ];
        let wrong = |belongs: &str| -> Option<&str> {
            let other = others
                .iter()
                .find(|(name, given)| *given && *name != belongs)
                .map(|(name, _)| *name);
            other.or((code && belongs != "coded").then_some("base, scale and digits"))
        };
        let (is, wrong) = match field {
            Field::Coded(coded) => {
                coded.base = self.base.unwrap_or(coded.base);
                coded.scale = self.scale.unwrap_or(coded.scale);
                coded.digits = self.digits.unwrap_or(coded.digits);
                ("coded", wrong("coded"))
            }
            Field::Of(of) => {
                of.clone_from(self.of.as_ref().unwrap_or(&of.clone()));
                ("of", wrong("of"))
            }
            Field::Between(from, to) => {
                (*from, *to) = self.between.unwrap_or((*from, *to));
                ("between", wrong("between"))
            }
            Field::Value(value) => {
                value.clone_from(self.value.as_ref().unwrap_or(&value.clone()));
                ("value", wrong("value"))
            }
            Field::Names(_) => ("the name of a subject", wrong("")),
        };
        match wrong {
            None => Ok(()),
            Some(wrong) => Err(format!("changes {wrong}; the field is `{is}`")),
        }
    }
}
