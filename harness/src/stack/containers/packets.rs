//! Packets that are dropped between a service and its links: rules in the network namespace of the service's own
//! container, with which they vanish.
//! Never: touches the machine's own packet filter.

use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::process::Command;

use super::ContainerStack;
use super::error::StackError;
use crate::stack::{PacketLoss, Packets};

/// Rules that drop packets, in force in one container.
#[derive(Debug)]
struct Rules {
    party: String,
    pid: i64,
    rules: Vec<Vec<String>>,
}

#[async_trait]
impl Packets for ContainerStack {
    /// Drops a share of what a service and these listeners send each other.
    async fn lose_packets(
        &self,
        party: &str,
        to: &[SocketAddr],
        percent: u32,
    ) -> Result<Box<dyn PacketLoss>, StackError> {
        let mut loss = Rules {
            party: party.to_string(),
            pid: self.pid(party).await?,
            rules: Vec::new(),
        };
        let share = format!("{:.2}", f64::from(percent) / 100.0);
        for addr in to {
            let (ip, port) = (addr.ip().to_string(), addr.port().to_string());
            for (chain, host, side) in [("OUTPUT", "-d", "--dport"), ("INPUT", "-s", "--sport")] {
                let words = [
                    chain,
                    "-p",
                    "tcp",
                    host,
                    &ip,
                    side,
                    &port,
                    "-m",
                    "statistic",
                    "--mode",
                    "random",
                    "--probability",
                    &share,
                    "-j",
                    "DROP",
                ];
                let rule: Vec<String> = words.map(str::to_string).to_vec();
                loss.iptables("-A", &rule).await?;
                loss.rules.push(rule);
            }
        }
        Ok(Box::new(loss))
    }
}

#[async_trait]
impl PacketLoss for Rules {
    /// How many packets were dropped so far.
    async fn dropped(&self) -> Result<u64, StackError> {
        let text = self.iptables("-nvxL", &[]).await?;
        let drops = text
            .lines()
            .filter(|line| line.split_whitespace().nth(2) == Some("DROP"));
        Ok(drops
            .filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok())
            .sum())
    }

    /// Removes the rules; returns how many packets they dropped. None where they went with the container.
    async fn lift(&self) -> Result<Option<u64>, StackError> {
        if !std::path::Path::new(&format!("/proc/{}/ns/net", self.pid)).exists() {
            return Ok(None);
        }
        let dropped = self.dropped().await?;
        for rule in &self.rules {
            self.iptables("-D", rule).await?;
        }
        let left = self.iptables("-S", &[]).await?;
        // Another link of the same service may have rules of its own.
        let ours = |line: &str| {
            self.rules
                .iter()
                .any(|rule| line.contains(&format!("port {} ", rule[6])))
        };
        match left.lines().find(|line| line.contains("statistic") && ours(line)) {
            None => Ok(Some(dropped)),
            Some(line) => Err(StackError::NoEffect {
                party: self.party.clone(),
                asked: "the end of packet loss".to_string(),
                seen: format!("there is still {line}"),
            }),
        }
    }
}

impl Rules {
    async fn iptables(&self, deed: &str, rule: &[String]) -> Result<String, StackError> {
        let failed = |cause: String| StackError::Machine {
            doing: format!("iptables {deed} in the network of {}", self.party),
            cause,
        };
        let output = Command::new("nsenter")
            .arg(format!("--net=/proc/{}/ns/net", self.pid))
            .args(["iptables", "-w", deed])
            .args(rule)
            .output()
            .await
            .map_err(|e| failed(e.to_string()))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_string())),
        }
    }
}
