//! One adapter a library, each as its documentation has it, set up for speed.

mod omnipaxos;
mod quorate;
mod raft_io;
mod raft_rs;

pub(crate) use self::omnipaxos::OmniPaxosNode;
pub(crate) use self::quorate::QuorateNode;
pub(crate) use self::raft_io::RaftIoNode;
pub(crate) use self::raft_rs::RaftRsNode;
