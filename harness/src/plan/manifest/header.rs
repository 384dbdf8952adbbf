//! What the header of a history says of a manifest, so that a history is judged from itself alone.

use paytwice_checkers::history::{self, Header};

use super::{Action, Field, Manifest, Request, Subject};

impl Manifest {
    /// The header of a history of this target, without what differs from run to run.
    pub fn header(&self) -> Header {
        let keys = self.keys.iter().map(|(name, key)| (name.clone(), key.at.clone()));
        let subjects = self.subjects.iter().map(|(kind, def)| (kind.clone(), subject(def)));
        let actions = self.actions.iter().map(|(name, def)| (name.clone(), action(def)));
        let views = self.views.iter().map(|(name, view)| (name.clone(), view.moments()));
        Header {
            target: self.name.clone(),
            keys: keys.collect(),
            subjects: subjects.collect(),
            actions: actions.chain(self.opening()).collect(),
            views: views.collect(),
            promises: self.promises.iter().map(|promise| promise.0.clone()).collect(),
            ..Header::default()
        }
    }

    /// The actions that open what is there beforehand: `open-KIND`.
    fn opening(&self) -> impl Iterator<Item = (String, history::Action)> {
        self.subjects.iter().filter_map(|(kind, subject)| {
            let service = match subject.open.as_ref()?.request() {
                Some(Request::Http(request)) => Some(request.call.service.clone()),
                _ => None,
            };
            let action = history::Action {
                opens: Some(kind.clone()),
                service,
                ..history::Action::default()
            };
            Some((open_action(kind), action))
        })
    }
}

/// The name of the action that opens a kind of subject.
pub fn open_action(kind: &str) -> String {
    format!("open-{kind}")
}

fn subject(def: &Subject) -> history::Subject {
    let fields = def.fields.iter().map(|(name, def)| (name.clone(), field(def)));
    history::Subject {
        key: def.key.clone(),
        fields: fields.collect(),
    }
}

fn field(def: &Field) -> history::Field {
    match def {
        Field::Names(kind) => history::Field {
            names: Some(kind.clone()),
            coded: None,
        },
        Field::Coded(coded) => history::Field {
            names: None,
            coded: Some(history::Coded {
                per: coded.per.clone(),
                base: coded.base,
                scale: coded.scale,
            }),
        },
        Field::Of(_) | Field::Between(..) | Field::Value(_) => history::Field::default(),
    }
}

fn action(def: &Action) -> history::Action {
    history::Action {
        starts: def.starts.clone(),
        asks: def.asks.clone(),
        repairs: def.repairs.clone(),
        opens: None,
        service: def.call.as_ref().map(|call| call.service.clone()),
    }
}
