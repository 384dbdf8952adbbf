//! Orders by construction: nothing is coded, effects are rows (of each subscriber, where it has some) or frames.

use paytwice_checkers::history::{
    Body, Header, History, HistoryBuilder, Kind, Moment, Op, Process, Role, Rows, Text, View, Wire,
};
use proptest::prelude::*;
use serde_json::json;

/// Where orders take effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Rows of one view.
    Rows,
    /// Rows of one view, for each of these.
    Per(&'static [&'static str]),
    /// Frames of a point.
    Point,
}

/// What happened in a run.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    /// Whether a view shows what is recorded.
    pub viewed: bool,
    pub effect: Effect,
    pub late_is_valid: bool,
    pub repairs: bool,
    pub orders: Vec<Order>,
    /// Keys of effects of nobody, and for whom.
    pub strays: Vec<(&'static str, usize)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub quantity: u32,
    /// How its one try ended; None: it never did.
    pub end: Option<Kind>,
    /// What its client was told.
    pub told: Option<&'static str>,
    /// The states of its rows, each with a quantity.
    pub rows: Vec<(&'static str, u32)>,
    /// Effects for each subscriber: before the repair, and in the end.
    pub effects: Vec<(u32, u32)>,
}

impl Shop {
    pub(crate) fn new(viewed: bool, effect: Effect) -> Shop {
        Shop {
            viewed,
            effect,
            late_is_valid: false,
            repairs: true,
            orders: Vec::new(),
            strays: Vec::new(),
        }
    }

    pub(crate) fn lanes(&self) -> usize {
        match self.effect {
            Effect::Per(subscribers) => subscribers.len(),
            Effect::Rows | Effect::Point => 1,
        }
    }

    /// Adds an order that was acknowledged, recorded and shipped once for each.
    pub(crate) fn buy(&mut self) -> usize {
        let at = self.orders.len();
        let quantity = u32::try_from(at % 3).unwrap_or_default() + 1;
        self.orders.push(Order {
            quantity,
            end: Some(Kind::Ok),
            told: Some("paid"),
            rows: vec![("paid", quantity)],
            effects: vec![(1, 1); self.lanes()],
        });
        at
    }

    pub(crate) fn ship(&mut self, order: usize, lane: usize, times: u32) {
        self.orders[order].effects[lane] = (times, times);
    }

    /// Makes an order one that nobody recorded: its client never got an answer.
    pub(crate) fn forget(&mut self, order: usize) {
        self.orders[order] = Order {
            end: Some(Kind::Info),
            told: None,
            rows: Vec::new(),
            effects: vec![(0, 0); self.lanes()],
            ..self.orders[order].clone()
        };
    }

    pub(crate) fn header(&self) -> Header {
        let mut exactly_once = json!({
            "checker": "exactly-once", "subject": "order",
            "effect": match self.effect {
                Effect::Rows => json!({ "view": "parcels", "by": "rows" }),
                Effect::Per(subscribers) => {
                    json!({ "view": "parcels", "by": "rows", "per": "for", "subscribers": subscribers })
                }
                Effect::Point => json!({ "point": "store->db COMMIT reply" }),
            },
            "words": { "recorded": "booked", "effect": "shipped" },
            "late": if self.late_is_valid { "valid" } else { "invalid" },
        });
        if self.viewed {
            exactly_once["recorded"] =
                json!({ "view": "orders", "success": { "state": ["paid"] }, "failed": { "state": ["refused"] } });
        }
        let header = json!({
            "format": "paytwice-history", "version": 1, "target": "shop", "run": "test", "stack": "none", "seed": 7,
            "started_at": "2026-01-01T00:00:00Z", "policies": {},
            "subjects": { "order": { "key": "no", "fields": { "sku": {}, "quantity": {} } } },
            "actions": {
                "buy": { "starts": "order", "service": "shop" },
                "deliver": { "repairs": "order", "service": "store" },
            },
            "views": { "orders": ["rest", "final"], "parcels": ["initial", "rest", "final"] },
            "promises": [exactly_once, { "checker": "idempotent-requests" }],
        });
        serde_json::from_value(header).expect("it is a header")
    }

    pub(crate) fn history(&self) -> History {
        let mut builder = HistoryBuilder::new(self.header());
        self.parcels(Moment::Initial, &mut builder);
        builder.phase("workload", Kind::Invoke);
        for at in 0..self.orders.len() {
            self.order(at, &mut builder);
        }
        self.frames(&mut builder, |(before, _)| before);
        builder.phase("workload", Kind::Ok);
        for phase in ["heal", "settle"] {
            builder.phase(phase, Kind::Invoke);
            builder.phase(phase, Kind::Ok);
        }
        if self.repairs {
            builder.phase("repair", Kind::Invoke);
            self.rows(Moment::Rest, &mut builder);
            self.parcels(Moment::Rest, &mut builder);
            for (at, order) in self.orders.iter().enumerate() {
                if order.effects.iter().any(|(before, end)| before < end) {
                    let op = Op {
                        action: "deliver".into(),
                        subject: key(at).into(),
                        repair: true,
                        ..Op::default()
                    };
                    let process = 1_000 + at as u64;
                    builder.client(process, Kind::Invoke, Body::Op(op.clone()));
                    builder.client(process, Kind::Ok, Body::Op(op));
                }
            }
            self.frames(&mut builder, |(before, end)| end - before);
            builder.phase("repair", Kind::Ok);
            builder.phase("settle-repair", Kind::Invoke);
            builder.phase("settle-repair", Kind::Ok);
        }
        builder.phase("final-reads", Kind::Invoke);
        self.rows(Moment::Final, &mut builder);
        self.parcels(Moment::Final, &mut builder);
        builder.phase("final-reads", Kind::Ok);
        builder.build()
    }

    fn order(&self, at: usize, builder: &mut HistoryBuilder) {
        let order = &self.orders[at];
        let args = [
            ("no", key(at)),
            ("sku", format!("s{at}")),
            ("quantity", order.quantity.to_string()),
        ];
        let ask = Op {
            action: "buy".into(),
            subject: key(at).into(),
            args: args.map(|(name, value)| (name.into(), value.into())).into(),
            ..Op::default()
        };
        let told = order.told.map(|state| ("state".into(), state.into()));
        let answer = Op {
            answer: told.into_iter().collect(),
            ..ask.clone()
        };
        builder.client(at as u64, Kind::Invoke, Body::Op(ask));
        if let Some(kind) = order.end {
            builder.client(at as u64, kind, Body::Op(answer));
        }
    }

    /// One frame for each effect, all orders of one round in one transaction.
    fn frames(&self, builder: &mut HistoryBuilder, times: fn((u32, u32)) -> u32) {
        if self.effect != Effect::Point {
            return;
        }
        let of = |order: &Order| times(order.effects[0]);
        let most = self.orders.iter().map(of).max().unwrap_or(0);
        let strays = times((1, 1)).min(1) as usize * self.strays.len();
        for round in 0..most {
            let keys = (0..).zip(&self.orders).filter(|(_, order)| of(order) > round);
            let mut keys: Vec<String> = keys.map(|(at, _)| key(at)).collect();
            if round == 0 {
                keys.extend(self.strays[..strays].iter().map(|(key, _)| (*key).to_owned()));
            }
            let frame = Wire {
                link: "store->db".into(),
                conn: 1,
                point: "COMMIT reply".into(),
                role: Role::Committed,
                keys: [("no".into(), keys.into_iter().map(Text::from).collect())].into(),
                ..Wire::default()
            };
            builder.add(Process::Named("wire".into()), Kind::Info, Body::Wire(frame));
        }
    }

    fn rows(&self, at: Moment, builder: &mut HistoryBuilder) {
        if !self.viewed {
            return;
        }
        let mut rows = Rows::new(["no", "quantity", "state"]);
        for (n, order) in self.orders.iter().enumerate() {
            for (state, quantity) in &order.rows {
                rows.push([Some(key(n).as_str()), Some(&quantity.to_string()), Some(state)]);
            }
        }
        add_view(builder, "orders", at, rows);
    }

    /// What was shipped before the run is shown at every moment.
    fn parcels(&self, at: Moment, builder: &mut HistoryBuilder) {
        if self.effect == Effect::Point {
            return;
        }
        let mut rows = Rows::new(["no", "for"]);
        let mut show = |key: &str, lane: usize| match self.effect {
            Effect::Per(subscribers) => rows.push([Some(key), Some(subscribers[lane])]),
            Effect::Rows | Effect::Point => rows.push([Some(key), Some("all")]),
        };
        show("long ago", 0);
        for (n, order) in self.orders.iter().enumerate() {
            for (lane, (before, end)) in order.effects.iter().enumerate() {
                let times = match at {
                    Moment::Initial => 0,
                    Moment::Rest => *before,
                    _ => *end,
                };
                (0..times).for_each(|_| show(&key(n), lane));
            }
        }
        if at != Moment::Initial {
            self.strays.iter().for_each(|(key, lane)| show(key, *lane));
        }
        add_view(builder, "parcels", at, rows);
    }
}

fn add_view(builder: &mut HistoryBuilder, view: &str, at: Moment, rows: Rows) {
    let body = Body::View(View {
        view: view.into(),
        at,
        rows: Some(rows),
    });
    builder.add(Process::Named("view".into()), Kind::Ok, body);
}

fn key(order: usize) -> String {
    format!("o{order}")
}

/// A valid run with at least one acknowledged order.
pub(crate) fn shop() -> impl Strategy<Value = Shop> {
    let effect = prop_oneof![
        Just(Effect::Rows),
        Just(Effect::Per(&["billing", "stock"])),
        Just(Effect::Per(&["mail", "billing", "stock"])),
        Just(Effect::Point),
    ];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let orders = proptest::collection::vec((0_u8..7, any::<bool>()), 0..12);
    (effect, flags, orders).prop_map(|(effect, flags, orders)| {
        let mut shop = Shop {
            late_is_valid: flags.1,
            repairs: flags.2,
            ..Shop::new(flags.0, effect)
        };
        shop.buy();
        for (end, late) in orders {
            express(&mut shop, end, late);
        }
        shop
    })
}

/// Adds an order whose outcome, record and effects agree.
fn express(shop: &mut Shop, end: u8, late: bool) {
    let at = shop.buy();
    match end {
        0..=2 => {}
        3 => {
            shop.forget(at);
            shop.orders[at].end = Some(Kind::Fail);
        }
        4 => shop.forget(at),
        5 => {
            shop.orders[at].end = None;
            shop.orders[at].told = None;
        }
        // Where nothing is recorded, an ok is a success.
        _ if shop.viewed => {
            shop.forget(at);
            let quantity = shop.orders[at].quantity;
            shop.orders[at].end = Some(Kind::Ok);
            shop.orders[at].told = Some("refused");
            shop.orders[at].rows = vec![("refused", quantity)];
        }
        _ => {}
    }
    if late && shop.late_is_valid && shop.repairs {
        for effect in &mut shop.orders[at].effects {
            effect.0 = 0;
        }
    }
}
