//! Who a node is, and what bounds it.

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};

use crate::id::{ClusterId, NodeId};
use crate::wire::frame;

/// Who a node is, where it listens, and whom it talks to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Options {
    /// The node's own id: that of the machine, and that of the store.
    pub me: NodeId,
    /// The cluster that the node belongs to.
    pub cluster: ClusterId,
    /// Where peers connect to, already bound; `None` if no peer does.
    pub listener: Option<TcpListener>,
    /// The other nodes. Frames from anyone else are refused, messages to anyone else dropped.
    pub peers: BTreeMap<NodeId, SocketAddr>,
    /// What bounds the node.
    pub limits: Limits,
    /// The seed of jitter and choices; `None` to draw one from the operating system, as nodes of one cluster
    /// should not draw alike.
    pub seed: Option<u64>,
}

impl Options {
    /// A node with no listener and no peers, and the default limits.
    #[must_use]
    pub fn new(me: NodeId, cluster: ClusterId) -> Self {
        let limits = Limits::default();
        Self { me, cluster, listener: None, peers: BTreeMap::new(), limits, seed: None }
    }
}

/// What bounds a node's queues, sizes and waits. Zero queue lengths count as 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest message, in bytes of its encoding. The same on all nodes, or what one sends the other refuses.
    pub message_bytes: u32,
    /// Received messages that wait for the machine. When there are more, connections are not read.
    pub messages_in: usize,
    /// Messages that wait for the connection to one peer. When there are more, the oldest are dropped.
    pub messages_out: usize,
    /// Requests that wait for the machine. When there are more, they are refused.
    pub requests: usize,
    /// Notices that wait for the application. At half of it requests are refused; at all of it messages and
    /// requests wait, until the application has caught up to half.
    pub notices: usize,
    /// Records in one write.
    pub batch_records: usize,
    /// Bytes of entries that one load reads back; a single entry may be longer.
    pub load_bytes: usize,
    /// Bytes gathered for one write to a connection.
    pub write_bytes: usize,
    /// Connections accepted at a time.
    pub connections: usize,
    /// How long to wait for a connection to a peer.
    pub connect_timeout: Duration,
    /// How long a write to a connection may take before it is given up.
    pub write_timeout: Duration,
    /// How long a connection may take to deliver its first frame, or the rest of a frame.
    pub frame_timeout: Duration,
    /// How long a connection may deliver nothing.
    pub idle_timeout: Duration,
    /// How long to wait after the first failed attempt to connect; doubled each time, with jitter.
    pub reconnect_min: Duration,
    /// How long to wait after an attempt to connect at most.
    pub reconnect_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: frame::DEFAULT_MAX_BODY,
            messages_in: 4096,
            messages_out: 4096,
            requests: 4096,
            notices: 16_384,
            batch_records: 4096,
            load_bytes: 1 << 20,
            write_bytes: 256 << 10,
            connections: 64,
            connect_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(5),
            frame_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            reconnect_min: Duration::from_millis(20),
            reconnect_max: Duration::from_secs(1),
        }
    }
}
