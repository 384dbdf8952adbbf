//! What an earlier run on the same stack left behind: its databases, topics and groups go before the next run begins,
//! so that the last run's can still be looked at. Best effort: names are never used twice, so a rest disturbs nobody.

use super::{Names, RunError};
use crate::plan::Manifest;
use crate::remoting::Admin;
use crate::settle::BROKER_PORT;
use crate::stack::ContainerStack;

/// Removes what a run with these names made.
pub(super) async fn forget(stack: &ContainerStack, manifest: &Manifest, names: &Names) -> Result<(), RunError> {
    for (_, name, _) in manifest.databases() {
        stack.drop_database(&names.own(name)).await?;
    }
    let admin = Admin::connect(stack.addr("broker", BROKER_PORT)?).await?;
    for dependency in manifest.dependencies.values() {
        for (name, group) in &dependency.groups {
            if group.topic.is_some() {
                admin.delete_group(&names.own(name)).await?;
            }
        }
        for name in dependency.topics.keys() {
            admin.delete_topic(&names.own(name)).await?;
        }
    }
    Ok(())
}
