//! `account`: listens for payments and credits each once.
//!
//! Promise: every successful payment moves the balance of its account exactly once, whether its
//! message or a client's query brings it, however often.

mod balance;
mod config;
mod credit;
mod http;
mod listener;
mod pay;
mod query;

use std::process::ExitCode;
use std::sync::Arc;

use rocketmq_client_rust::ClientRuntime;
use service_common::bridge::Bridge;
use service_common::database::Database;
use service_common::{http as web, service};

use crate::config::Config;
use crate::credit::Ledger;
use crate::http::App;
use crate::listener::{Consumer, Listener};
use crate::pay::PayClient;

fn main() -> ExitCode {
    service::run("account", Config::from_env, serve)
}

async fn serve(config: Config, client: Arc<ClientRuntime>) -> anyhow::Result<()> {
    let database = Database::open(config.database.clone());
    let ledger = Ledger::new(database.clone(), config.crediting);
    let listener = Listener::new(
        ledger.clone(),
        Bridge::to_current_runtime(config.callback_timeout),
        config.money,
        config.result,
        config.ack,
    );
    let consumer = Arc::new(Consumer::new(config.consumer, client, listener));
    let app = App {
        database,
        ledger,
        consumer: Arc::clone(&consumer),
        pay: PayClient::new(config.pay_url, config.call_timeout, config.money)?,
        money: config.money,
        query_fallback: config.query_fallback,
    };
    let served = web::serve(config.listen, http::routes(app), consumer.start()).await;
    consumer.stop().await;
    served
}
