//! One connection of a link: a client's socket, the upstream's, and a lane for each way between them.
//!
//! One task looks after both ways. Ends and resets travel in the lanes like frames, so that a party never hears of
//! an end before the bytes that came before it. Never: reads from a source whose lane is full, or outlives its link.

mod events;
mod handshake;
mod late;
mod rules;

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use paytwice_checkers::history::Deed;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use self::late::Late;
use crate::wire::active::ActiveRule;
use crate::wire::core::{Frame, FrameKind, Session, Way};
use crate::wire::gate::Parties;
use crate::wire::lane::{Head, Item, Lane, Load, Orders};
use crate::wire::link::{Leg, Shared};
use crate::wire::rule::{Action, cut, decide};
use crate::wire::socket::{aside, call, let_go, reset};
use crate::wire::stream::Stream;

/// What is asked of the kernel in one read.
const READ_BYTES: usize = 16 << 10;
/// Room below which a buffer gets more.
const READ_BYTES_MIN: usize = 4 << 10;
/// Frames in one write.
const SLICES: usize = 16;

/// How others reach a connection's task.
pub(super) struct Handle {
    /// The gates that its bytes pass.
    pub(super) parties: Parties,
    waker: AtomicWaker,
    reset: AtomicBool,
    severed: AtomicBool,
}

impl Handle {
    pub(super) fn new(parties: Parties) -> Handle {
        Handle {
            parties,
            waker: AtomicWaker::new(),
            reset: AtomicBool::new(false),
            severed: AtomicBool::new(false),
        }
    }

    /// Has the connection end: one of its processes is gone, and nothing that was under way arrives.
    pub(super) fn sever(&self) {
        self.severed.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Lets the connection look at its rules again.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// Has the connection reset, both ways.
    pub(super) fn reset(&self) {
        self.reset.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// The far end.
enum Upstream {
    /// Not called yet: a cut would not let the call through.
    Waiting,
    Calling(Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>),
    Open(Stream),
    Refused,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Both ways have ended.
    Closed,
    /// Both parties are reset.
    Reset,
    /// What has arrived stays; the party that sends this way is reset, the other one sees an end.
    ResetBehind(Way),
    /// What has arrived stays; both parties see an end.
    Severed,
}

/// What a look at one part of the connection brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing to do until something wakes the task.
    Idle,
    /// Something happened: look again.
    Moved,
    /// The connection is over.
    Over(End),
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// The kernel takes nothing now.
    Nothing,
    /// The kernel took something, and so many frames are through with it.
    Frames(usize),
    /// The party is gone.
    Error,
}

/// One connection of a link.
pub(super) struct Connection {
    shared: Arc<Shared>,
    leg: Arc<Leg>,
    number: u64,
    handle: Arc<Handle>,
    client: Stream,
    upstream: Upstream,
    session: Box<dyn Session>,
    lanes: [Lane; 2],
    buffers: [BytesMut; 2],
    /// False where the source of this way had nothing more when it was last looked at, and wakes the task when it has.
    may_have_more: [bool; 2],
    /// A write told that the party which this way comes from has reset.
    source_reset: [bool; 2],
    /// A cut was in force when it came.
    kept_waiting: bool,
    rules: Arc<[Arc<ActiveRule>]>,
    version: u64,
    timer: Option<Pin<Box<Sleep>>>,
    frames: Vec<Frame>,
    /// Frames that so many others overtake, with their way.
    overtaken: Vec<(Way, u32, Frame)>,
    /// Copies that set out later.
    late: Vec<Late>,
    /// A rule has it fail: it ends as soon as the client has got what is under way to it.
    failing: bool,
    /// How it ends, once a rule has said so.
    over: Option<End>,
}

impl Connection {
    pub(super) fn new(
        shared: Arc<Shared>,
        leg: Arc<Leg>,
        number: u64,
        handle: Arc<Handle>,
        client: TcpStream,
    ) -> Connection {
        let session = leg.session(&shared);
        Connection {
            shared,
            leg,
            number,
            handle,
            client: Stream::Plain(client),
            upstream: Upstream::Waiting,
            session,
            lanes: Default::default(),
            buffers: Default::default(),
            may_have_more: [true; 2],
            source_reset: [false; 2],
            kept_waiting: false,
            rules: Arc::default(),
            version: u64::MAX,
            timer: None,
            frames: Vec::new(),
            overtaken: Vec::new(),
            late: Vec::new(),
            failing: false,
            over: None,
        }
    }

    /// Looks after the connection until both ways have ended, or one party or a rule resets it.
    pub(super) async fn run(mut self) {
        let end = poll_fn(|cx| self.poll(cx)).await;
        let now = Instant::now();
        for way in Way::BOTH {
            while let Some(item) = self.lanes[way as usize].pop() {
                self.lost(item, now);
            }
        }
        for (_, _, frame) in std::mem::take(&mut self.overtaken) {
            self.record(frame, [Deed::Lost]);
        }
        self.lose_late();
        let upstream = match self.upstream {
            Upstream::Open(upstream) => Some(upstream),
            _ => None,
        };
        for (way, stream) in [(Way::Request, Some(self.client)), (Way::Reply, upstream)] {
            let Some(stream) = stream else { continue };
            let stays = match end {
                End::Closed => continue,
                End::Reset => false,
                End::ResetBehind(sender) => sender != way,
                End::Severed => true,
            };
            match (stays, stream.socket()) {
                (false, Some(socket)) => reset(socket),
                (true, Some(_)) => stream
                    .into_socket()
                    .into_iter()
                    .for_each(|socket| self.shared.spawn(let_go(socket))),
                (_, None) => {}
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.handle.waker.register(cx.waker());
        loop {
            if self.handle.reset.load(Ordering::Acquire) {
                return Poll::Ready(End::Reset);
            }
            if self.handle.severed.load(Ordering::Acquire) {
                return Poll::Ready(End::Severed);
            }
            self.follow_rules();
            // One time for the whole look: what is not due yet in one step of it is what the timer waits for in the last.
            let now = Instant::now();
            self.send_late(now);
            let mut moved = false;
            let steps: [fn(&mut Connection, Instant, &mut Context<'_>) -> Step; 7] = [
                Self::poll_upstream,
                |this, _, cx| this.poll_handshake(Way::Request, cx),
                |this, _, cx| this.poll_handshake(Way::Reply, cx),
                |this, now, cx| this.poll_read(Way::Request, now, cx),
                |this, now, cx| this.poll_write(Way::Request, now, cx),
                |this, now, cx| this.poll_read(Way::Reply, now, cx),
                |this, now, cx| this.poll_write(Way::Reply, now, cx),
            ];
            for step in steps {
                match step(self, now, cx) {
                    Step::Idle => {}
                    Step::Moved => moved = true,
                    Step::Over(end) => return Poll::Ready(end),
                }
                // Not one more frame passes, either way.
                if let Some(end) = self.over {
                    return Poll::Ready(end);
                }
            }
            if self.failing && self.lanes[Way::Reply as usize].fin_passed {
                return Poll::Ready(End::Severed);
            }
            if self.lanes.iter().all(|lane| lane.fin_passed) {
                return Poll::Ready(End::Closed);
            }
            if moved && self.is_at_rest() {
                // Another look would find nothing, unless more has come.
                moved = Way::BOTH
                    .into_iter()
                    .any(|way| self.may_have_more[way as usize] && self.poll_read(way, now, cx) != Step::Idle);
            }
            if !moved && self.poll_timer(now, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// True while there is nothing to do but to read: all that was taken in is through.
    fn is_at_rest(&self) -> bool {
        let Upstream::Open(upstream) = &self.upstream else {
            return false;
        };
        self.lanes.iter().all(Lane::is_at_rest)
            && self.late.is_empty()
            && !self.failing
            && !self.client.is_shaking_hands()
            && !upstream.is_shaking_hands()
    }

    fn follow_rules(&mut self) {
        let version = self.shared.rules.version();
        if version == self.version {
            return;
        }
        self.version = version;
        self.rules = self.shared.rules.get();
        self.session
            .hold_whole(self.rules.iter().any(|rule| rule.rule.needs_whole_messages()));
        for way in Way::BOTH {
            let in_force = |rule: &Arc<ActiveRule>| self.rules.iter().any(|r| Arc::ptr_eq(r, rule));
            self.lanes[way as usize].follow(cut(&self.rules, way), in_force);
        }
    }

    fn poll_upstream(&mut self, now: Instant, cx: &mut Context<'_>) -> Step {
        if let Upstream::Waiting = self.upstream
            && !self.call_is_cut()
        {
            self.upstream = Upstream::Calling(Box::pin(call(self.leg.upstream())));
        }
        match &mut self.upstream {
            Upstream::Calling(calling) => match calling.as_mut().poll(cx) {
                Poll::Pending => self.given_up(),
                Poll::Ready(Ok(stream)) => {
                    self.upstream = Upstream::Open(Stream::Plain(stream));
                    Step::Moved
                }
                Poll::Ready(Err(error)) => {
                    tracing::debug!(link = self.shared.name(), leg = self.leg.name(), %error, "upstream refused");
                    self.shared.count_refused();
                    self.upstream = Upstream::Refused;
                    self.lose_destination(Way::Request, now);
                    self.source_ends(Way::Reply, Load::Reset, now);
                    Step::Moved
                }
            },
            Upstream::Waiting => self.given_up(),
            Upstream::Open(_) | Upstream::Refused => Step::Idle,
        }
    }

    /// True while the first packet of a call would not get through; counted once.
    fn call_is_cut(&mut self) -> bool {
        let Some(rule) = cut(&self.rules, Way::Request) else {
            return false;
        };
        if !std::mem::replace(&mut self.kept_waiting, true) {
            rule.counters.kept_waiting.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// Over when the client left before the upstream was reached and has nothing under way.
    fn given_up(&self) -> Step {
        let lane = &self.lanes[Way::Request as usize];
        match lane.source_ended && lane.holds_no_frame() && !self.failing {
            true => Step::Over(End::Reset),
            false => Step::Idle,
        }
    }

    fn poll_read(&mut self, way: Way, now: Instant, cx: &mut Context<'_>) -> Step {
        self.may_have_more[way as usize] = true;
        if self.late_is_full() || !self.lanes[way as usize].has_room() {
            return Step::Idle;
        }
        let source = match (way, &mut self.upstream) {
            (Way::Request, _) => &mut self.client,
            (Way::Reply, Upstream::Open(upstream)) => upstream,
            (Way::Reply, _) => return Step::Idle,
        };
        if source.is_shaking_hands() {
            return Step::Idle;
        }
        let buffer = &mut self.buffers[way as usize];
        make_room(buffer);
        let Poll::Ready(read) = pin!(source.read_buf(buffer)).poll(cx) else {
            self.may_have_more[way as usize] = false;
            return Step::Idle;
        };
        match read {
            Ok(0) if self.source_reset[way as usize] => self.source_ends(way, Load::Reset, now),
            Ok(0) => self.source_ends(way, Load::Fin, now),
            Ok(_) => self.take_frames(way, now),
            Err(_) => self.source_ends(way, Load::Reset, now),
        }
        Step::Moved
    }

    /// Frames in.
    fn take_frames(&mut self, way: Way, now: Instant) {
        // A rule holds for every byte that was sent after it was installed.
        self.follow_rules();
        let mut frames = std::mem::take(&mut self.frames);
        let unparsed_before = self.session.unparsed_bytes();
        self.session.frames(way, &mut self.buffers[way as usize], &mut frames);
        self.shared
            .count_unparsed(self.session.unparsed_bytes() - unparsed_before);
        let starts_tls = frames.last().is_some_and(|frame| frame.kind == FrameKind::StartTls);
        for frame in frames.drain(..) {
            self.take_frame(way, frame, now);
        }
        self.frames = frames;
        if self.failing {
            self.close_failed(now);
        }
        if starts_tls {
            self.start_tls_with_client();
        }
    }

    fn push(&mut self, way: Way, load: Load, orders: Orders, now: Instant) {
        let lane = &mut self.lanes[way as usize];
        lane.push(load, orders, now);
        if lane.destination_gone {
            self.lose_destination(way, now);
        }
    }

    /// The party that this way comes from has ended or reset its side.
    fn source_ends(&mut self, way: Way, how: Load, now: Instant) {
        if self.lanes[way as usize].source_ended {
            return;
        }
        let rest = self.buffers[way as usize].split().freeze();
        if let Load::Reset = how {
            for item in self.lanes[way as usize].take_held() {
                self.lost(item, now);
            }
            self.lose_destination(way.back(), now);
        } else if !rest.is_empty() {
            self.shared.count_unparsed(rest.len() as u64);
            self.take_frame(way, Frame::plain(rest, FrameKind::Bytes), now);
        }
        for (of, left, _) in &mut self.overtaken {
            if *of == way {
                *left = 1;
            }
        }
        self.overtaken(way, now);
        self.hurry_late(way, now);
        let delays = decide(&self.rules, way, &Frame::plain(Bytes::new(), FrameKind::Plain)).delays;
        let orders = Orders {
            delays,
            ..Orders::default()
        };
        self.push(way, how, orders, now);
        self.lanes[way as usize].source_ended = true;
    }

    /// What this way leads to is gone: nothing in it will arrive.
    fn lose_destination(&mut self, way: Way, now: Instant) {
        let lane = &mut self.lanes[way as usize];
        lane.destination_gone = true;
        let mut ends = Vec::new();
        while let Some(item) = self.lanes[way as usize].pop() {
            match item.load {
                Load::Frame(_) | Load::Aside(_) => self.lost(item, now),
                Load::Fin => self.lanes[way as usize].fin_passed = true,
                Load::Reset => ends.push(item),
            }
        }
        self.lanes[way as usize].put_back(ends);
    }

    fn poll_write(&mut self, way: Way, now: Instant, cx: &mut Context<'_>) -> Step {
        if way == Way::Request && matches!(self.upstream, Upstream::Waiting | Upstream::Calling(_)) {
            return Step::Idle;
        }
        let head = self.lanes[way as usize].head(now);
        if head == Head::Nothing {
            return Step::Idle;
        }
        if !self.handle.parties.let_pass(&self.handle, way) {
            return Step::Idle;
        }
        match head {
            Head::Nothing => Step::Idle,
            Head::Reset => Step::Over(End::Reset),
            Head::Fin => self.pass_fin(way, cx),
            Head::Aside => {
                if let Some(item) = self.lanes[way as usize].pop() {
                    self.send_aside(item, now);
                }
                Step::Moved
            }
            Head::Frames => match self.write_frames(way, now, cx) {
                Written::Nothing => Step::Idle,
                Written::Frames(through) => {
                    for _ in 0..through {
                        if let Some(item) = self.lanes[way as usize].pop() {
                            self.passed(way, item, now);
                        }
                    }
                    Step::Moved
                }
                Written::Error => {
                    self.source_reset[way.back() as usize] = true;
                    self.lose_destination(way, now);
                    Step::Moved
                }
            },
        }
    }

    /// Hands frames to the kernel.
    fn write_frames(&mut self, way: Way, now: Instant, cx: &mut Context<'_>) -> Written {
        let destination = match (way, &mut self.upstream) {
            (Way::Reply, _) => &mut self.client,
            (Way::Request, Upstream::Open(upstream)) => upstream,
            (Way::Request, _) => return Written::Nothing,
        };
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.lanes[way as usize].slices(now, &mut slices);
        match destination.poll_write_frames(cx, &slices[..count]) {
            Poll::Pending => {
                if destination.has_begun() {
                    self.lanes[way as usize].begin();
                }
                Written::Nothing
            }
            Poll::Ready(Ok(bytes)) => Written::Frames(self.lanes[way as usize].advance(bytes)),
            Poll::Ready(Err(_)) => Written::Error,
        }
    }

    fn pass_fin(&mut self, way: Way, cx: &mut Context<'_>) -> Step {
        let destination = match (way, &mut self.upstream) {
            (Way::Reply, _) => &mut self.client,
            (Way::Request, Upstream::Open(upstream)) => upstream,
            (Way::Request, _) => return Step::Idle,
        };
        // An error means that the other party is gone already; its own way tells that.
        if destination.poll_shutdown(cx).is_pending() {
            return Step::Idle;
        }
        let lane = &mut self.lanes[way as usize];
        lane.pop();
        lane.fin_passed = true;
        Step::Moved
    }

    /// Ready when the head of a lane has become due.
    fn poll_timer(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let leaving = self.lanes.iter().filter_map(Lane::wakes_at);
        let due = leaving
            .chain(self.late.iter().map(Late::at))
            .filter(|at| *at > now)
            .min();
        let Some(due) = due else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }

    fn send_aside(&mut self, item: Item, now: Instant) {
        let did = item.did(now);
        if let Load::Aside(frame) = item.load {
            self.record(frame.clone(), did);
            let session = self.leg.session(&self.shared);
            self.shared.spawn(aside(self.leg.upstream(), frame, session));
        }
    }

    fn lost(&mut self, item: Item, now: Instant) {
        for rule in &item.after {
            if let Action::Shut(gate, _) = &rule.rule.action {
                gate.call_off(&self.handle);
            }
        }
        let did = item.did(now);
        if let Load::Frame(frame) | Load::Aside(frame) = item.load {
            self.record(frame, did.into_iter().chain([Deed::Lost]));
        }
    }
}

/// Room for a read: the same memory again where nothing in it is under way any more; otherwise more, but not at every read.
fn make_room(buffer: &mut BytesMut) {
    let again = buffer.is_empty() && buffer.try_reclaim(READ_BYTES);
    if !again && buffer.capacity() - buffer.len() < READ_BYTES_MIN {
        buffer.reserve(READ_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads something, and takes it out.
    fn read(buffer: &mut BytesMut) -> Bytes {
        make_room(buffer);
        let room = buffer.capacity() - buffer.len();
        assert!(room >= READ_BYTES_MIN, "{room}");
        buffer.extend_from_slice(&[7; 200]);
        buffer.split().freeze()
    }

    #[test]
    fn what_is_not_under_way_is_read_into_again() {
        let mut buffer = BytesMut::new();
        let begin = read(&mut buffer).as_ptr();
        for _ in 0..100 {
            assert_eq!(read(&mut buffer).as_ptr(), begin);
        }
    }

    #[test]
    fn what_is_under_way_keeps_its_memory_and_is_not_alone_in_it() {
        let mut buffer = BytesMut::new();
        let frames: Vec<Bytes> = (0..100).map(|_| read(&mut buffer)).collect();
        let follows = |pair: &&[Bytes]| pair[1].as_ptr() == pair[0].as_ptr().wrapping_add(200);
        assert!(frames.windows(2).filter(follows).count() > 90);
        assert!(frames.iter().all(|frame| frame[..] == [7; 200]));
    }
}
