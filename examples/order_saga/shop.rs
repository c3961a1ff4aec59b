//! What is sold, to whom, and the saga of an order.
//!
//! Some customers, items and zones mean trouble, so that every end of a saga can be seen.

use std::sync::Arc;
use std::time::Duration;

use quorate::id::{ClusterId, NodeId};
use quorate::saga::{
    Config, Data, Definition, DefinitionError, DefinitionId, Doubt, Kind, Outline, Policy, Step, StepId,
    TaskId, Version,
};
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

pub(crate) const CLUSTER: ClusterId = ClusterId(1);
pub(crate) const DEFINITION: (DefinitionId, Version) = (DefinitionId(1), Version(1));
/// How long an attempt at a step may take.
pub(crate) const STEP_TIMEOUT: Duration = Duration::from_millis(300);

/// A process of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Takes orders, and runs their sagas.
    Orders,
    Stock,
    Payment,
    Shipping,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Orders, Self::Stock, Self::Payment, Self::Shipping];
    pub(crate) const SERVICES: [Self; 3] = [Self::Stock, Self::Payment, Self::Shipping];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Stock => "stock",
            Self::Payment => "payment",
            Self::Shipping => "shipping",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    pub(crate) const fn node(self) -> NodeId {
        NodeId(match self {
            Self::Orders => 1,
            Self::Stock => 2,
            Self::Payment => 3,
            Self::Shipping => 4,
        })
    }

    /// What a service has of what when it opens.
    pub(crate) const fn opening(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Orders => &[],
            Self::Stock => &ITEMS,
            Self::Payment => &CUSTOMERS,
            Self::Shipping => &ZONES,
        }
    }
}

/// Pieces in stock: of desks there are not enough, unicorns there never were.
const ITEMS: [(&str, u64); 3] = [("lamp", 5000), ("desk", 40), ("unicorn", 0)];
const PRICES_CENTS: [u64; 3] = [3_000, 20_000, 100];
/// Balances in cents: Bob runs out of money, Carol's bank takes its time, Dave's bank does not void what it has
/// authorised.
const CUSTOMERS: [(&str, u64); 4] =
    [("alice", 5_000_000_000), ("bob", 100_000), ("carol", 5_000_000_000), ("dave", 5_000_000_000)];
/// Parcels that a zone takes; nobody carries any to the island, at first.
const ZONES: [(&str, u64); 2] = [("town", 100_000), ("island", 100_000)];

/// Whose bank answers too late to be waited for.
pub(crate) const HANGING: &str = "carol";
/// Whose bank does not void, until it is mended.
pub(crate) const NO_VOIDS: &str = "dave";
/// Where nobody carries parcels, until it is mended.
pub(crate) const NO_CARRIER: &str = "island";

/// What a saga is begun with, and every step of it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) customer: u8,
    pub(crate) item: u8,
    pub(crate) zone: u8,
    pub(crate) quantity: u32,
    pub(crate) cents: u64,
}

impl Data for Order {
    fn size_bytes(&self) -> usize {
        size_of::<Self>()
    }
}

impl Order {
    /// Reads `CUSTOMER ITEM QUANTITY ZONE`.
    pub(crate) fn read(customer: &str, item: &str, quantity: &str, zone: &str) -> Result<Self, String> {
        let quantity: u32 = quantity
            .parse()
            .ok()
            .filter(|quantity| (1..=1000).contains(quantity))
            .ok_or_else(|| format!("`{quantity}` is not a quantity: a number from 1 to 1000 is"))?;
        let item = find(&ITEMS, "an item", item)?;
        let price = PRICES_CENTS.get(usize::from(item)).copied().unwrap_or_default();
        Ok(Self {
            customer: find(&CUSTOMERS, "a customer", customer)?,
            item,
            zone: find(&ZONES, "a zone", zone)?,
            quantity,
            cents: price.saturating_mul(quantity.into()),
        })
    }

    /// Customer, item and zone by name; an order that came over the wire may name what there is not.
    pub(crate) fn names(&self) -> Option<[&'static str; 3]> {
        let name = |of: &[(&'static str, u64)], at: u8| of.get(usize::from(at)).map(|(name, _)| *name);
        Some([name(&CUSTOMERS, self.customer)?, name(&ITEMS, self.item)?, name(&ZONES, self.zone)?])
    }
}

fn find(among: &[(&str, u64)], what: &str, name: &str) -> Result<u8, String> {
    let at = among.iter().position(|(known, _)| *known == name).and_then(|at| u8::try_from(at).ok());
    at.ok_or_else(|| {
        let names: Vec<_> = among.iter().map(|(name, _)| *name).collect();
        format!("`{name}` is not {what}; there are {}", names.join(", "))
    })
}

/// A step of the saga of an order, by its place in the definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Reserve,
    Authorise,
    Capture,
    Ship,
    HandOver,
}

impl Task {
    pub(crate) const ALL: [Self; 5] =
        [Self::Reserve, Self::Authorise, Self::Capture, Self::Ship, Self::HandOver];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Authorise => "authorise",
            Self::Capture => "capture",
            Self::Ship => "ship",
            Self::HandOver => "hand-over",
        }
    }

    pub(crate) const fn step(self) -> StepId {
        StepId(self as u8)
    }

    pub(crate) const fn id(self) -> TaskId {
        TaskId(self as u64 + 1)
    }

    pub(crate) fn of_step(step: StepId) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.step() == step)
    }

    pub(crate) fn of_id(id: TaskId) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.id() == id)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }

    pub(crate) const fn role(self) -> Role {
        match self {
            Self::Reserve | Self::HandOver => Role::Stock,
            Self::Authorise | Self::Capture => Role::Payment,
            Self::Ship => Role::Shipping,
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Reserve | Self::Authorise => Kind::Compensatable,
            Self::Capture => Kind::Pivot,
            Self::Ship | Self::HandOver => Kind::Retriable,
        }
    }

    /// Goods are reserved and money is authorised at once; captured, there is no way back.
    fn after(self) -> Vec<StepId> {
        match self {
            Self::Reserve | Self::Authorise => Vec::new(),
            Self::Capture => vec![Self::Reserve.step(), Self::Authorise.step()],
            Self::Ship => vec![Self::Capture.step()],
            Self::HandOver => vec![Self::Ship.step()],
        }
    }

    /// Money is asked about when in doubt, all else is said again: both are right, under one key.
    fn policy(self) -> Policy {
        let money = self.role() == Role::Payment;
        Policy {
            timeout: Delay::exactly(STEP_TIMEOUT),
            backoff: Duration::from_millis(40),
            backoff_max: Duration::from_millis(400),
            attempts: if self.kind() == Kind::Compensatable { 4 } else { 10 },
            undo_attempts: 10,
            doubt: if money { Doubt::Probe } else { Doubt::Retry },
        }
    }

    /// Whose books it changes, and by how much.
    pub(crate) fn posting(self, order: &Order) -> Option<(&'static str, u64)> {
        let [customer, item, zone] = order.names()?;
        Some(match self.role() {
            Role::Stock => (item, order.quantity.into()),
            Role::Payment => (customer, order.cents),
            Role::Shipping | Role::Orders => (zone, 1),
        })
    }
}

/// The saga of an order.
pub(crate) fn definition() -> Result<Definition, DefinitionError> {
    let mut outline = Outline::new();
    for task in Task::ALL {
        let (kind, after, policy) = (task.kind(), task.after(), task.policy());
        outline.step(Step { task: task.id(), service: task.role().node(), kind, after, policy });
    }
    let (id, version) = DEFINITION;
    Ok(Definition::new(id, version, outline)?.with_deadline(Duration::from_secs(30)))
}

/// What the orchestrator is told.
pub(crate) fn config() -> Result<Arc<Config>, String> {
    let definition = definition().map_err(|error| format!("the saga of an order does not stand: {error}"))?;
    Ok(Arc::new(Config::new(CLUSTER, Role::Orders.node(), [definition])))
}
