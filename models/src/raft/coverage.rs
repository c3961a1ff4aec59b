//! What there is to be met by a Raft node, and what each property speaks of.

use quorate::ledger::Output;
use quorate::raft::{Command, Message, Notice, Outcome, Raft, Refusal, Rejection, Role, Term, Timer};

use super::{Application, HistoryOf, RaftSpec};
use crate::coverage::{ANY, CRASHED, FLUSHED, LOADED, START, Vocabulary};
use crate::spec::{Event, Seen};

const FOLLOWER: &str = "follower";
const PRE_CANDIDATE: &str = "pre-candidate";
const CANDIDATE: &str = "candidate";
const LEADER: &str = "leader";

const ELECTION: &str = "election timeout";
const HEARTBEAT: &str = "heartbeat timeout";
const PROPOSE: &str = "propose";

/// A kind of message, by how its term compares with the receiver's.
struct Names {
    old: &'static str,
    same: &'static str,
    new: &'static str,
}

macro_rules! names {
    ($name:ident, $text:literal) => {
        const $name: Names = Names {
            old: concat!($text, ", old term"),
            same: concat!($text, ", same term"),
            new: concat!($text, ", new term"),
        };
    };
}

names!(PRE_VOTE, "PreVote");
names!(PRE_VOTE_GRANTED, "PreVoteReply granted");
names!(PRE_VOTE_DENIED, "PreVoteReply denied");
names!(VOTE, "Vote");
names!(VOTE_GRANTED, "VoteReply granted");
names!(VOTE_DENIED, "VoteReply denied");
names!(EMPTY, "Append, empty");
names!(APPEND, "Append, entries");
names!(MATCHED, "AppendReply matched");
names!(CONFLICT, "AppendReply conflict");
names!(STALE, "AppendReply stale");

const ACCEPTED: &str = "accepted";
const NOT_LEADER: &str = "refused: not the leader";
const TOO_LARGE: &str = "refused: too large";
const FULL: &str = "refused: full";
const EMPTY_PROPOSAL: &str = "refused: empty";
const COMMITTED: &str = "committed";
const LEADER_KNOWN: &str = "a leader is known";
const LEADER_LOST: &str = "no leader is known";
const NOT_A_MEMBER: &str = "rejected: not a member";
const TWO_LEADERS: &str = "rejected: two leaders";
const MALFORMED: &str = "rejected: malformed entries";
const CONTRADICTS: &str = "rejected: contradicts what is committed";
const TOO_MUCH: &str = "rejected: acknowledges too much";
const FROM_MYSELF: &str = "rejected: from the node itself";
const UNKNOWN_LOG: &str = "rejected: an unknown log";
const OTHER: &str = "something else";

/// No correct node sends it, and no driver that keeps its contract hands it over: the fuzz targets do.
const NOBODY_SAYS: &str = "no correct node or driver says it";
/// The worlds ask leaders only, for one command: the tests ask the rest.
const NOBODY_ASKS: &str = "the worlds ask for one small command, and leaders only";

const LEADERS_ONLY: &str = "only a leader's heartbeat timer is set";
const ASKED_ONCE_DURABLE: &str = "nobody asks for votes or appends before its term is on its disk";
const NEVER_AGAIN: &str = "who led a term is never again a candidate in it";
const ONE_LEADER: &str = "election safety";

#[rustfmt::skip]
pub(super) const VOCABULARY: Vocabulary = Vocabulary {
    phases: &[FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER],
    inputs: &[
        START,
        ELECTION,
        HEARTBEAT,
        PROPOSE,
        LOADED,
        FLUSHED,
        CRASHED,
        PRE_VOTE.old,
        PRE_VOTE.same,
        PRE_VOTE.new,
        PRE_VOTE_GRANTED.old,
        PRE_VOTE_GRANTED.same,
        PRE_VOTE_GRANTED.new,
        PRE_VOTE_DENIED.old,
        PRE_VOTE_DENIED.same,
        PRE_VOTE_DENIED.new,
        VOTE.old,
        VOTE.same,
        VOTE.new,
        VOTE_GRANTED.old,
        VOTE_GRANTED.same,
        VOTE_GRANTED.new,
        VOTE_DENIED.old,
        VOTE_DENIED.same,
        VOTE_DENIED.new,
        EMPTY.old,
        EMPTY.same,
        EMPTY.new,
        APPEND.old,
        APPEND.same,
        APPEND.new,
        MATCHED.old,
        MATCHED.same,
        MATCHED.new,
        CONFLICT.old,
        CONFLICT.same,
        CONFLICT.new,
        STALE.old,
        STALE.same,
        STALE.new,
    ],
    transitions: &[
        (FOLLOWER, PRE_CANDIDATE),
        (FOLLOWER, CANDIDATE),
        // Alone.
        (FOLLOWER, LEADER),
        (PRE_CANDIDATE, FOLLOWER),
        (PRE_CANDIDATE, CANDIDATE),
        (CANDIDATE, FOLLOWER),
        (CANDIDATE, PRE_CANDIDATE),
        (CANDIDATE, LEADER),
        (LEADER, FOLLOWER),
    ],
    outcomes: &[
        ACCEPTED,
        NOT_LEADER,
        TOO_LARGE,
        FULL,
        EMPTY_PROPOSAL,
        COMMITTED,
        LEADER_KNOWN,
        LEADER_LOST,
        NOT_A_MEMBER,
        TWO_LEADERS,
        MALFORMED,
        CONTRADICTS,
        TOO_MUCH,
        FROM_MYSELF,
        UNKNOWN_LOG,
    ],
    impossible: &[
        (PRE_CANDIDATE, START, "a node starts as a follower"),
        (CANDIDATE, START, "a node starts as a follower"),
        (LEADER, START, "a node starts as a follower"),
        (FOLLOWER, HEARTBEAT, LEADERS_ONLY),
        (PRE_CANDIDATE, HEARTBEAT, LEADERS_ONLY),
        (CANDIDATE, HEARTBEAT, LEADERS_ONLY),
        (FOLLOWER, PROPOSE, NOBODY_ASKS),
        (PRE_CANDIDATE, PROPOSE, NOBODY_ASKS),
        (CANDIDATE, PROPOSE, NOBODY_ASKS),
        (ANY, VOTE_GRANTED.new, ASKED_ONCE_DURABLE),
        (ANY, MATCHED.new, ASKED_ONCE_DURABLE),
        (ANY, CONFLICT.new, ASKED_ONCE_DURABLE),
        (CANDIDATE, MATCHED.same, NEVER_AGAIN),
        (CANDIDATE, CONFLICT.same, NEVER_AGAIN),
        (LEADER, EMPTY.same, ONE_LEADER),
        (LEADER, APPEND.same, ONE_LEADER),
    ],
    impossible_outcomes: &[
        (NOT_LEADER, NOBODY_ASKS),
        (TOO_LARGE, NOBODY_ASKS),
        (EMPTY_PROPOSAL, NOBODY_ASKS),
        (NOT_A_MEMBER, NOBODY_SAYS),
        (TWO_LEADERS, NOBODY_SAYS),
        (MALFORMED, NOBODY_SAYS),
        (CONTRADICTS, NOBODY_SAYS),
        (TOO_MUCH, NOBODY_SAYS),
        (FROM_MYSELF, NOBODY_SAYS),
        (UNKNOWN_LOG, NOBODY_SAYS),
    ],
};

pub(super) const fn phase<C: Command>(raft: &Raft<C>) -> &'static str {
    match raft.role() {
        Role::Follower { .. } => FOLLOWER,
        Role::PreCandidate { .. } => PRE_CANDIDATE,
        Role::Candidate { .. } => CANDIDATE,
        Role::Leader(_) => LEADER,
        _ => OTHER,
    }
}

pub(super) fn input<A: Application>(
    before: &Raft<A::Command>,
    event: &Event<'_, RaftSpec<A>>,
) -> &'static str {
    match event {
        Event::Expired(Timer::Election) => ELECTION,
        Event::Expired(Timer::Heartbeat) => HEARTBEAT,
        Event::Asked(_) => PROPOSE,
        Event::Received { message, .. } => received(before.term(), message),
        other => other.name(),
    }
}

fn received<C>(mine: Term, message: &Message<C>) -> &'static str {
    let names = match message {
        Message::PreVote { .. } => PRE_VOTE,
        Message::PreVoteReply { granted: true, .. } => PRE_VOTE_GRANTED,
        Message::PreVoteReply { .. } => PRE_VOTE_DENIED,
        Message::Vote { .. } => VOTE,
        Message::VoteReply { granted: true, .. } => VOTE_GRANTED,
        Message::VoteReply { .. } => VOTE_DENIED,
        Message::Append { entries, .. } if entries.is_empty() => EMPTY,
        Message::Append { .. } => APPEND,
        Message::AppendReply { outcome: Outcome::Matched(_), .. } => MATCHED,
        Message::AppendReply { outcome: Outcome::Conflict { .. }, .. } => CONFLICT,
        Message::AppendReply { outcome: Outcome::Stale, .. } => STALE,
        _ => return OTHER,
    };
    match message.term().cmp(&mine) {
        std::cmp::Ordering::Less => names.old,
        std::cmp::Ordering::Equal => names.same,
        std::cmp::Ordering::Greater => names.new,
    }
}

pub(super) const fn outcome<C>(notice: &Notice<C>) -> Option<&'static str> {
    Some(match notice {
        Notice::Accepted { .. } => ACCEPTED,
        Notice::Committed { .. } => COMMITTED,
        Notice::Leader { leader: Some(_), .. } => LEADER_KNOWN,
        Notice::Leader { leader: None, .. } => LEADER_LOST,
        Notice::Refused { reason, .. } => match reason {
            Refusal::NotLeader { .. } => NOT_LEADER,
            Refusal::TooLarge { .. } => TOO_LARGE,
            Refusal::Full => FULL,
            Refusal::Empty => EMPTY_PROPOSAL,
            _ => OTHER,
        },
        Notice::Rejected { reason, .. } => match reason {
            Rejection::NotAMember => NOT_A_MEMBER,
            Rejection::TwoLeaders => TWO_LEADERS,
            Rejection::MalformedEntries => MALFORMED,
            Rejection::ContradictsCommitted => CONTRADICTS,
            Rejection::AcknowledgesTooMuch => TOO_MUCH,
            Rejection::FromMyself => FROM_MYSELF,
            Rejection::UnknownLog => UNKNOWN_LOG,
            _ => OTHER,
        },
        _ => OTHER,
    })
}

type At<'a, A> = Seen<'a, RaftSpec<A>>;

/// Somebody is elected in a term in which somebody was heard to vote for another.
pub(super) fn contested<A: Application>(seen: &At<'_, A>, history: &HistoryOf<A>) -> bool {
    let term = seen.after.term();
    let other = |vote: &Option<(Term, _)>| vote.is_some_and(|(said, whom)| said == term && whom != seen.node);
    seen.after.is_leader() && !seen.before.is_leader() && history.votes.iter().any(other)
}

/// A leader with entries takes something in, and goes on leading.
pub(super) fn leads_with_entries<A: Application>(seen: &At<'_, A>, _: &HistoryOf<A>) -> bool {
    let led = seen.before.is_leader() && seen.after.is_leader() && seen.before.term() == seen.after.term();
    led && seen.before.last().index.0 > 0 && matches!(seen.event, Event::Received { .. })
}

/// A follower's log becomes another by what it is sent.
pub(super) fn follower_appends<A: Application>(seen: &At<'_, A>, _: &HistoryOf<A>) -> bool {
    matches!(seen.event, Event::Received { message: Message::Append { .. }, .. })
        && seen.after.last() != seen.before.last()
}

/// Somebody is elected after something was committed in an earlier term.
pub(super) fn elected_after_a_commit<A: Application>(seen: &At<'_, A>, history: &HistoryOf<A>) -> bool {
    let elected = seen.after.is_leader() && !seen.before.is_leader();
    elected && history.committed.iter().any(|chosen| chosen.in_term < seen.after.term())
}

/// A node learns that what its leader committed is committed.
pub(super) fn follower_commits<A: Application>(seen: &At<'_, A>, _: &HistoryOf<A>) -> bool {
    !seen.after.is_leader() && seen.after.commit() > seen.before.commit()
}

/// A node is asked for its vote in a term in which it gave it to another.
pub(super) fn asked_twice<A: Application>(seen: &At<'_, A>, _: &HistoryOf<A>) -> bool {
    let Event::Received { from, message: Message::Vote { term, .. } } = seen.event else { return false };
    *term == seen.before.term() && seen.before.vote().is_some_and(|vote| vote != from)
}

/// A node crashes when something is committed.
pub(super) fn crashes_after_a_commit<A: Application>(seen: &At<'_, A>, history: &HistoryOf<A>) -> bool {
    matches!(seen.event, Event::Crashed) && !history.committed.is_empty()
}

/// An acknowledgement of an entry leaves a node.
pub(super) fn acknowledges<A: Application>(seen: &At<'_, A>, _: &HistoryOf<A>) -> bool {
    seen.outputs.iter().any(|output| {
        let message = match output {
            Output::Send { message, .. } | Output::Loopback(message) => message,
            _ => return false,
        };
        matches!(message, Message::AppendReply { outcome: Outcome::Matched(index), .. } if index.0 > 0)
    })
}

/// A node that knows of commits hears of fewer.
pub(super) fn hears_of_fewer_commits<A: Application>(seen: &At<'_, A>, _: &HistoryOf<A>) -> bool {
    matches!(seen.event, Event::Received { message: Message::Append { commit, .. }, .. }
        if *commit < seen.before.commit())
}

/// A node whose application has applied something crashes, or drops entries.
pub(super) fn applied_and_crashes<A: Application>(seen: &At<'_, A>, _: &HistoryOf<A>) -> bool {
    seen.applied_before > 0 && matches!(seen.event, Event::Crashed)
}

/// An application that has applied something is told of more.
pub(super) fn told_more<A: Application>(seen: &At<'_, A>, _: &HistoryOf<A>) -> bool {
    let told = |output: &_| matches!(output, Output::Notify(Notice::Committed { .. }));
    seen.applied_before > 0 && seen.outputs.iter().any(told)
}
