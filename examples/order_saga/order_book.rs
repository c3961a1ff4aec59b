//! The orders that were taken, and how they ended: durable before anybody is told.
//!
//! An order is written down before its saga is begun, and its end before its saga is forgotten. Whatever is open when
//! the process starts is begun again: an orchestrator that knows a saga by the same words lets it be.

use std::path::Path;

use quorate::saga::{Cause, End, SagaId, StepId};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::node;
use crate::shop::{Order, Task};

type Row<'a> = (&'a str, (u8, u8, u8, u32, u64), &'a str);

/// Token, order and end (none while it is open), by the name of the saga.
const ORDERS: TableDefinition<'_, u64, Row<'_>> = TableDefinition::new("orders");
/// The order that a client calls by a token of its own.
const TOKENS: TableDefinition<'_, &str, u64> = TableDefinition::new("tokens");

/// An order that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) saga: SagaId,
    pub(crate) token: String,
    pub(crate) order: Order,
    /// How it ended; empty while it is open.
    pub(crate) end: String,
}

impl Taken {
    /// The order in a line.
    pub(crate) fn line(&self) -> String {
        let [customer, item, zone] = self.order.names().unwrap_or(["?"; 3]);
        let end = if self.end.is_empty() { "open" } else { &self.end };
        let (quantity, cents) = (self.order.quantity, self.order.cents);
        format!("order {} {} {customer} {item} {quantity} {zone} {cents} {end}", self.saga.0, self.token)
    }
}

/// The end of a saga in a word.
pub(crate) fn word(end: End) -> String {
    let name = |step: StepId| Task::of_step(step).map_or("?", Task::name);
    match end {
        End::Completed => "completed".to_owned(),
        End::Compensated { cause: Cause::Refused(step) } => format!("compensated:refused-{}", name(step)),
        End::Compensated { cause: Cause::Exhausted(step) } => format!("compensated:unknown-{}", name(step)),
        End::Compensated { cause: Cause::Cancelled } => "compensated:cancelled".to_owned(),
        End::Compensated { cause: Cause::Overdue } => "compensated:overdue".to_owned(),
        End::Compensated { cause } => format!("compensated:{cause:?}").replace(char::is_whitespace, "-"),
    }
}

#[derive(Debug)]
pub(crate) struct OrderBook {
    database: Database,
}

impl OrderBook {
    pub(crate) fn open(dir: &Path) -> Result<Self, redb::Error> {
        let database = node::database(dir, "orders.redb")?;
        let write = database.begin_write()?;
        let _ = (write.open_table(ORDERS)?, write.open_table(TOKENS)?);
        write.commit()?;
        Ok(Self { database })
    }

    /// The order that is called `token`, if there is one.
    pub(crate) fn find(&self, token: &str) -> Result<Option<Taken>, redb::Error> {
        let saga = self.database.begin_read()?.open_table(TOKENS)?.get(token)?.map(|saga| saga.value());
        saga.map_or(Ok(None), |saga| self.get(SagaId(saga)))
    }

    pub(crate) fn get(&self, saga: SagaId) -> Result<Option<Taken>, redb::Error> {
        let row = self.database.begin_read()?.open_table(ORDERS)?.get(saga.0)?;
        Ok(row.map(|row| taken(saga.0, row.value())))
    }

    /// Takes an order, and names its saga: higher than all before, as sagas must be.
    pub(crate) fn take(&self, token: &str, order: Order) -> Result<SagaId, redb::Error> {
        let write = self.database.begin_write()?;
        let saga = {
            let mut orders = write.open_table(ORDERS)?;
            let saga = orders.last()?.map_or(1, |(last, _)| last.value().saturating_add(1));
            let Order { customer, item, zone, quantity, cents } = order;
            orders.insert(saga, (token, (customer, item, zone, quantity, cents), ""))?;
            write.open_table(TOKENS)?.insert(token, saga)?;
            saga
        };
        write.commit()?;
        Ok(SagaId(saga))
    }

    /// Writes down how sagas ended; says how many of them had been open.
    pub(crate) fn end(&self, ends: &[(SagaId, End)]) -> Result<usize, redb::Error> {
        let write = self.database.begin_write()?;
        let mut ended = 0;
        {
            let mut orders = write.open_table(ORDERS)?;
            for (saga, end) in ends {
                let Some(Taken { token, order, end: known, .. }) =
                    orders.get(saga.0)?.map(|row| taken(saga.0, row.value()))
                else {
                    continue;
                };
                if known.is_empty() {
                    let Order { customer, item, zone, quantity, cents } = order;
                    let row = (token.as_str(), (customer, item, zone, quantity, cents), &*word(*end));
                    orders.insert(saga.0, row)?;
                    ended += 1;
                }
            }
        }
        write.commit()?;
        Ok(ended)
    }

    /// All orders, the oldest first.
    pub(crate) fn all(&self) -> Result<Vec<Taken>, redb::Error> {
        let orders = self.database.begin_read()?.open_table(ORDERS)?;
        let mut all = Vec::new();
        for item in orders.iter()? {
            let (saga, row) = item?;
            all.push(taken(saga.value(), row.value()));
        }
        Ok(all)
    }
}

fn taken(saga: u64, (token, (customer, item, zone, quantity, cents), end): Row<'_>) -> Taken {
    let order = Order { customer, item, zone, quantity, cents };
    Taken { saga: SagaId(saga), token: token.to_owned(), order, end: end.to_owned() }
}
