//! The pump, the same for all: nodes in one thread, lossless queues in order, each node's disk a vector.
//!
//! In turn, every node takes all that has come for it, in the order of sending, and then does what follows from it at
//! once: persist, send, apply. So everyone may batch what has come together, as a driver that drains its channel would.

use std::fmt;

/// One node of a replicated log, driven as its library wants to be driven at its best.
pub(crate) trait Peer: Sized {
    /// What nodes send each other.
    type Message;
    /// A command, in the form in which the library takes it at the least cost.
    type Command;

    /// Whether followers hear of a commit at once, if asked to; if not, a heartbeat after each burst tells them.
    const SPREADS_COMMITS: bool;

    /// Node `me` of the nodes 1 to `nodes`, with nothing on disk.
    fn new(me: u64, nodes: u64, spread: Spread) -> Self;

    /// A command with these bytes.
    fn command(bytes: &[u8]) -> Self::Command;

    /// A push to become the leader: a timer's expiry, or a tick. Called until it is one.
    fn campaign(&mut self, net: &mut Network<Self::Message>);

    /// Whether it leads and takes proposals.
    fn is_leader(&self) -> bool;

    /// Proposes one command.
    fn propose(&mut self, command: Self::Command, net: &mut Network<Self::Message>);

    /// Proposes many with one call, if the library has such a call.
    fn propose_all(
        &mut self,
        commands: impl Iterator<Item = Self::Command>,
        net: &mut Network<Self::Message>,
    ) {
        commands.for_each(|command| self.propose(command, net));
    }

    /// Takes a message.
    fn receive(&mut self, from: u64, message: Self::Message, net: &mut Network<Self::Message>);

    /// Does what follows from all that it was told: persists, sends, applies.
    fn settle(&mut self, net: &mut Network<Self::Message>);

    /// A heartbeat of the leader, from which followers learn what is committed.
    fn heartbeat(&mut self, net: &mut Network<Self::Message>);

    /// Drops what is applied everywhere from the disk. Never on the clock.
    fn compact(&mut self, net: &mut Network<Self::Message>);

    /// What it has applied.
    fn applied(&mut self) -> &mut Applied;
}

/// When followers hear that something is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// At once: every burst ends with all nodes having applied all of it.
    AtOnce,
    /// With the next append or heartbeat: a burst ends when the leader has applied all of it.
    Later,
}

/// What a node has applied, in order, as a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) entries: u64,
    digest: u64,
    /// Whether the digest takes in all bytes, or only the length, the first and the last eight.
    pub(crate) thorough: bool,
}

impl Applied {
    pub(crate) const fn new() -> Self {
        Self { entries: 0, digest: 0, thorough: true }
    }

    /// The application: what it does with a command costs little, and the same for all.
    pub(crate) fn apply(&mut self, command: &[u8]) {
        self.entries += 1;
        self.take(command.len() as u64);
        if self.thorough {
            command.chunks(8).for_each(|part| self.take(word(part)));
        } else if let (Some(first), Some(last)) = (command.first_chunk::<8>(), command.last_chunk::<8>()) {
            self.take(word(first));
            self.take(word(last));
        }
    }

    fn take(&mut self, word: u64) {
        self.digest = (self.digest.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

fn word(bytes: &[u8]) -> u64 {
    let mut padded = [0; 8];
    padded.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
    u64::from_le_bytes(padded)
}

/// What is on its way, by receiver.
pub(crate) struct Network<M> {
    inboxes: Vec<Vec<(u64, M)>>,
    /// How many messages were sent.
    pub(crate) sent: u64,
}

impl<M> Network<M> {
    /// Sends a message between two of the nodes 1 to n.
    #[inline]
    pub(crate) fn send(&mut self, from: u64, to: u64, message: M) {
        self.sent += 1;
        self.inboxes[to as usize - 1].push((from, message));
    }
}

/// Nodes that replicate one log; the first leads.
pub(crate) struct Cluster<P: Peer> {
    pub(crate) nodes: Vec<P>,
    pub(crate) net: Network<P::Message>,
    spare: Vec<(u64, P::Message)>,
    spread: Spread,
}

/// Why a measurement is worth nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The first node did not come to lead.
    NoLeader,
    /// A burst ended, and a node has applied another number of entries than were proposed.
    Count { node: usize, expected: u64, applied: u64 },
    /// A node has applied other entries than were proposed, or in another order.
    Differs { node: usize },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLeader => f.write_str("the first node did not come to lead"),
            Self::Count { node, expected, applied } => {
                write!(f, "node {node} has applied {applied} entries of {expected}")
            }
            Self::Differs { node } => {
                write!(f, "node {node} has applied other entries than proposed, or in another order")
            }
        }
    }
}

impl<P: Peer> Cluster<P> {
    /// A cluster whose first node leads.
    pub(crate) fn elected(nodes: u64, spread: Spread) -> Result<Self, Failure> {
        let inboxes = (0..nodes).map(|_| Vec::new()).collect();
        let mut cluster = Self {
            nodes: (1..=nodes).map(|me| P::new(me, nodes, spread)).collect(),
            net: Network { inboxes, sent: 0 },
            spare: Vec::new(),
            spread,
        };
        for _ in 0..1000 {
            cluster.nodes[0].campaign(&mut cluster.net);
            cluster.pump();
            if cluster.nodes[0].is_leader() {
                cluster.heartbeat();
                return Ok(cluster);
            }
        }
        Err(Failure::NoLeader)
    }

    /// Proposes `commands`, all together or one by one, and pumps until they are committed: on all nodes if commits
    /// spread at once.
    pub(crate) fn burst(&mut self, commands: impl Iterator<Item = P::Command>, together: bool) {
        let (leader, net) = (&mut self.nodes[0], &mut self.net);
        if together {
            leader.propose_all(commands, net);
        } else {
            commands.for_each(|command| leader.propose(command, net));
        }
        self.pump();
        if self.spread == Spread::AtOnce && !P::SPREADS_COMMITS {
            self.heartbeat();
        }
    }

    /// Lets the leader be heard, so that all nodes apply what is committed.
    pub(crate) fn heartbeat(&mut self) {
        self.nodes[0].heartbeat(&mut self.net);
        self.pump();
    }

    /// Drops from the disks what is applied.
    pub(crate) fn compact(&mut self) {
        for node in &mut self.nodes {
            node.compact(&mut self.net);
        }
        self.pump();
    }

    fn pump(&mut self) {
        self.nodes[0].settle(&mut self.net);
        while self.turn() {}
    }

    /// Every node takes what has come for it: whether there was anything.
    fn turn(&mut self) -> bool {
        let mut moved = false;
        for (node, place) in self.nodes.iter_mut().zip(0..) {
            let inbox: &mut Vec<_> = &mut self.net.inboxes[place];
            if inbox.is_empty() {
                continue;
            }
            moved = true;
            std::mem::swap(inbox, &mut self.spare);
            for (from, message) in self.spare.drain(..) {
                node.receive(from, message, &mut self.net);
            }
            node.settle(&mut self.net);
        }
        moved
    }

    /// Whether the nodes that must have by the end of a burst, have applied as many entries as were proposed.
    pub(crate) fn count(&mut self, expected: u64) -> Result<(), Failure> {
        let all = self.spread == Spread::AtOnce;
        let nodes = if all { self.nodes.len() } else { 1 };
        for (node, place) in self.nodes.iter_mut().take(nodes).zip(1..) {
            let applied = node.applied().entries;
            if applied != expected {
                return Err(Failure::Count { node: place, expected, applied });
            }
        }
        Ok(())
    }

    /// Whether all nodes have applied just what was expected.
    pub(crate) fn check(&mut self, expected: &Applied) -> Result<(), Failure> {
        for (node, place) in self.nodes.iter_mut().zip(1..) {
            let applied = node.applied();
            if applied.entries != expected.entries {
                let (expected, applied) = (expected.entries, applied.entries);
                return Err(Failure::Count { node: place, expected, applied });
            }
            if applied != expected {
                return Err(Failure::Differs { node: place });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log without any protocol: what is proposed goes to all, and what comes is applied; or not quite.
    struct Naive {
        me: u64,
        fault: Fault,
        applied: Applied,
        late: Option<Vec<u8>>,
        seen: u64,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        Loses,
        Doubles,
        Swaps,
        Alters,
    }

    impl Naive {
        /// The last node errs, once.
        fn apply(&mut self, mut command: Vec<u8>) {
            self.seen += 1;
            let errs = self.me == 3 && self.seen == 5;
            match self.fault {
                Fault::Loses if errs => return,
                Fault::Doubles if errs => self.applied.apply(&command),
                Fault::Swaps if errs => return self.late = Some(command),
                Fault::Alters if errs => command[9] ^= 1,
                _ => {}
            }
            self.applied.apply(&command);
            if let Some(late) = self.late.take() {
                self.applied.apply(&late);
            }
        }
    }

    impl Peer for Naive {
        type Message = Vec<u8>;
        type Command = Vec<u8>;
        const SPREADS_COMMITS: bool = true;

        fn new(me: u64, _: u64, _: Spread) -> Self {
            Self { me, fault: Fault::None, applied: Applied::new(), late: None, seen: 0 }
        }
        fn command(bytes: &[u8]) -> Vec<u8> {
            bytes.to_vec()
        }
        fn campaign(&mut self, _: &mut Network<Vec<u8>>) {}
        fn is_leader(&self) -> bool {
            self.me == 1
        }
        fn propose(&mut self, command: Vec<u8>, net: &mut Network<Vec<u8>>) {
            (2..=3).for_each(|to| net.send(self.me, to, command.clone()));
            self.apply(command);
        }
        fn receive(&mut self, _: u64, message: Vec<u8>, _: &mut Network<Vec<u8>>) {
            self.apply(message);
        }
        fn settle(&mut self, _: &mut Network<Vec<u8>>) {}
        fn heartbeat(&mut self, _: &mut Network<Vec<u8>>) {}
        fn compact(&mut self, _: &mut Network<Vec<u8>>) {}
        fn applied(&mut self) -> &mut Applied {
            &mut self.applied
        }
    }

    fn checked(fault: Fault) -> Result<(), Failure> {
        let mut cluster = Cluster::<Naive>::elected(3, Spread::AtOnce)?;
        cluster.nodes[2].fault = fault;
        let mut expected = Applied::new();
        let commands: Vec<_> = (0..20_u8).map(|number| vec![number; 24]).collect();
        commands.iter().for_each(|command| expected.apply(command));
        cluster.burst(commands.into_iter(), false);
        cluster.check(&expected)
    }

    #[test]
    fn a_node_that_loses_doubles_swaps_or_alters_an_entry_is_found_out() {
        assert_eq!(checked(Fault::None), Ok(()));
        assert_eq!(checked(Fault::Loses), Err(Failure::Count { node: 3, expected: 20, applied: 19 }));
        assert_eq!(checked(Fault::Doubles), Err(Failure::Count { node: 3, expected: 20, applied: 21 }));
        assert_eq!(checked(Fault::Swaps), Err(Failure::Differs { node: 3 }));
        assert_eq!(checked(Fault::Alters), Err(Failure::Differs { node: 3 }));
    }
}
