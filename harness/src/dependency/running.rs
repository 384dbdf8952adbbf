//! The dependencies of a stack that is up: started side by side, and asked one after the other.
//! Never: starts anything that the manifest does not name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::try_join_all;

use super::manifest::{Dependency, databases};
use super::{Counter, Database, Databases, Declared, LaunchOptions, Names, PrepareError, Server};
use crate::stack::{Stack, StackError};

/// A run, as its dependencies see it.
pub struct RunOf<'a> {
    /// The dependency as the chosen policies make it.
    pub entry: &'a Dependency,
    /// The run's own names.
    pub names: &'a Names,
    /// The target's folder.
    pub dir: &'a Path,
}

/// What a dependency could not do.
#[derive(Debug, thiserror::Error)]
pub enum DependencyError {
    /// It said so.
    #[error("dependencies.{dependency}: {cause}")]
    Failed {
        /// Its name.
        dependency: String,
        /// What it said, in words.
        cause: String,
    },
    /// A file of the user, or what the manifest says, cannot be used.
    #[error("dependencies.{dependency}.{problem}")]
    Mistake {
        /// Its name.
        dependency: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// The stack could not start it.
    #[error(transparent)]
    Stack(#[from] StackError),
}

/// The dependencies of one stack by name.
pub struct Dependencies {
    servers: BTreeMap<String, Arc<dyn Server>>,
}

impl Dependencies {
    /// Starts every dependency of a manifest, side by side, and waits until each is ready.
    pub async fn start(
        stack: &Arc<dyn Stack>,
        declared: &BTreeMap<String, Dependency>,
        options: &LaunchOptions,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Dependencies, DependencyError> {
        let starting = every(declared).map(|of| async move {
            let kind = of.entry.kind.facts();
            let named = options.images.get(of.name).or(of.entry.image.as_ref());
            let usual = kind.image();
            let image = stack.image(of.name, named.map(String::as_str), usual.as_ref()).await?;
            progress(&format!("{}: {image}", of.name));
            let parties = kind.launch(of, &image, stack.as_ref(), options);
            try_join_all(parties.into_iter().map(|spec| stack.launch(spec))).await?;
            Ok::<_, DependencyError>((of.name.to_owned(), kind.server(of, stack)))
        });
        let servers = try_join_all(starting).await?;
        Ok(Dependencies {
            servers: servers.into_iter().collect(),
        })
    }

    /// One dependency.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Server>> {
        self.servers.get(name)
    }

    /// The databases of a run, each held by whichever dependency the manifest says.
    pub fn databases(&self, declared: &BTreeMap<String, Dependency>, names: &Names) -> Databases {
        let held = databases(declared).filter_map(|(holder, name, _)| {
            let database = Database {
                server: Arc::clone(self.get(holder)?),
                own_name: names.own(name),
            };
            Some((name.to_owned(), database))
        });
        held.collect()
    }

    /// Makes what a run needs.
    pub async fn prepare(
        &self,
        declared: &BTreeMap<String, Dependency>,
        names: &Names,
        dir: &Path,
    ) -> Result<(), DependencyError> {
        for (name, server) in &self.servers {
            let Some(entry) = declared.get(name) else {
                continue;
            };
            let run = RunOf { entry, names, dir };
            server.prepare(&run).await.map_err(|error| match error {
                PrepareError::Failed(cause) => failed(name, cause),
                PrepareError::Mistake(problem) => DependencyError::Mistake {
                    dependency: name.clone(),
                    problem,
                },
            })?;
        }
        Ok(())
    }

    /// Removes what an earlier run made, so that the last run's can be looked at until then. Names are never used
    /// twice, so what stays disturbs nobody.
    pub async fn forget(&self, declared: &BTreeMap<String, Dependency>, names: &Names) -> Result<(), DependencyError> {
        for (name, server) in &self.servers {
            if let Some(entry) = declared.get(name) {
                let forgotten = server.forget(entry, names).await;
                forgotten.map_err(|cause| failed(name, cause))?;
            }
        }
        Ok(())
    }

    /// Everything that must come to rest, summed by name.
    pub async fn counters(
        &self,
        declared: &BTreeMap<String, Dependency>,
        names: &Names,
    ) -> Result<Vec<Counter>, DependencyError> {
        let mut sums: BTreeMap<&'static str, Counter> = BTreeMap::new();
        for (name, server) in &self.servers {
            let Some(entry) = declared.get(name) else {
                continue;
            };
            let counters = server.counters(entry, names).await;
            for counter in counters.map_err(|cause| failed(name, cause))? {
                let value = counter.value;
                let sum = sums.entry(counter.name).or_insert(Counter { value: 0, ..counter });
                sum.value += value;
            }
        }
        Ok(sums.into_values().collect())
    }

    /// Replaces by fresh ones those that an earlier run left in a state that no later run can bring to rest.
    pub async fn start_anew(&self, progress: &dyn Fn(&str)) -> Result<(), DependencyError> {
        for (name, server) in &self.servers {
            let anew = server.start_anew().await;
            if anew.map_err(|cause| failed(name, cause))? {
                progress(&format!("the last run did not come to rest: {name} started anew"));
            }
        }
        Ok(())
    }

    /// Waits until parties that will be ended in the next run know what earlier runs did.
    pub async fn remember(
        &self,
        ended: &(dyn for<'a> Fn(&'a str) -> bool + Sync),
        progress: &dyn Fn(&str),
    ) -> Result<(), DependencyError> {
        for (name, server) in &self.servers {
            let said = server.remember(ended).await;
            if let Some(line) = said.map_err(|cause| failed(name, cause))? {
                progress(&format!("{name}: {line}"));
            }
        }
        Ok(())
    }

    /// Copies the log files that dependencies keep themselves.
    pub async fn save_logs(&self, to: &Path) -> Result<(), DependencyError> {
        for (name, server) in &self.servers {
            server.save_logs(to).await.map_err(|cause| failed(name, cause))?;
        }
        Ok(())
    }

    /// The certificate of a dependency.
    pub async fn certificate(&self, name: &str) -> Result<Vec<u8>, DependencyError> {
        match self.get(name) {
            Some(server) => server.certificate().await.map_err(|cause| failed(name, cause)),
            None => Err(failed(name, "is not started".to_owned())),
        }
    }
}

/// Every dependency as it is declared, with whether it is the only one of its kind.
pub(crate) fn every(declared: &BTreeMap<String, Dependency>) -> impl Iterator<Item = Declared<'_>> {
    declared.iter().map(|(name, entry)| Declared {
        name,
        alone: declared.values().filter(|other| other.kind == entry.kind).count() == 1,
        entry,
    })
}

fn failed(dependency: &str, cause: String) -> DependencyError {
    DependencyError::Failed {
        dependency: dependency.to_owned(),
        cause,
    }
}
