//! Paxos Commit: atomic commit that no F lost nodes can block.
//!
//! After *Consensus on Transaction Commit* (Gray and Lamport, ACM TODS 31(1), 2006; "the paper"). The vote of each
//! resource manager is a value chosen by Paxos, in an instance of its own; a transaction commits if a yes, or a
//! read-only, is chosen in all of them. 2F+1 acceptors remember, so that any F of them may be lost, and every leader.
//!
//! | file | concern | source |
//! |---|---|---|
//! | `ballot.rs` | ballots; what is accepted in them | the paper, 4.1 |
//! | `message.rs` | what nodes send each other | the paper, 4.2 |
//! | `config.rs` | who leads, who accepts, and every bound | |
//! | `manager.rs` | the machine that votes: two-phase commit's participant, with another way to say it | the paper, 4.2 |
//! | `acceptor.rs` | the machine that remembers | |
//! | `acceptor/phases.rs` | promises, acceptances, forgetting | the paper, 4.2 |
//! | `acceptor/table.rs` | what is known of each transaction | |
//! | `acceptor/over.rs` | which transactions are over, in little space | |
//! | `leader.rs` | the machine that begins, decides and takes over | |
//! | `leader/begin.rs` | transactions begun; everything said again that was not answered | the paper, 4.2 |
//! | `leader/ballots.rs` | votes counted, phase 1 and phase 2, taking over, giving up | the paper, 4.1 and 4.2 |
//! | `leader/decide.rs` | outcomes told, acknowledged, forgotten | |
//! | `*/api.rs`, `*/recovery.rs`, `*/invariants.rs` | as in [two-phase commit](crate::commit) | |
//!
//! # What is shared with two-phase commit
//! The names of transactions, votes, outcomes and work; rejections; the journal; the common half of the
//! [configuration](Config::common); and the whole participant: a [`ResourceManager`] is one, so that an application
//! that takes part in the one protocol takes part in the other, with the same requests, notices, records, tombstones
//! and operator. The modes are not: all is presumed aborted.
//!
//! With one acceptor, on the leader's node, this *is* two-phase commit (the paper, section 5): the acceptor's record of all
//! votes is the coordinator's decision, and the same messages go over the network (`tests/paxos_commit/costs.rs` counts
//! them). It is slower there by what a message within a node costs, and so [two-phase commit](crate::commit) is not
//! made of it.
//!
//! # The normal case
//! A leader asks the resource managers to [prepare](Message::Prepare). Each sends its [vote](Message::Vote) to the
//! acceptors, which is phase 2a of ballot 0 in its instance. An acceptor that has all votes, or a no, writes all
//! instances down as one record and reports them in one [message](Message::Phase2b). The leader decides once a
//! majority has reported each vote, or one no. With N resource managers and
//! [F+1 acceptors asked at first](Config::asked_first) that is N + N(F+1) + (F+1) + N messages; the paper has one less,
//! since its transactions are begun by a resource manager whose request is its vote.
//!
//! # When something is lost
//! What is not answered is said again. When votes are missing for too long, or when a resource manager in doubt
//! or an acceptor that waits to forget asks a leader that knows nothing of it, the leader begins a ballot, in all
//! instances at once. A majority promises to take part in no lower one, and reports what it has accepted. Of each instance the
//! leader proposes the vote that was reported in the highest ballot, and a no only where none was. So no timer
//! aborts by itself: what may have been chosen stands. Any number of leaders may try at the same time. A ballot is a
//! round and the leader's rank, and no leader begins one twice, since rounds are reserved durably. A leader that finds
//! itself overtaken waits for a while of random length and tries above; one that took over and reaches no majority gives
//! up, and will be asked again.
//!
//! # What is durable before it is said
//! | role | before | what |
//! |---|---|---|
//! | resource manager | its vote, whatever it is | the vote |
//! | | a commit is acknowledged | the outcome |
//! | acceptor | it promises or reports | what it has promised and accepted, in all instances |
//! | leader | it names a transaction or begins a ballot | that the number is never given out again |
//!
//! Everything is held behind the records before it, but for refusals, rejections, and notices of what did not happen or
//! how long something lasts. A leader keeps nothing else: another one learns all of it from the acceptors.
//! A vote that an acceptor has not reported is not written down, and a crash forgets it: it was never accepted, as
//! far as anybody knows.
//!
//! # Who may forget what, and when
//! An acceptor forgets a transaction when a leader [tells it to](Message::Forget): an abort at once, a commit when all
//! that voted yes have acknowledged it. It goes on to know that the transaction is *over*, for ever, so that a
//! vote or a ballot that comes late begins nothing: numbers that are over are spans, and take no room unless there are gaps
//! between them ([`Config::max_gaps`]). Who asks about what is over can be told nothing else than that it was aborted, if it is
//! still in doubt: had it been committed, it would have had to acknowledge that before.
//!
//! An acceptor that was not told to forget asks a leader, again and again. So all is over in the end, whoever crashed.
//!
//! # One transaction
//! ```
//! use std::collections::{BTreeMap, VecDeque};
//! use std::sync::Arc;
//! use quorate::commit::paxos::{Acceptor, Config, ConfigError, Leader, Member, ResourceManager, leader};
//! use quorate::commit::{Outcome, Vote, participant};
//! use quorate::either::{Either, Notice};
//! use quorate::id::{ClusterId, NodeId, RequestId};
//! use quorate::machine::{Effect, Input, Machine};
//! use quorate::time::Time;
//!
//! # fn main() -> Result<(), ConfigError> {
//! let [first, second, alice, bob] = [1, 2, 21, 22].map(NodeId);
//! let acceptors = [11, 12, 13].map(NodeId); // F = 1
//! let config = Arc::new(Config::new(ClusterId(1), [first, second], acceptors, [alice, bob]));
//! let member = |me| Member { me, config: config.clone() };
//!
//! type Node = Either<Either<ResourceManager<i32>, Acceptor<i32>>, Leader<i32>>;
//! let mut nodes: BTreeMap<NodeId, Node> = BTreeMap::new();
//! for id in [alice, bob] {
//!     nodes.insert(id, Either::Left(Either::Left(ResourceManager::new(member(id))?)));
//! }
//! for id in acceptors {
//!     nodes.insert(id, Either::Left(Either::Right(Acceptor::new(member(id))?)));
//! }
//! for id in [first, second] {
//!     nodes.insert(id, Either::Right(Leader::new(member(id))?));
//! }
//! nodes.remove(&acceptors[2]); // lost, and nobody will notice
//!
//! // Without disks or a network: what is emitted is taken at once. A real loop asks the ledger.
//! let begin = leader::Request::Begin { id: RequestId(1), branches: vec![(alice, -50), (bob, 50)] };
//! let mut inputs = VecDeque::from([(first, Input::Request(Either::Right(begin)))]);
//! let mut balances = BTreeMap::from([(alice, 100), (bob, 100)]);
//! let mut outcome = None;
//! while let Some((at, input)) = inputs.pop_front() {
//!     let Some(node) = nodes.get_mut(&at) else { continue };
//!     let (next, effects) = node.stepped(input, Time::ZERO, &[]);
//!     *node = next;
//!     for effect in effects {
//!         let answer = match effect {
//!             Effect::Send { to, message, .. } => {
//!                 inputs.push_back((to, Input::Message { from: at, message }));
//!                 continue;
//!             }
//!             Effect::Notify { notice: Notice::Left(Notice::Left(told)), .. } => match told {
//!                 participant::Notice::Prepare { tx, work } => {
//!                     let vote = if balances[&at] + work >= 0 { Vote::Yes } else { Vote::No };
//!                     participant::Request::Ready { tx, vote }
//!                 }
//!                 participant::Notice::Apply { tx, work, .. } => {
//!                     *balances.entry(at).or_default() += work;
//!                     participant::Request::Done { tx }
//!                 }
//!                 _ => continue,
//!             },
//!             Effect::Notify { notice: Notice::Right(leader::Notice::Outcome { outcome: known, .. }), .. } => {
//!                 outcome = Some(known);
//!                 continue;
//!             }
//!             _ => continue,
//!         };
//!         inputs.push_back((at, Input::Request(Either::Left(Either::Left(answer)))));
//!     }
//! }
//! assert_eq!((outcome, balances[&alice], balances[&bob]), (Some(Outcome::Commit), 50, 150));
//! # Ok(())
//! # }
//! ```

pub mod acceptor;
mod ballot;
mod config;
pub mod leader;
mod manager;
mod message;

pub use acceptor::Acceptor;
pub use ballot::{Accepted, Ballot, Instances, Votes};
pub use config::{Config, ConfigError, Member, Role};
pub use leader::Leader;
pub use manager::ResourceManager;
pub use message::Message;
