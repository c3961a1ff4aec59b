//! A world under faults: what is due happens, one thing after another.

mod ambush;
mod network;
mod nodes;

use quorate::id::NodeId;
use quorate::ledger::Output;
use quorate::time::Delay;

use super::aim::Lookout;
use super::dice::Dice;
use super::faults::{Atlas, Faults};
use super::host::Host;
use super::partition::Cut;
use super::queue::Queue;
use super::record::Record;
use super::{NOTHING_WITHHELD, Simulated, nanos};
use crate::spec::{RequestOf, TimerOf};
use crate::world::{Action, ActionOf, Passage, Rules, Script, Sent, World, slot};

use network::Parted;

/// What is due.
enum Due<S: Simulated> {
    /// A copy of a message arrives.
    Message(Sent<S>),
    /// An expiry of a timer, by its number.
    Timer(NodeId, TimerOf<S>, u64),
    /// The next record of the write under way is durable, in this life of the node.
    Flush(NodeId, u64),
    /// A node looks into its inbox, in this life.
    Inbox(NodeId, u64),
    /// The next request is thought of.
    Wish,
    /// It reaches a node.
    Request(NodeId, RequestOf<S>),
    Crash,
    /// The crash of this node, in this life.
    CrashOf(NodeId, u64),
    Pause,
    ClockStep,
    Partition,
    /// The links that flap change.
    Flap,
    /// Links stand again.
    Join,
}

/// A world, and what is to happen to it.
pub(super) struct Phase<'a, S: Simulated> {
    rules: &'a Rules<S>,
    faults: &'a Faults,
    /// Whether the faults have ended, so that requests are probes.
    healing: bool,
    atlas: Atlas,
    dice: Dice,
    /// Virtual time, in nanoseconds.
    pub(super) now: u64,
    queue: Queue<Due<S>>,
    hosts: Vec<Host<TimerOf<S>>>,
    /// How many copies of each message are under way.
    copies: Vec<(Sent<S>, u32)>,
    /// When the last message of each link arrives: those behind it come later, where links keep order.
    links: Vec<u64>,
    /// The links that are cut now.
    cut: Cut,
    parted: Option<Parted>,
    lookout: Lookout,
    /// Whether the next node whose disk is at work crashes.
    lurking: bool,
    pub(super) world: World<S>,
    pub(super) record: Record<S>,
}

impl<'a, S: Simulated> Phase<'a, S> {
    /// `world` from `now` on, under `faults`. Whatever is in flight, held or set in it is due soon.
    pub(super) fn new(
        rules: &'a Rules<S>,
        faults: &'a Faults,
        healing: bool,
        world: World<S>,
        now: u64,
        dice: Dice,
        record: Record<S>,
    ) -> Self {
        let nodes = world.nodes().len();
        let lookout = Lookout::new(faults.aim.as_ref(), rules.spec().prominent(&world));
        let mut phase = Self {
            rules,
            faults,
            healing,
            atlas: rules.spec().atlas(),
            dice,
            now,
            queue: Queue::new(),
            hosts: Vec::with_capacity(nodes),
            copies: Vec::new(),
            links: vec![now; nodes * nodes],
            cut: vec![0; nodes],
            parted: None,
            lookout,
            lurking: false,
            world,
            record,
        };
        phase.begin();
        phase
    }

    fn begin(&mut self) {
        for node in self.world.nodes() {
            self.hosts.push(Host::new(node.now, self.now, &self.faults.clocks, &mut self.dice));
        }
        for flying in self.world.network().flying().to_vec() {
            self.travel(flying, self.now);
        }
        for id in self.world.ids() {
            self.begin_of(id);
        }
        let soon = self.dice.below(self.faults.request_every.saturating_add(1));
        self.queue.push(self.now.saturating_add(soon), Due::Wish);
        let spells = [
            (self.faults.crashes.as_ref().map(|crashes| &crashes.spells), Due::Crash),
            (self.faults.pauses.as_ref(), Due::Pause),
            (self.faults.partitions.as_ref().map(|partitions| &partitions.spells), Due::Partition),
            (self.faults.clocks.steps.as_ref(), Due::ClockStep),
        ];
        for (spells, due) in spells {
            if let Some(spells) = spells {
                let first = spells.next(&mut self.dice);
                self.queue.push(self.now.saturating_add(first), due);
            }
        }
    }

    /// What is set at a node runs, and what waits there is worked on, from now on.
    fn begin_of(&mut self, id: NodeId) {
        let set: Vec<_> =
            self.world.node(id).into_iter().flat_map(|node| node.ledger.timers().iter()).collect();
        for (timer, _) in set {
            let delay = self.rules.spec().delay(timer);
            self.arm(id, timer, delay);
        }
        self.tend(id);
    }

    /// The next thing that is due happens; false if nothing ever will.
    ///
    /// # Errors
    /// The property that falls by it.
    pub(super) fn next(&mut self) -> Result<bool, &'static str> {
        let Some((at, due)) = self.queue.pop() else { return Ok(false) };
        self.now = self.now.max(at);
        match due {
            Due::Message(flying) => self.arrive(flying)?,
            Due::Timer(id, timer, expiry) => self.expire(id, timer, expiry)?,
            Due::Flush(id, life) => self.flush(id, life)?,
            Due::Inbox(id, life) => self.look(id, life)?,
            Due::Wish => self.wish()?,
            Due::Request(id, request) => self.ask(id, request)?,
            Due::Crash => self.think_of_crash()?,
            Due::CrashOf(id, life) => self.crash_of(id, life)?,
            Due::Pause => self.pause(),
            Due::ClockStep => self.step_clock(),
            Due::Partition => self.part(),
            Due::Flap => self.flap(),
            Due::Join => self.join(),
        }
        self.take_aim()?;
        Ok(true)
    }

    /// A request for `id` is made now.
    ///
    /// # Errors
    /// The property that falls by it.
    pub(super) fn ask(&mut self, id: NodeId, request: RequestOf<S>) -> Result<(), &'static str> {
        let Some(host) = self.hosts.get(slot(id)) else { return Ok(()) };
        match host.stopped(self.now) {
            // Nobody is there to be asked.
            Some(_) if host.is_down(self.now) => Ok(()),
            Some(until) => {
                self.queue.push(until, Due::Request(id, request));
                Ok(())
            }
            None if !self.rules.spec().stands(&self.world, id, &request) => Ok(()),
            None => self.act(id, Action::Request(id, request, Script::new())),
        }
    }

    fn wish(&mut self) -> Result<(), &'static str> {
        let (spec, serial) = (self.rules.spec(), self.record.wished);
        if !self.healing && serial >= spec.requests_max() {
            return Ok(());
        }
        let next = self.dice.below(self.faults.request_every.saturating_mul(2).saturating_add(1));
        self.queue.push(self.now.saturating_add(next.max(1)), Due::Wish);
        // Who thinks of a request may look at a clock.
        self.world.ids().try_for_each(|id| self.set_clock(id))?;
        let wish = if self.healing {
            spec.probe(&self.world, serial)
        } else {
            spec.request(&self.world, serial, &mut self.dice)
        };
        match wish {
            Some((id, request)) => {
                self.record.wished += 1;
                self.ask(id, request)
            }
            None => Ok(()),
        }
    }

    /// A node's clock reads what it is to read now, where anybody reads it.
    fn set_clock(&mut self, id: NodeId) -> Result<(), &'static str> {
        if !self.rules.spec().ticks().is_empty()
            && let (Some(host), Some(node)) = (self.hosts.get(slot(id)), self.world.node(id))
        {
            let (is, was) = (i128::from(host.clock.read(self.now)), i128::from(node.now.0));
            let by = i64::try_from(is - was).unwrap_or(0);
            if by != 0 {
                self.perform(Action::Tick(id, by))?;
            }
        }
        Ok(())
    }

    /// `action` befalls a node, by the time that it is there.
    fn act(&mut self, id: NodeId, mut action: ActionOf<S>) -> Result<(), &'static str> {
        self.set_clock(id)?;
        let dice = &mut self.dice;
        self.rules
            .choose(&self.world, &mut action, |upto| u32::try_from(dice.below(u64::from(upto))).unwrap_or(0));
        self.perform(action)
    }

    /// `action` happens, and what follows is under way.
    fn perform(&mut self, action: ActionOf<S>) -> Result<(), &'static str> {
        let Ok(passage) = self.rules.advance(&mut self.world, &action) else {
            self.record.withheld(self.now, action);
            return Err(NOTHING_WITHHELD);
        };
        self.record.note(self.rules, self.now, &action, passage.as_deref(), &self.world)?;
        match (passage, action.node()) {
            (Some(passage), Some(id)) => self.follow(id, &passage),
            _ => Ok(()),
        }
    }

    /// What a node went through: its timers run, its messages leave, its disk works.
    fn follow(&mut self, id: NodeId, passage: &Passage<S>) -> Result<(), &'static str> {
        let told = passage.outputs().any(|output| matches!(output, Output::Notify(_)));
        self.lookout.note(id, told);
        for (timer, delay) in passage.armed() {
            self.arm(id, *timer, *delay);
        }
        self.tend(id);
        let at = self.hosts.get(slot(id)).map_or(self.now, |host| host.awake(self.now));
        self.send(passage.sends(), at)
    }

    /// A timer runs, by the node's own clock.
    fn arm(&mut self, id: NodeId, timer: TimerOf<S>, delay: Delay) {
        let Some(host) = self.hosts.get_mut(slot(id)) else { return };
        let drawn = u32::try_from(self.dice.below(1 << 32)).unwrap_or(u32::MAX);
        let wait = host.clock.lasting(nanos(delay.at(drawn)));
        let due = host.awake(self.now).saturating_add(wait);
        let expiry = host.arm(timer);
        self.queue.push(due, Due::Timer(id, timer, expiry));
    }

    /// The node's disk and inbox are worked on, where there is something to do.
    fn tend(&mut self, id: NodeId) {
        let (Some(node), Some(host)) = (self.world.node(id), self.hosts.get_mut(slot(id))) else { return };
        let at = host.awake(self.now);
        if node.ledger.is_waiting() && host.writing == 0 {
            host.writing = node.records().take(self.faults.batch_max).count();
            let disk = self.faults.disks.get(slot(id));
            let latency = disk.map_or(1, |disk| disk.draw(&mut self.dice));
            let slow = self.faults.aim.as_ref().map_or(0, |aim| aim.slow_per_mille);
            let latency = match disk.filter(|_| self.lookout.sought(slow) == Some(id)) {
                Some(disk) => self.lookout.magnitude(latency, disk.slowest),
                None => latency,
            };
            self.queue.push(at.saturating_add(latency), Due::Flush(id, host.life));
            if std::mem::take(&mut self.lurking) {
                let sooner = self.dice.below(latency);
                self.queue.push(at.saturating_add(sooner), Due::CrashOf(id, host.life));
            }
        }
        if !node.inbox.is_empty() && !host.looking {
            host.looking = true;
            let soon = self.dice.below(self.faults.looking_max + 1);
            self.queue.push(at.saturating_add(soon), Due::Inbox(id, host.life));
        }
    }
}
