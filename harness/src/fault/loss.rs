//! Loss: a share of the packets between a service and one of its links is dropped, both ways; TCP sends them again,
//! late. Unlike a delay of the wire layer it is the kernel's own retransmission that the service lives with.
//! Never: drops a packet of another link, or of anything but the run's own containers.

use futures_util::future::BoxFuture;

use super::wire_rule::passes;
use super::{Evidence, Fault, FaultError};
use crate::stack::{LOOK_EVERY, PacketLoss};
use crate::sut::RunningTarget;

/// A link that loses packets.
pub(super) struct Loss {
    on: String,
    percent: u32,
    loss: Option<Box<dyn PacketLoss>>,
}

impl Loss {
    pub(super) fn new(on: String, percent: u32) -> Loss {
        Loss {
            on,
            percent,
            loss: None,
        }
    }

    async fn install(&mut self, target: &RunningTarget) -> Result<Evidence, FaultError> {
        let no_link = || FaultError::NoLink(self.on.clone());
        let link = target.link(&self.on).ok_or_else(no_link)?;
        let (party, _) = self.on.split_once("->").ok_or_else(no_link)?;
        let addrs = link.listen_addrs();
        let loss = target
            .stack
            .packets()?
            .lose_packets(party, &addrs, self.percent)
            .await?;
        self.loss = Some(loss);
        let ports: Vec<String> = addrs.iter().map(|addr| addr.port().to_string()).collect();
        Ok(Evidence::words(format!(
            "rules in the network of {party}'s container, ports {}",
            ports.join(", ")
        )))
    }
}

impl Fault for Loss {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { self.install(target).await })
    }

    fn seen<'a>(&'a mut self, _target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            loop {
                if let Some(loss) = &self.loss {
                    let dropped = loss.dropped().await?;
                    if dropped > 0 {
                        let detail = format!("{dropped} packets dropped so far");
                        return Ok(Evidence::count(detail, "dropped_packets", dropped));
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            let Some(loss) = self.loss.take() else {
                return Ok(Evidence::words("was never in force"));
            };
            let evidence = match loss.lift().await? {
                Some(dropped) => {
                    let detail = format!("rules gone, {dropped} packets dropped");
                    Evidence::count(detail, "dropped_packets", dropped)
                }
                None => Evidence::words("the rules went with the container, which was started anew"),
            };
            passes(&self.on, target, evidence).await
        })
    }
}
