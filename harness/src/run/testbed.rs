//! A testbed: a stack that is up with the dependencies of a target and the images of its services. Runs follow each other on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures_util::future::try_join_all;

use crate::dependency::{Dependencies, LaunchOptions, Names};
use crate::plan::manifest::Service;
use crate::plan::{Plan, PlanError, Target};
use crate::stack::{
    ContainerStack, Engine, Fallen, ServiceSource, Stack, StackOptions, nearly_full, service_image, unsupported,
};
use crate::sut::{Notice, Observer, RunError};

/// A stack with its dependencies, and its services' images.
pub struct Testbed {
    /// The stack.
    pub stack: Arc<dyn Stack>,
    /// What the target stands on.
    pub dependencies: Dependencies,
    images: BTreeMap<String, String>,
    disks: Vec<String>,
    flush: BTreeMap<String, String>,
    runs: AtomicU32,
    unclean: AtomicBool,
    unfinished: AtomicBool,
}

impl Testbed {
    /// Refuses a plan with a fault that this machine cannot do, in the words of the doctor. Nothing is started for it.
    pub async fn check_machine(plan: &Plan) -> Result<(), RunError> {
        let kinds: Vec<&str> = plan.machine_faults().map(|fault| fault.what.kind()).collect();
        if kinds.is_empty() {
            return Ok(());
        }
        let wanting = unsupported(&kinds).await?;
        if wanting.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = wanting.iter().map(ToString::to_string).collect();
        Err(RunError::Plan(PlanError::BadValue {
            key: "--faults".to_owned(),
            problem: format!(
                "this machine cannot do all of them (paytwice doctor)\n{}",
                lines.join("\n")
            ),
        }))
    }

    /// Whether this very stack was started for such a plan: its disks, and when its servers write to them.
    pub(super) fn check_stack(&self, plan: &Plan) -> Result<(), RunError> {
        let wrong = |problem: String| {
            Err(RunError::Plan(PlanError::BadValue {
                key: "session".to_owned(),
                problem,
            }))
        };
        if let Some(party) = plan.disks().iter().find(|party| !self.disks.contains(party)) {
            return wrong(format!(
                "this stack was started without a disk for {party}; start it for a campaign that has such a fault"
            ));
        }
        if plan.flush != self.flush {
            return wrong(format!(
                "this stack was started with flush {:?}, and the campaign says {:?}; start it for that campaign",
                self.flush, plan.flush
            ));
        }
        Ok(())
    }

    /// Builds the services and starts the dependencies, side by side.
    pub async fn up(target: &Target, plan: &Plan, observer: &Observer) -> Result<Testbed, RunError> {
        // Both are waited for: a network that the engine is asked for at the moment when nobody waits any more would be left.
        let (images, started) = tokio::join!(
            service_images(target, observer),
            start_dependencies(target, plan, observer)
        );
        let (stack, dependencies) = started?;
        let images = match images {
            Ok(images) => images,
            Err(e) => {
                stack.down().await?;
                return Err(e);
            }
        };
        Ok(Testbed {
            stack,
            dependencies,
            images,
            disks: plan.disks(),
            flush: plan.flush.clone(),
            runs: AtomicU32::new(0),
            unclean: AtomicBool::new(false),
            unfinished: AtomicBool::new(false),
        })
    }

    /// Fresh names for the next run, and the names of the run before it.
    pub(super) fn next_names(&self) -> (Names, Option<Names>) {
        let earlier = self.runs.fetch_add(1, Ordering::Relaxed);
        (Names::new(earlier + 1), (earlier > 0).then(|| Names::new(earlier)))
    }

    /// A run left something in a dependency that no later run can bring to rest.
    pub(super) fn mark_unclean(&self) {
        self.unclean.store(true, Ordering::Relaxed);
    }

    /// A run begins: until it is over, who knows whom it has killed or paused.
    pub(super) fn begin_run(&self) {
        self.unfinished.store(true, Ordering::Relaxed);
    }

    /// A run came to its end, with every fault ended.
    pub(super) fn end_run(&self) {
        self.unfinished.store(false, Ordering::Relaxed);
    }

    /// Brings back what a run has killed or paused that was not carried out to its end, and starts dependencies anew
    /// in which an earlier run left something.
    pub(super) async fn restore(&self, target: &Target, plan: &Plan, observer: &Observer) -> Result<(), RunError> {
        if self.unfinished.load(Ordering::Relaxed) {
            observer.detail("the last run was not carried out to its end: every server is brought back");
            self.clear_services(target).await;
            // First what is not there at all: others may need it to be ready.
            for fallen in self.stack.fallen().await? {
                if let Fallen::Removed { party, .. } = fallen {
                    self.stack.renew(&party).await?;
                }
            }
            for party in self.stack.party_names() {
                self.stack.bring_back(&party).await?;
            }
            self.mark_unclean();
            self.end_run();
        }
        let progress = |line: &str| observer.detail(line);
        if self.unclean.swap(false, Ordering::Relaxed) {
            self.dependencies.start_anew(&progress).await?;
        } else {
            let ended = |party: &str| plan.faults.iter().any(|planned| planned.fault.ends(party));
            self.dependencies.remember(&ended, &progress).await?;
        }
        Ok(())
    }

    /// The image of a service.
    pub(super) fn image(&self, service: &str) -> String {
        self.images.get(service).cloned().unwrap_or_default()
    }

    /// Removes the services of a run.
    pub(super) async fn clear_services(&self, target: &Target) {
        let services = target.manifest.services.iter();
        for name in services.flat_map(|(name, service)| service.parties(name)) {
            if let Err(e) = self.stack.remove(&name).await {
                // The stack's own removal comes after this and reports what it cannot remove.
                tracing::warn!("{name} is not removed yet: {e}");
            }
        }
    }

    /// Takes the stack down and waits until nothing of it is left.
    pub async fn down(self) -> Result<(), RunError> {
        Ok(self.stack.down().await?)
    }
}

/// The stack with everything that the manifest names on it, and the networks of the services.
async fn start_dependencies(
    target: &Target,
    plan: &Plan,
    observer: &Observer,
) -> Result<(Arc<dyn Stack>, Dependencies), RunError> {
    let watch = observer.clone();
    let options = StackOptions {
        disks: plan.disks(),
        progress: Some(Arc::new(move |line: &str| watch.detail(line))),
    };
    let stack: Arc<dyn Stack> = Arc::new(ContainerStack::up(options).await?);
    let launch = LaunchOptions {
        images: plan.images.clone(),
        flush: plan.flush.clone(),
    };
    let progress = |line: &str| observer.detail(line);
    let dependencies = Dependencies::start(&stack, &target.manifest.dependencies, &launch, &progress);
    let services = target.manifest.services.iter();
    let parties = services.flat_map(|(name, service)| service.parties(name));
    let networks = parties.map(|party| {
        let stack = &stack;
        async move { stack.listen_address(&party).await }
    });
    let started = tokio::try_join!(async { dependencies.await.map_err(RunError::from) }, async {
        try_join_all(networks).await.map_err(RunError::from)
    });
    match started {
        Ok((dependencies, _)) => Ok((stack, dependencies)),
        Err(e) => {
            stack.down().await?;
            Err(e)
        }
    }
}

async fn service_images(target: &Target, observer: &Observer) -> Result<BTreeMap<String, String>, RunError> {
    let engine = Engine::connect().await?;
    let kinds = target
        .manifest
        .dependencies
        .values()
        .map(|dependency| dependency.kind.facts());
    let full: Vec<(&str, u64)> = kinds
        .filter_map(|kind| Some((kind.name(), kind.refuses_writes_from_percent()?)))
        .collect();
    if let Some(warning) = nearly_full(&engine, &full).await {
        observer.tell(Notice::Warning(warning));
    }
    let mut images = BTreeMap::new();
    for (name, service) in &target.manifest.services {
        let watch = observer.clone();
        let progress = move |line: &str| watch.detail(line);
        let image = service_image(&engine, name, &source(target, service), &progress).await?;
        images.insert(name.clone(), image);
    }
    Ok(images)
}

fn source(target: &Target, service: &Service) -> ServiceSource {
    match (&service.cargo, &service.image) {
        (Some(cargo), _) => ServiceSource::Cargo {
            folder: target.home.clone(),
            package: cargo.package.clone(),
            bin: cargo.bin.clone(),
        },
        // A manifest has one of the two: that was checked when it was read.
        (None, image) => ServiceSource::Image(image.clone().unwrap_or_default()),
    }
}
