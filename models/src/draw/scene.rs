//! From a replay to a drawing.

use quorate::id::NodeId;

use super::{Drawing, Fate, Lane, Mark, ROWS_MAX, Row, Stretch, Stub, What};
use crate::network::Envelope;
use crate::spec::{MessageOf, Shown, Spec};
use crate::trace::{BadTrace, Fault, RecordedOf, cut, is_one};
use crate::world::{Action, ActionOf, Rules, World};

/// What happens in a trace.
pub(crate) fn drawing<S: Spec>(rules: &Rules<S>, recorded: &RecordedOf<S>) -> Result<Drawing, BadTrace> {
    let rows = recorded.trace.actions.len();
    if rows > ROWS_MAX {
        return Err(Fault::TooMuchToDraw { rows }.at(1));
    }
    let (origin, origins) = (recorded.trace.origin, rules.initial());
    let many = origins.len();
    let Some(mut world) = origins.into_iter().nth(origin) else {
        return Err(Fault::NoOrigin { origin, origins: many }.at(1));
    };
    let header = &recorded.header;
    let mut scene = Scene::begun(rules, &world);
    for (at, action) in recorded.trace.actions.iter().enumerate() {
        let next = rules
            .apply_named(&world, action)
            .map_err(|refused| rules.refusal(&world, recorded, at, refused))?;
        let at_ns = recorded.times.get(at).copied().flatten().map(|time| time.0);
        let says = rules.describe(&world, action, &next);
        let turns = header.cycle_from == Some(at);
        let before = at.checked_sub(1).and_then(|before| recorded.trace.actions.get(before));
        if before.is_some_and(|before| is_one(before, action)) && !turns {
            scene.fold(&says, scene.named(&world, action));
        } else {
            if turns {
                scene.cycle = Some(scene.rows.len());
            }
            let what = scene.what(&world, action);
            scene.rows.push(Row { step: at + 1, says, at_ns, what });
        }
        scene.note_network(&world, action, &next);
        scene.note_bands(&next);
        world = next;
    }
    if header.cycle_from == Some(rows) {
        scene.cycle = Some(scene.rows.len());
    }
    let falls = |property: &&str| match header.cycle_from {
        Some(from) => rules.refuted(recorded, from).is_ok(),
        None => rules.falls(property, &world),
    };
    let property = header.property.as_deref().filter(falls);
    Ok(Drawing {
        title: format!("{}/{}", header.protocol, header.world.name()),
        violated: property.or_else(|| rules.violated(&world)).map(str::to_owned),
        lanes: scene.lanes(&world),
        stubs: scene.stubs(),
        stretches: scene.stretches,
        rows: scene.rows,
        cycle: scene.cycle,
    })
}

/// What is known so far.
struct Scene<'a, S: Spec> {
    rules: &'a Rules<S>,
    rows: Vec<Row>,
    stretches: Vec<Stretch>,
    /// What is in flight, with the number of rows after which it was sent.
    flying: Vec<(Envelope<MessageOf<S>>, usize)>,
    /// What went out of flight without arriving or being lost: it could change nothing any more.
    idle: Vec<(Envelope<MessageOf<S>>, usize)>,
    /// After how many rows the cycle begins.
    cycle: Option<usize>,
}

impl<'a, S: Spec> Scene<'a, S> {
    fn begun(rules: &'a Rules<S>, world: &World<S>) -> Self {
        let flying = world.network().iter().map(|envelope| (envelope.clone(), 0)).collect();
        let (rows, stretches, idle) = (Vec::new(), Vec::new(), Vec::new());
        let mut scene = Self { rules, rows, stretches, flying, idle, cycle: None };
        scene.note_bands(world);
        scene
    }

    /// What an action looks like, in the world that it happens in.
    fn what(&self, world: &World<S>, action: &ActionOf<S>) -> What {
        let spec = self.rules.spec();
        let (node, mark, label) = match action {
            Action::Deliver(envelope, _) => return self.message(envelope, Fate::Arrives),
            Action::Duplicate(envelope, _) => return self.message(envelope, Fate::Repeats),
            Action::Drop(envelope) => return self.message(envelope, Fate::Lost),
            Action::Fire(node, timer, _) => {
                (*node, Mark::Timer, vec![format!("timer {}", spec.show(&Shown::Timer(*timer)))])
            }
            Action::Request(node, ..) => (*node, Mark::Request, vec![self.named(world, action)]),
            Action::Flush(node) => (*node, Mark::Disk, vec![self.named(world, action)]),
            Action::Inbox(node, _) => (*node, Mark::Inbox, vec![self.named(world, action)]),
            Action::Tick(node, _) => (*node, Mark::Clock, vec![self.named(world, action)]),
            Action::Crash(node, kept, _) => {
                let parts = world.node(*node).map(|node| cut(spec, node, *kept)).unwrap_or_default();
                (*node, Mark::Crash, [vec!["crash and restart".to_owned()], parts].concat())
            }
        };
        What::Local { lane: lane(node), mark, label }
    }

    /// An action that is one event with what the last row shows.
    fn fold(&mut self, says: &str, named: String) {
        let Some(row) = self.rows.last_mut() else { return };
        row.says.push_str("; then ");
        row.says.push_str(says);
        match &mut row.what {
            What::Message { label, .. } => {
                label.push_str("; ");
                label.push_str(&named);
            }
            What::Local { label, .. } => label.push(named),
        }
    }

    /// An action in words, without the name of its node.
    fn named(&self, world: &World<S>, action: &ActionOf<S>) -> String {
        let name = self.rules.name(world, action);
        name.split_once(": ").map(|(_, rest)| rest.to_owned()).unwrap_or(name)
    }

    fn message(&self, envelope: &Envelope<MessageOf<S>>, fate: Fate) -> What {
        let sent = self.flying.iter().find(|(flying, _)| flying == envelope).map_or(0, |(_, sent)| *sent);
        let label = self.rules.spec().show(&Shown::Message(&envelope.message));
        What::Message { from: lane(envelope.from), to: lane(envelope.to), sent, label, fate }
    }

    /// Notes what was put in flight by the last row, and what no longer is.
    fn note_network(&mut self, before: &World<S>, action: &ActionOf<S>, after: &World<S>) {
        let row = self.rows.len();
        let taken = match action {
            Action::Deliver(envelope, _) | Action::Drop(envelope) => Some(envelope),
            _ => None,
        };
        let gone = |(envelope, _): &(Envelope<_>, usize)| {
            !after.network().contains(envelope) || Some(envelope) == taken
        };
        let went: Vec<_> = self.flying.extract_if(.., |flying| gone(flying)).collect();
        self.idle.extend(went.into_iter().filter(|(envelope, _)| Some(envelope) != taken));
        let new = after
            .network()
            .iter()
            .filter(|envelope| !before.network().contains(envelope) || Some(*envelope) == taken);
        self.flying.extend(new.map(|envelope| (envelope.clone(), row)));
    }

    /// Notes in which phases the nodes are after the last row.
    fn note_bands(&mut self, world: &World<S>) {
        let row = self.rows.len();
        for (lane, machine) in world.machines().enumerate() {
            let Some(band) = self.rules.spec().band(machine) else { continue };
            let last = self.stretches.iter_mut().rev().find(|stretch| stretch.lane == lane);
            if let Some(last) = last.filter(|last| last.upto + 1 >= row) {
                last.upto = row;
                // Within one row, the last phase is shown.
                if last.from == row && row > 0 {
                    last.band = band;
                    continue;
                }
                if last.band == band {
                    continue;
                }
            }
            self.stretches.push(Stretch { lane, from: row, upto: row, band });
        }
    }

    fn stubs(&self) -> Vec<Stub> {
        let spec = self.rules.spec();
        let stub = |(envelope, sent): &(Envelope<MessageOf<S>>, usize), fate: &str| {
            let Envelope { from, to, message } = envelope;
            let says = format!("{from} -> {to}: {} ({fate})", spec.show(&Shown::Message(message)));
            Stub { from: lane(*from), to: lane(*to), sent: *sent, says }
        };
        let flying = self.flying.iter().map(|flying| stub(flying, "still in flight at the end"));
        let idle = self.idle.iter().map(|idle| stub(idle, "came too late to change anything"));
        let mut stubs: Vec<_> = flying.chain(idle).collect();
        stubs.sort_by_key(|stub| (stub.sent, stub.from, stub.to));
        stubs
    }

    fn lanes(&self, world: &World<S>) -> Vec<Lane> {
        let lane = |(id, node): (NodeId, &std::sync::Arc<crate::node::Frozen<S>>)| {
            let summary = self.rules.spec().summary(&node.machine);
            let mut state: Vec<String> = parts(&summary);
            match node.records().count() {
                0 => {}
                1 => state.push("1 record not durable".to_owned()),
                many => state.push(format!("{many} records not durable")),
            }
            Lane { name: id.to_string(), state }
        };
        world.ids().zip(world.nodes()).map(lane).collect()
    }
}

/// The parts of a summary, which commas divide, but not those inside brackets.
fn parts(summary: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0_usize);
    for c in summary.chars() {
        match c {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if c != ',' || depth > 0 => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    let parts = parts.into_iter().map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

fn lane(id: NodeId) -> usize {
    crate::world::slot(id)
}
