//! Who cannot reach whom.

use super::dice::Dice;

/// Which links are cut: bit `to` of `cut[from]`. Of at most 64 nodes.
pub(super) type Cut = Vec<u64>;

/// The shapes of partitions, as production has seen them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One node hears nobody, and nobody hears it.
    Isolated,
    /// Two halves of any size.
    Halves,
    /// One half is heard and does not hear: links fail one way.
    OneWay,
    /// Two halves, and a node that reaches both.
    Bridge,
    /// Everybody reaches two neighbours.
    Ring,
    /// Any link, either way.
    Scattered,
}

/// All of them.
pub(super) const SHAPES: [Shape; 6] =
    [Shape::Isolated, Shape::Halves, Shape::OneWay, Shape::Bridge, Shape::Ring, Shape::Scattered];

impl Shape {
    /// The links it cuts among `nodes` nodes: where one of them stands out, that is `who`, or anybody.
    pub(super) fn cut(self, nodes: usize, who: Option<usize>, dice: &mut Dice) -> Cut {
        let all = (0..nodes).fold(0_u64, |all, node| all | bit(node));
        let some = |dice: &mut Dice| bit(who.unwrap_or_else(|| one(nodes, dice)));
        match self {
            Self::Isolated => {
                let alone = some(dice);
                between(nodes, |from, to| (from & alone != 0) != (to & alone != 0))
            }
            Self::Halves | Self::OneWay | Self::Bridge => {
                let side = dice.below(all.saturating_add(1)) & all;
                // Neither half is empty.
                let side = if side == 0 || side == all { some(dice) } else { side };
                let bridge = if self == Self::Bridge { some(dice) } else { 0 };
                between(nodes, |from, to| {
                    let across = (from & side != 0) != (to & side != 0);
                    let one_way = self == Self::OneWay && from & side != 0;
                    across && !one_way && (from | to) & bridge == 0
                })
            }
            Self::Ring => {
                let place = |node: u64| node.trailing_zeros() as usize;
                between(nodes, |from, to| {
                    let apart = place(from).abs_diff(place(to));
                    apart != 1 && apart + 1 != nodes
                })
            }
            Self::Scattered => {
                let links: Vec<u64> = (0..nodes).map(|_| dice.below(u64::MAX)).collect();
                between(nodes, |from, to| links.get(place(from)).is_some_and(|cut| cut & to != 0))
            }
        }
    }
}

fn place(node: u64) -> usize {
    node.trailing_zeros() as usize
}

/// The links, given as bits of two different nodes, for which `cut` holds.
fn between(nodes: usize, cut: impl Fn(u64, u64) -> bool) -> Cut {
    let to = |from: usize| {
        let others = (0..nodes).filter(|to| *to != from && cut(bit(from), bit(*to)));
        others.fold(0, |all, to| all | bit(to))
    };
    (0..nodes).map(to).collect()
}

fn one(nodes: usize, dice: &mut Dice) -> usize {
    usize::try_from(dice.below(nodes as u64)).unwrap_or(0)
}

/// The bit of a node; none of one beyond the 64th.
pub(super) fn bit(node: usize) -> u64 {
    u32::try_from(node).ok().and_then(|node| 1_u64.checked_shl(node)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who reaches whom among five, as a count of links that stand.
    fn standing(shape: Shape, seed: u64) -> (Cut, usize) {
        let cut = shape.cut(5, None, &mut Dice::new(seed, "test"));
        let links = (0..5).flat_map(|from| (0..5).map(move |to| (from, to)));
        let stands = links.filter(|(from, to)| from != to && cut[*from] & bit(*to) == 0).count();
        (cut, stands)
    }

    #[test]
    fn each_shape_cuts_what_it_says() {
        for seed in 0..50 {
            assert_eq!(standing(Shape::Isolated, seed).1, 4 * 3);
            assert_eq!(standing(Shape::Ring, seed).1, 5 * 2);
            let (halves, stands) = standing(Shape::Halves, seed);
            assert!([4 * 3, 3 * 2 + 2].contains(&stands), "{stands}");
            let mutual =
                |cut: &Cut, from: usize, to: usize| (cut[from] & bit(to) == 0) == (cut[to] & bit(from) == 0);
            assert!((0..5).all(|from| (0..5).all(|to| mutual(&halves, from, to))));
            let (one_way, stands) = standing(Shape::OneWay, seed);
            assert!(
                (0..5).any(|from| (0..5).any(|to| !mutual(&one_way, from, to))) && stands > 12,
                "{stands}"
            );
            let (bridge, _) = standing(Shape::Bridge, seed);
            assert!(bridge.contains(&0), "the bridge reaches all: {bridge:?}");
        }
    }
}
