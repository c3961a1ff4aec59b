//! Names of nodes, clusters, requests, cells and logs, and the renaming of nodes that explorers use.
//!
//! Every id is a newtype over `u64` (small namespaces over `u8`), and none is ever reused.

use alloc::vec::Vec;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
        pub struct $name(pub $inner);

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}
pub(crate) use id;

id!(
    /// A node of a cluster. A node that is removed never gives its id to another.
    NodeId(u64), "n"
);
id!(
    /// A cluster. Frames and durable records of another cluster are refused.
    ClusterId(u64), "cluster-"
);
id!(
    /// Correlates a request with its one answer; chosen by the application, opaque to machines.
    RequestId(u64), "r"
);
id!(
    /// Names a durable cell of one machine.
    CellId(u8), "cell-"
);
id!(
    /// Names a durable log of one machine.
    LogId(u8), "log-"
);

/// A renaming of the nodes `0..len`; every other id is left as it is.
///
/// Explorers use it to treat states that differ only by the names of interchangeable nodes as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permutation<'a> {
    to: &'a [u8],
}

impl<'a> Permutation<'a> {
    /// The renaming that calls node `i` by the name `to[i]`.
    ///
    /// `to` is expected to hold each of `0..to.len()` once; anything else is not a renaming, and states
    /// renamed by it mean nothing (nothing panics).
    #[must_use]
    pub const fn new(to: &'a [u8]) -> Self {
        Self { to }
    }

    /// The new name of `node`.
    #[must_use]
    pub fn apply(&self, node: NodeId) -> NodeId {
        let slot = usize::try_from(node.0).ok();
        match slot.and_then(|slot| self.to.get(slot)) {
            Some(&to) => NodeId(u64::from(to)),
            None => node,
        }
    }
}

/// State, messages or records in which nodes can be renamed.
///
/// `a.permute(p)` must yield exactly the value that would have come about had the nodes carried their new
/// names from the start: explorers rely on it for symmetry.
pub trait Permute {
    /// Renames every node mentioned in `self`.
    fn permute(&mut self, by: &Permutation<'_>);
}

impl Permute for NodeId {
    fn permute(&mut self, by: &Permutation<'_>) {
        *self = by.apply(*self);
    }
}

impl<T: Permute> Permute for Option<T> {
    fn permute(&mut self, by: &Permutation<'_>) {
        if let Some(inner) = self {
            inner.permute(by);
        }
    }
}

impl<T: Permute> Permute for Vec<T> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.iter_mut().for_each(|item| item.permute(by));
    }
}

impl<A: Permute, B: Permute> Permute for (A, B) {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.0.permute(by);
        self.1.permute(by);
    }
}

macro_rules! no_nodes_inside {
    ($($t:ty),* $(,)?) => {
        $(impl $crate::id::Permute for $t {
            fn permute(&mut self, _by: &$crate::id::Permutation<'_>) {}
        })*
    };
}
pub(crate) use no_nodes_inside;
no_nodes_inside!((), bool, u8, u16, u32, u64, core::convert::Infallible, crate::machine::Never);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_renamed_wherever_they_are_held_and_others_nowhere() {
        let by = Permutation::new(&[1, 0]);
        let mut held = (Some(NodeId(0)), alloc::vec![NodeId(1), NodeId(7)]);
        held.permute(&by);
        assert_eq!(held, (Some(NodeId(1)), alloc::vec![NodeId(0), NodeId(7)]));
        let mut none: Option<NodeId> = None;
        none.permute(&by);
        assert_eq!(none, None);
    }
}
