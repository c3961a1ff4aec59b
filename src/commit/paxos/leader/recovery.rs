//! What a leader keeps durable: its name, and the numbers that it may have given out. All else the acceptors know.

use super::Leader;
use crate::commit::Work;
use crate::commit::coordinator::{Cell, IDENTITY, RESERVED, identified};
use crate::commit::paxos::config::Member;
use crate::durable::{Corrupt, Image, Record, Recover, Stored};
use crate::machine::{Context, Never};

impl<W: Work> Leader<W> {
    /// Whatever is the first record of a node's life comes right behind this one.
    pub(super) fn persist_identity<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.identified {
            self.identified = true;
            let value = Cell::Identity { cluster: self.config.common.cluster, node: self.me };
            cx.persist(Record::Put { cell: IDENTITY, value });
        }
    }

    pub(super) fn persist_reserved<Cx: Context<Self> + ?Sized>(&self, cx: &mut Cx) {
        cx.persist(Record::Put { cell: RESERVED, value: Cell::Reserved { upto: self.reserved } });
    }
}

impl<W: Work> Recover for Leader<W> {
    /// `_applied` is of no account: a leader's application applies nothing.
    fn recover(
        member: Member,
        stored: &(impl Stored<Cell, Never> + ?Sized),
        _applied: u64,
    ) -> Result<Self, Corrupt> {
        let (cluster, me) = (member.config.common.cluster, member.me);
        let mut node = Self::new(member).map_err(|error| Corrupt::Config(error.as_str()))?;
        let found = identified(cluster, me, stored)?;
        node.identified = found.is_some();
        node.reserved = found.unwrap_or(0);
        node.next = node.reserved.saturating_add(1);
        Ok(node)
    }

    fn agrees_with(&self, image: &Image<Cell, Never>) -> Result<(), &'static str> {
        let member = Member { me: self.me, config: self.config.0.clone() };
        let durable = Self::recover(member, image, 0).map_err(|_| "what is durable does not recover")?;
        if durable.identified != self.identified {
            return Err("the durable identity differs");
        }
        if durable.reserved == self.reserved { Ok(()) } else { Err("the durable reservation differs") }
    }
}
