//! Request and response codes of the remoting protocol that this crate knows by name.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)*) => {
        $($(#[$doc])* pub const $name: i32 = $value;)*

        /// The name of a request code.
        pub fn name(code: i32) -> Option<&'static str> {
            match code {
                $($value => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

codes! {
    /// Stores one message.
    SEND_MESSAGE = 10,
    /// Asks for messages; answered when there are some or after a time-out.
    PULL_MESSAGE = 11,
    /// Asks for the committed offset of one queue.
    QUERY_CONSUMER_OFFSET = 14,
    /// Commits an offset of one queue.
    UPDATE_CONSUMER_OFFSET = 15,
    /// Creates or changes a topic.
    UPDATE_AND_CREATE_TOPIC = 17,
    /// Changes settings of a broker.
    UPDATE_BROKER_CONFIG = 25,
    /// Runtime figures of a broker.
    GET_BROKER_RUNTIME_INFO = 28,
    /// The next offset of one queue.
    GET_MAX_OFFSET = 30,
    /// The first offset of one queue.
    GET_MIN_OFFSET = 31,
    /// Announces the groups of a client.
    HEART_BEAT = 34,
    /// Says goodbye for a group.
    UNREGISTER_CLIENT = 35,
    /// A consumer asks for a message to be delivered again later.
    CONSUMER_SEND_MSG_BACK = 36,
    /// Resolves a half message: commit, rollback or unknown.
    END_TRANSACTION = 37,
    /// Asks who else is in a consumer group.
    GET_CONSUMER_LIST_BY_GROUP = 38,
    /// The broker asks a producer for the outcome of a transaction.
    CHECK_TRANSACTION_STATE = 39,
    /// The broker says that a consumer group has changed.
    NOTIFY_CONSUMER_IDS_CHANGED = 40,
    /// Which brokers hold a topic.
    GET_ROUTEINFO_BY_TOPIC = 105,
    /// All brokers of a cluster.
    GET_BROKER_CLUSTER_INFO = 106,
    /// Creates or changes a subscription group.
    UPDATE_AND_CREATE_SUBSCRIPTIONGROUP = 200,
    /// First and next offsets of all queues of a topic.
    GET_TOPIC_STATS_INFO = 202,
    /// What a consumer group has read of what is there.
    GET_CONSUME_STATS = 208,
    /// Removes a consumer group from a broker.
    DELETE_SUBSCRIPTIONGROUP = 207,
    /// Removes a topic from a broker.
    DELETE_TOPIC_IN_BROKER = 215,
    /// Stores one message; short field names.
    SEND_MESSAGE_V2 = 310,
    /// Stores several messages of one topic.
    SEND_BATCH_MESSAGE = 320,
    /// [`PULL_MESSAGE`] of an older message filter.
    LITE_PULL_MESSAGE = 361,
    /// Asks for messages that the broker hides from others for a while.
    POP_MESSAGE = 200050,
    /// A consumer is done with a message that it popped.
    ACK_MESSAGE = 200051,
    /// A consumer wants a message that it popped hidden for longer, or no longer.
    CHANGE_MESSAGE_INVISIBLETIME = 200053,
    /// A consumer is done with several messages that it popped.
    BATCH_ACK_MESSAGE = 200151,
}

/// The response code that says: done.
pub const SUCCESS: i32 = 0;
/// The response code of a broker that failed.
pub const SYSTEM_ERROR: i32 = 1;
/// The response code of a broker that takes no more for a while.
pub const SYSTEM_BUSY: i32 = 2;
/// The response code of a broker that is not (or no longer) at work.
pub const SERVICE_NOT_AVAILABLE: i32 = 14;
/// The response code for a topic that does not exist.
pub const TOPIC_NOT_EXIST: i32 = 17;
/// The response code of a pull that found nothing before its time was up.
pub const PULL_NOT_FOUND: i32 = 19;

/// True for the requests that store one message.
pub fn is_send(code: i32) -> bool {
    code == SEND_MESSAGE || code == SEND_MESSAGE_V2
}

/// True for the requests that ask for messages.
pub fn is_pull(code: i32) -> bool {
    code == PULL_MESSAGE || code == LITE_PULL_MESSAGE
}
