//! One service among orchestrators that may say anything.

use std::sync::Arc;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::durable::{Corrupt, Recover};
use quorate::id::{ClusterId, NodeId};
use quorate::machine::{Input, InputOf};
use quorate::saga::service::{Config, Notice, Request};
use quorate::saga::{Call, Epoch, Key, Message, SagaId, Stage, StepId, TaskId};

use super::{Bytes, Service};
use crate::fuzz::subject::{DiskOf, former};
use crate::fuzz::{Subject, pick};

/// The service, and the orchestrators that may call.
const ME: NodeId = NodeId(0);
const OWNERS: u64 = 3;

/// A service with limits that are soon reached.
#[derive(Clone, Debug)]
pub struct OneService {
    config: Arc<Config>,
}

impl OneService {
    /// A key that is kept, mostly.
    fn any_key(machine: &Service, u: &mut Unstructured<'_>) -> Drawn<Key> {
        let known: Vec<Key> = machine.keys().map(|(key, _)| key).collect();
        match u.int_in_range(0..=7)? {
            0 => u.arbitrary(),
            1..=4 if !known.is_empty() => u.choose(&known).copied(),
            _ => Ok(Key {
                owner: NodeId(u.int_in_range(1..=OWNERS)?),
                saga: SagaId(u.int_in_range(0..=7)?),
                step: StepId(u.int_in_range(0..=1)?),
            }),
        }
    }

    fn any_call(machine: &Service, u: &mut Unstructured<'_>) -> Drawn<(NodeId, Message<Bytes>)> {
        let key = Self::any_key(machine, u)?;
        let owner = machine.owner(key.owner).unwrap_or_default();
        let from = if u.ratio(1, 16)? { NodeId(u.int_in_range(0..=OWNERS)?) } else { key.owner };
        let call = Call {
            key,
            epoch: Epoch(pick::near(u, owner.epoch.0)?),
            attempt: u.int_in_range(0..=2)?,
            action: u.arbitrary()?,
            floor: if u.ratio(1, 4)? { SagaId(pick::near(u, key.saga.0)?) } else { owner.floor },
            task: TaskId(u.int_in_range(0..=1)?),
            input: pick::payload(u)?,
        };
        Ok((from, Message::Call(call)))
    }
}

impl Subject for OneService {
    type Machine = Service;
    type Ticket = Key;

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        let mut config = Config::new(ClusterId(1), ME);
        pick::limits(u, [&mut config.max_owners, &mut config.max_keys, &mut config.max_input_bytes])?;
        if config.max_keys < 16 {
            config.max_log_entries = config.max_keys as u64 * 2 + u.int_in_range(0..=4)?;
        }
        Ok(Self { config: Arc::new(config) })
    }

    fn me(&self) -> NodeId {
        ME
    }

    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        former(self, u)
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Service, Corrupt> {
        Service::recover(Arc::clone(&self.config), disk, applied)
    }

    fn agrees(&self, machine: &Service, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn arbitrary_input(&self, machine: &Service, u: &mut Unstructured<'_>) -> Drawn<InputOf<Service>> {
        Ok(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Input::Start,
            2..=7 => {
                let key = Self::any_key(machine, u)?;
                Input::Request(match u.int_in_range(0..=3)? {
                    0 => Request::Done { key },
                    1 => Request::Refused { key },
                    2 => Request::Undone { key },
                    _ => Request::Failed { key },
                })
            }
            _ => {
                let (from, message) = Self::any_call(machine, u)?;
                Input::Message { from, message }
            }
        })
    }

    fn asks(&self, request: &Request) -> Option<Key> {
        Some(request.key())
    }

    fn answers(&self, notice: &Notice<Bytes>) -> Option<Key> {
        match notice {
            Notice::Accepted { key } | Notice::Refused { key, .. } => Some(*key),
            _ => None,
        }
    }

    fn check(&self, machine: &Service) -> Result<(), String> {
        Ok(machine.check()?)
    }

    fn fits(&self, machine: &Service) -> Result<(), String> {
        let most = self.config.max_log_entries;
        if machine.log_entries() > most {
            return Err(format!("{} entries in the log, of {most}", machine.log_entries()));
        }
        match machine.keys().len() {
            many if many > self.config.max_keys => Err(format!("{many} keys, of {}", self.config.max_keys)),
            _ => Ok(()),
        }
    }

    fn kind(&self, notice: &Notice<Bytes>) -> &'static str {
        match notice {
            Notice::Do { .. } => "do",
            Notice::Undo { .. } => "undo",
            Notice::Accepted { .. } => "word accepted",
            Notice::Refused { .. } => "word refused",
            Notice::Rejected { .. } => "call rejected",
            _ => "other",
        }
    }

    fn role(&self, machine: &Service) -> &'static str {
        machine.keys().last().map_or("unasked", |(_, stage)| match stage {
            Stage::Doing => "doing",
            Stage::Done => "done",
            Stage::Refused => "refusing",
            Stage::Undoing => "undoing",
            Stage::Undone => "undone",
        })
    }
}
