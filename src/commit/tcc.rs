//! TCC (try, confirm, cancel): every service of a business activity reserves, and then all reservations are confirmed,
//! or all are cancelled.
//!
//! After *Towards Distributed Atomic Transactions over RESTful Services* (Pardon and Pautasso 2011; "P&P") and the TCC
//! mode of Seata. What each file holds:
//!
//! | file | concern | source |
//! |---|---|---|
//! | `message.rs` | what nodes send each other, and what that is to the machines inside | |
//! | `config.rs` | what a node is told | |
//! | `coordinator.rs` | the machine that decides | P&P, 4 |
//! | `service.rs` | the machine that reserves | P&P, 4 |
//! | `service/carry_out.rs` | confirming and cancelling: failures, retries, operators | |
//! | `service/lapse.rs` | reservations that lapse | P&P, 4 |
//! | `*/api.rs` | what applications ask and are told | |
//!
//! # What is shared with two-phase commit
//! Seen from far enough, TCC *is* two-phase commit: to try is to prepare, to confirm is to commit, and what is held
//! in between is a reservation that the application keeps instead of a lock. So these machines are a thin layer around
//! [`commit::Coordinator`](crate::commit::Coordinator) and [`commit::Participant`](crate::commit::Participant):
//! decisions, journals, tombstones, floors and recovery are theirs, once and checked once. The coordinator presumes
//! [nothing](crate::commit::Mode::PresumedNothing). What this layer adds, since confirming and cancelling are the
//! business's own work and not a matter of a log:
//!
//! - a service is done when its application has *carried out* what was decided, not when it knows it;
//! - carrying it out may fail: it is tried again, then stuck, both operators are told, and either resolves it;
//! - a reservation may lapse, where a limit is declared;
//! - services know only their coordinators and ask nobody: the coordinator says what is decided until it is answered.
//!
//! # The classic traps
//! | trap | what happens here |
//! |---|---|
//! | a cancel for a try never seen (*empty cancel*; seata-go #685) | it leaves a durable tombstone and is answered as any other |
//! | a try that comes after its cancel (*suspension*; seata #2711) | it meets the tombstone, or the floor below which none are kept: refused, and nothing is reserved |
//! | anything twice | answered as it was the first time; the application is told once in a node's life |
//! | a confirmation of what has lapsed | answered, with the damage told on both sides until it is seen to |
//! | a try times out at its service while the application may be reserving | it is not refused before the application has released it |
//! | confirming or cancelling fails | told again, then [stuck](service::Notice::Stuck) at the service and the coordinator |
//! | the coordinator crashes while services try | the services were durable before they were asked: all are cancelled |
//!
//! The tombstones of one coordinator are as many as the configuration says; the lowest give way to a floor.
//!
//! # Reservations that lapse
//! P&P let a service cancel by itself what is not confirmed in time, and call it a *heuristic* outcome when the
//! confirmation comes later; Seata has no such limit. Here a reservation lasts unless the service declares a
//! [limit](Config::lapse), well over the time for which the coordinator waits for tries. What lapses is released at
//! once and remembered until the decision is known. A cancellation then changes nothing. A confirmation is
//! answered by what was done instead: the coordinator awaits the service no more and tells its application of the
//! [damage](coordinator::Notice::Damage), as the service [does](service::Notice::Damage) until it is seen to. It is
//! never reserved anew on the quiet: what it held may be somebody else's by then.
//!
//! # What is durable before it is said
//! The services before any of them is asked; a reservation, or its refusal, before it is answered; the decision, and
//! which services are awaited, before any hears of it; that it is carried out before the coordinator hears of that; the
//! end. All is held but refusals, rejections, and notices of how long something lasts.
//!
//! # What an application owes
//! A service's application goes by the activity's [name](crate::commit::TxId): what it is told twice it does once. What
//! it finds reserved after a crash it [asks about](service::Request::Found), since the machine knows nothing of what was
//! never answered.
//!
//! # A flight and a hotel
//! ```
//! use std::sync::Arc;
//! use quorate::commit::Outcome;
//! use quorate::commit::tcc::{Config, ConfigError, Coordinator, Member, Service, coordinator, service};
//! use quorate::id::{ClusterId, NodeId, RequestId};
//! use quorate::machine::{Effect, Input, Machine};
//! use quorate::time::Time;
//!
//! # fn main() -> Result<(), ConfigError> {
//! let [agency, flight, hotel] = [1, 2, 3].map(NodeId);
//! let config = Arc::new(Config::new(ClusterId(1), [agency, flight, hotel]));
//! let member = |me| Member { me, config: config.clone() };
//! let mut coordinator = Coordinator::<u8>::new(member(agency))?;
//! let mut services = [Service::<u8>::new(member(flight))?, Service::new(member(hotel))?];
//! let (mut free, mut sold, mut decided) = ([2, 0], [0, 0], None);
//!
//! // Without a disk or a network: what is emitted is taken at once. A real loop asks the ledger.
//! let begin = coordinator::Request::Begin { id: RequestId(1), branches: vec![(flight, 1), (hotel, 1)] };
//! let mut at_coordinator = vec![Input::Request(begin)];
//! while let Some(input) = at_coordinator.pop() {
//!     let (next, effects) = coordinator.stepped(input, Time::ZERO, &[]);
//!     coordinator = next;
//!     for effect in effects {
//!         let (to, message) = match effect {
//!             Effect::Send { to, message, .. } => (to, message),
//!             Effect::Notify { notice: coordinator::Notice::Decided { outcome, .. }, .. } => {
//!                 decided = Some(outcome);
//!                 continue;
//!             }
//!             _ => continue,
//!         };
//!         let at = if to == flight { 0 } else { 1 };
//!         let mut inputs = vec![Input::Message { from: agency, message }];
//!         while let Some(input) = inputs.pop() {
//!             let (next, effects) = services[at].stepped(input, Time::ZERO, &[]);
//!             services[at] = next;
//!             for effect in effects {
//!                 inputs.push(Input::Request(match effect {
//!                     Effect::Notify { notice: service::Notice::Try { tx, work }, .. } if free[at] >= work => {
//!                         free[at] -= work;
//!                         service::Request::Reserved { tx }
//!                     }
//!                     Effect::Notify { notice: service::Notice::Try { tx, .. }, .. } => {
//!                         service::Request::NotReserved { tx }
//!                     }
//!                     Effect::Notify { notice: service::Notice::Confirm { tx, work, .. }, .. } => {
//!                         sold[at] += work;
//!                         service::Request::Done { tx }
//!                     }
//!                     Effect::Notify { notice: service::Notice::Cancel { tx, .. }, .. } => {
//!                         free[at] += 1;
//!                         service::Request::Done { tx }
//!                     }
//!                     Effect::Send { message, .. } => {
//!                         at_coordinator.push(Input::Message { from: to, message });
//!                         continue;
//!                     }
//!                     _ => continue,
//!                 }));
//!             }
//!         }
//!     }
//! }
//! // The hotel is full, so the seat is given back.
//! assert_eq!((decided, free, sold), (Some(Outcome::Abort), [2, 0], [0, 0]));
//! # Ok(())
//! # }
//! ```

mod config;
pub mod coordinator;
mod message;
pub mod service;

pub use config::{Config, ConfigError, Member};
pub use coordinator::Coordinator;
pub use message::Message;
pub use service::Service;
