//! `pay`: takes recharges, records each once, and publishes what it recorded.
//!
//! Promise: a payment is in the table if and only if its message reaches the consumers, at least
//! once; one transaction number is one payment, whatever the client repeats.

mod card;
mod config;
mod http;
mod notify;
mod recharge;
mod request_id;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use rocketmq_client_rust::ClientRuntime;
use service_common::database::Database;
use service_common::{http as web, service};

use crate::config::Config;
use crate::http::App;
use crate::notify::Notifier;
use crate::table::Table;

fn main() -> ExitCode {
    service::run("pay", Config::from_env, serve)
}

async fn serve(config: Config, client: Arc<ClientRuntime>) -> anyhow::Result<()> {
    let database = Database::open(config.database.clone());
    let table = Table::new(database.clone(), config.money);
    let notifier = Notifier::new(config.notify, table.clone(), config.producer, client);
    let app = App {
        database,
        table,
        notifier: notifier.clone(),
        money: config.money,
        request_id: config.request_id,
    };
    let served = web::serve(config.listen, http::routes(app), notifier.start()).await;
    notifier.stop().await;
    served
}
