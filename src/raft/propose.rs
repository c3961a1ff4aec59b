//! Proposals: accepted into the leader's log, or refused with a reason.

use super::{Command, Commands, Entries, Entry, Notice, Payload, Raft, Refusal, Role};
use crate::id::RequestId;
use crate::machine::Context;

impl<C: Command> Raft<C> {
    pub(super) fn propose<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        commands: Commands<C>,
        cx: &mut Cx,
    ) {
        let bytes = match self.admit(&commands) {
            Ok(bytes) => bytes,
            Err(reason) => return cx.notify_free(Notice::Refused { id, reason }),
        };
        if let Role::Leader(leader) = &mut self.role {
            leader.uncommitted_bytes = leader.uncommitted_bytes.saturating_add(bytes);
        }
        let term = self.term;
        let index = super::Index(self.last().index.0.saturating_add(1));
        let entries: Entries<C> =
            commands.into_iter().map(|command| Entry { term, payload: Payload::Command(command) }).collect();
        self.append_own(entries, cx);
        cx.notify(Notice::Accepted { id, index, term });
    }

    /// The bytes of `commands`, if this node may append them.
    fn admit(&self, commands: &[C]) -> Result<usize, Refusal> {
        let Role::Leader(leader) = &self.role else {
            return Err(Refusal::NotLeader { leader: self.leader() });
        };
        if commands.is_empty() {
            return Err(Refusal::Empty);
        }
        let limit = self.config.max_command_bytes;
        let mut bytes = 0_usize;
        for command in commands {
            let size = command.size_bytes();
            if size > limit {
                return Err(Refusal::TooLarge { limit });
            }
            bytes = bytes.saturating_add(size);
        }
        if commands.len() > self.config.max_uncommitted_entries {
            return Err(Refusal::TooLarge { limit });
        }
        let uncommitted = self.last().index.0.saturating_sub(self.commit.0);
        let entries = uncommitted.saturating_add(commands.len() as u64);
        let grown = leader.uncommitted_bytes.saturating_add(bytes);
        let full = entries > self.config.max_uncommitted_entries as u64
            || (grown > self.config.max_uncommitted_bytes && leader.uncommitted_bytes > 0)
            || entries.saturating_add(self.commit.0) >= u64::MAX - 1;
        if full { Err(Refusal::Full) } else { Ok(bytes) }
    }
}
