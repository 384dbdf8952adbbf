//! A stage: a stack that is up, with the images of a target's services. Runs follow each other on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::{Names, Observer, RunError};
use crate::plan::manifest::Service;
use crate::plan::{Plan, PlanError, Target};
use crate::remoting::Admin;
use crate::settle::BROKER_PORT;
use crate::stack::{ContainerStack, Engine, ServiceSource, StackOptions, service_image, unsupported};

/// The party that keeps messages.
const BROKER: &str = "broker";
/// How long a broker may take to write down how far it has come: thrice what it takes itself.
const REMEMBERS_TIMEOUT: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A stack and its services' images.
pub struct Stage {
    /// The stack.
    pub stack: Arc<ContainerStack>,
    images: BTreeMap<String, String>,
    disks: Vec<String>,
    flush: BTreeMap<String, String>,
    runs: AtomicU32,
    broker_unclean: AtomicBool,
    unfinished: AtomicBool,
}

impl Stage {
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
    pub async fn up(target: &Target, plan: &Plan, observer: &Observer) -> Result<Stage, RunError> {
        let watch = observer.clone();
        let options = StackOptions {
            images: plan.images.clone(),
            disks: plan.disks(),
            flush: plan.flush.clone(),
            services: target.manifest.services.keys().cloned().collect(),
            progress: Some(Arc::new(move |line: &str| watch.detail(line))),
        };
        let (images, stack) = tokio::try_join!(service_images(target, observer), async {
            Ok(ContainerStack::up(options).await?)
        })?;
        Ok(Stage {
            stack: Arc::new(stack),
            images,
            disks: plan.disks(),
            flush: plan.flush.clone(),
            runs: AtomicU32::new(0),
            broker_unclean: AtomicBool::new(false),
            unfinished: AtomicBool::new(false),
        })
    }

    /// Fresh names for the next run, and the names of the run before it.
    pub(super) fn next_names(&self) -> (Names, Option<Names>) {
        let earlier = self.runs.fetch_add(1, Ordering::Relaxed);
        (Names::new(earlier + 1), (earlier > 0).then(|| Names::new(earlier)))
    }

    /// A run left half or delayed messages in the broker that no later run can bring to rest.
    pub(super) fn mark_broker_unclean(&self) {
        self.broker_unclean.store(true, Ordering::Relaxed);
    }

    /// A run begins: until it is over, who knows whom it has killed or paused.
    pub(super) fn begin_run(&self) {
        self.unfinished.store(true, Ordering::Relaxed);
    }

    /// A run came to its end, with every fault ended.
    pub(super) fn end_run(&self) {
        self.unfinished.store(false, Ordering::Relaxed);
    }

    /// Brings back what a run has killed or paused that was not carried out to its end, and replaces the broker by a
    /// fresh one if an earlier run left something in it.
    pub(super) async fn restore(&self, target: &Target, plan: &Plan, observer: &Observer) -> Result<(), RunError> {
        if self.unfinished.load(Ordering::Relaxed) {
            observer.detail("the last run was not carried out to its end: every server is brought back");
            self.clear_services(target).await;
            for party in self.stack.party_names() {
                self.stack.bring_back(&party).await?;
            }
            self.mark_broker_unclean();
            self.end_run();
        }
        if self.broker_unclean.swap(false, Ordering::Relaxed) {
            observer.detail("the last run did not come to rest: a fresh broker");
            self.stack.renew_broker().await?;
        } else if plan.faults.iter().any(|planned| planned.fault.ends(BROKER)) {
            self.broker_remembers(observer).await?;
        }
        Ok(())
    }

    /// Waits until the broker has written down that the half messages of earlier runs are resolved. A broker that is
    /// killed before asks about them again, and their producers are gone: it would never come to rest.
    async fn broker_remembers(&self, observer: &Observer) -> Result<(), RunError> {
        let admin = Admin::connect(self.stack.addr(BROKER, BROKER_PORT)?).await?;
        let halves = admin.halves().await?;
        let deadline = tokio::time::Instant::now() + REMEMBERS_TIMEOUT;
        while halves > 0 && self.stack.halves_on_disk().await? != Some(halves) {
            if tokio::time::Instant::now() >= deadline {
                observer.detail("the broker does not write down what earlier runs resolved: a fresh broker");
                return Ok(self.stack.renew_broker().await?);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// The image of a service.
    pub(super) fn image(&self, service: &str) -> String {
        self.images.get(service).cloned().unwrap_or_default()
    }

    /// Removes the services of a run.
    pub(super) async fn clear_services(&self, target: &Target) {
        for name in target.manifest.services.keys() {
            if let Err(e) = self.stack.stop_service(name).await {
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

async fn service_images(target: &Target, observer: &Observer) -> Result<BTreeMap<String, String>, RunError> {
    let engine = Engine::connect().await?;
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
