//! Faults that aim: at whoever matters most just now, and at the moments after that changed.
//!
//! What chance spreads evenly seldom hits twice where it hurts. Figure 8 of the Raft paper takes four leaders in a row,
//! each of which is lost a few steps after its election: so an *ambush* is laid for whoever comes to matter most
//! ([`Simulated::prominent`](super::Simulated::prominent)), and strikes at once, or after so many of its steps, or when
//! it has told its application something; not after a time, since steps are how close together the interesting moments
//! are, whatever the latencies of a run. In some runs the outage *rotates*: with each strike, who was struck before
//! comes back, so that those who were in office and lost it return to it.
//!
//! Its numbers have streams of their own: a run without aim is the run that it would be if there were none.

use std::ops::RangeInclusive;

use quorate::id::NodeId;

use super::dice::Dice;
use super::faults::{Atlas, PACE_MAX};

/// In how many of a thousand runs faults aim.
const AIMS_PER_MILLE: u32 = 600;
/// The most steps that an ambush waits for.
const STEPS_MAX: u64 = 48;
/// The most times that it waits for its node to tell something.
const TOLD_MAX: u64 = 3;

/// What an ambush does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    /// The node crashes.
    Crash,
    /// It crashes, and what it sent that has not arrived is lost with it.
    Vanish,
    /// It is paused.
    Pause,
    /// Nothing that it sent arrives: it believes itself in office.
    Mute,
    /// Nothing reaches it.
    Deaf,
    /// Neither.
    Isolated,
}

/// All of them.
const STRIKES: [Strike; 6] =
    [Strike::Crash, Strike::Vanish, Strike::Pause, Strike::Mute, Strike::Deaf, Strike::Isolated];

impl Strike {
    /// Whether a protocol claims to survive it.
    const fn may(self, nodes: usize, atlas: &Atlas) -> bool {
        match self {
            Self::Crash => atlas.down_max > 0,
            Self::Vanish => atlas.down_max > 0 && atlas.network,
            Self::Pause => atlas.paused_max > 0,
            Self::Mute | Self::Deaf | Self::Isolated => atlas.network && nodes > 1,
        }
    }
}

/// How the faults of one run aim.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    /// What its draws in the run come from.
    pub(super) seed: u64,
    /// How many of a thousand crashes, pauses, partitions and steps of clocks seek out who matters most.
    pub(super) bias_per_mille: u32,
    /// How many of a thousand writes of who matters most are slow.
    pub(super) slow_per_mille: u32,
    /// How many of a thousand that come to matter most are struck.
    ambushed_per_mille: u32,
    /// How many of a thousand ambushes strike at once.
    at_once_per_mille: u32,
    /// How many of a thousand of the others wait until something is told.
    told_per_mille: u32,
    /// The most steps that the rest wait for.
    steps_max: u64,
    /// Whether with each strike who was struck before comes back.
    pub(super) rotates: bool,
    /// What an ambush does.
    strikes: Vec<Strike>,
    /// Whether a crash takes back what is held.
    pub(super) tears: bool,
    /// How long it lasts, in nanoseconds.
    lasts: RangeInclusive<u64>,
}

impl Aim {
    /// How the faults of the run of `seed` aim; nothing if they do not.
    pub(super) fn sampled(seed: u64, nodes: usize, atlas: &Atlas, pace: u64) -> Option<Self> {
        let (mut dice, pace) = (Dice::new(seed, "aim"), pace.clamp(1, PACE_MAX));
        if !dice.per_mille(AIMS_PER_MILLE) {
            return None;
        }
        let small = |number: u64| u32::try_from(number).unwrap_or(0);
        let possible: Vec<Strike> = STRIKES.into_iter().filter(|strike| strike.may(nodes, atlas)).collect();
        // One way alone, in a good share of the runs: what hurts takes the same thing several times in a row.
        let mut strikes = if dice.per_mille(500) { possible.clone() } else { Vec::new() };
        strikes.retain(|_| dice.per_mille(500));
        if strikes.is_empty() {
            strikes.extend(dice.pick(&possible));
        }
        let (biased, slow) = (dice.per_mille(500), dice.per_mille(300));
        let least = dice.magnitude((pace / 20).max(1), pace.saturating_mul(2));
        let relentless = dice.per_mille(500);
        Some(Self {
            seed,
            bias_per_mille: if biased { small(dice.between(100, 900)) } else { 0 },
            slow_per_mille: if slow { small(dice.between(50, 800)) } else { 0 },
            ambushed_per_mille: if relentless { 1000 } else { small(dice.between(200, 1000)) },
            at_once_per_mille: small(dice.between(0, 800)),
            told_per_mille: small(dice.between(0, 1000)),
            steps_max: dice.magnitude(2, STEPS_MAX),
            rotates: dice.per_mille(500),
            strikes,
            tears: dice.per_mille(500),
            lasts: least..=dice.magnitude(least, pace.saturating_mul(12)),
        })
    }
}

/// What an ambush waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// For so many steps of its node.
    Steps(u64),
    /// For its node to tell its application something so many times.
    Told(u64),
}

/// Who matters most, and the ambush that is laid for it.
#[derive(Debug)]
pub(super) struct Lookout {
    dice: Dice,
    /// Who, and since when: the number of its reign.
    pub(super) prominent: Option<(NodeId, u64)>,
    /// The ambush that is laid for it.
    left: Option<Waits>,
    /// Who was struck last.
    pub(super) struck: Option<NodeId>,
}

impl Lookout {
    pub(super) fn new(aim: Option<&Aim>, prominent: Option<(NodeId, u64)>) -> Self {
        Self { dice: Dice::new(aim.map_or(0, |aim| aim.seed), "ambush"), prominent, left: None, struck: None }
    }

    /// A node took a step, and told its application something by it or not.
    pub(super) fn note(&mut self, id: NodeId, told: bool) {
        if self.prominent.is_none_or(|(who, _)| who != id) {
            return;
        }
        match &mut self.left {
            Some(Waits::Steps(left)) => *left = left.saturating_sub(1),
            Some(Waits::Told(left)) => *left = left.saturating_sub(u64::from(told)),
            None => {}
        }
    }

    /// Who matters most now: whether that has changed to somebody.
    pub(super) fn look(&mut self, aim: Option<&Aim>, prominent: Option<(NodeId, u64)>) -> bool {
        let changed = self.prominent != prominent;
        if changed {
            self.prominent = prominent;
            self.left = None;
            self.lie_in_wait(aim);
        }
        changed && prominent.is_some()
    }

    /// Who is struck now, how, and for how long.
    pub(super) fn strike(&mut self, aim: Option<&Aim>) -> Option<(NodeId, Strike, u64)> {
        let (aim, (id, _)) = (aim?, self.prominent?);
        if !matches!(self.left, Some(Waits::Steps(0) | Waits::Told(0))) {
            return None;
        }
        self.left = None;
        self.lie_in_wait(Some(aim));
        // Who was just struck is given a moment.
        if let Some(Waits::Steps(0)) = self.left {
            self.left = Some(Waits::Steps(aim.steps_max));
        }
        let strike = *self.dice.pick(&aim.strikes)?;
        Some((id, strike, self.dice.magnitude(*aim.lasts.start(), *aim.lasts.end())))
    }

    fn lie_in_wait(&mut self, aim: Option<&Aim>) {
        if let Some(aim) = aim.filter(|_| self.prominent.is_some())
            && self.dice.per_mille(aim.ambushed_per_mille)
        {
            // The step by which it came to matter has been taken.
            self.left = Some(if self.dice.per_mille(aim.at_once_per_mille) {
                Waits::Steps(0)
            } else if self.dice.per_mille(aim.told_per_mille) {
                Waits::Told(self.dice.magnitude(1, TOLD_MAX))
            } else {
                Waits::Steps(self.dice.magnitude(1, aim.steps_max))
            });
        }
    }

    /// Who matters most, if a fault of a thousand `per_mille` of which seek it out does so.
    pub(super) fn sought(&mut self, per_mille: u32) -> Option<NodeId> {
        let (id, _) = self.prominent?;
        self.dice.per_mille(per_mille).then_some(id)
    }

    /// A number from `least` to `most`, of any magnitude.
    pub(super) fn magnitude(&mut self, least: u64, most: u64) -> u64 {
        self.dice.magnitude(least, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATLAS: Atlas = Atlas { down_max: 1, paused_max: 1, network: true, clock_back: true };

    fn aims() -> Vec<Aim> {
        (0..400).filter_map(|seed| Aim::sampled(seed, 3, &ATLAS, 1_000_000)).collect()
    }

    #[test]
    fn faults_aim_in_a_good_share_of_the_seeds_and_in_all_ways() {
        let aims = aims();
        assert!((200..280).contains(&aims.len()), "{} of 400", aims.len());
        for strike in STRIKES {
            let with = aims.iter().filter(|aim| aim.strikes.contains(&strike)).count();
            assert!(with > 50 && with < aims.len() - 50, "{strike:?}: {with}");
        }
        assert!(aims.iter().all(|aim| !aim.strikes.is_empty() && aim.lasts.start() <= aim.lasts.end()));
    }

    #[test]
    fn nobody_is_struck_in_a_way_that_the_protocol_does_not_survive() {
        let nothing = Atlas { down_max: 0, paused_max: 0, network: false, clock_back: true };
        let aims = |nodes, atlas: Atlas| {
            (0..200).filter_map(move |seed| Aim::sampled(seed, nodes, &atlas, 1_000)).collect::<Vec<_>>()
        };
        assert!(aims(3, nothing).iter().all(|aim| aim.strikes.is_empty()));
        let crashes = Atlas { down_max: 1, ..nothing };
        assert!(aims(3, crashes).iter().all(|aim| aim.strikes == [Strike::Crash]));
        let alone = [Strike::Crash, Strike::Vanish, Strike::Pause];
        assert!(aims(1, ATLAS).iter().all(|aim| aim.strikes.iter().all(|strike| alone.contains(strike))));
    }

    #[test]
    fn an_ambush_may_wait_until_something_is_told() {
        let aim =
            Aim { ambushed_per_mille: 1000, at_once_per_mille: 0, told_per_mille: 1000, ..aims().remove(0) };
        let (one, mut lookout) = (NodeId(1), Lookout::new(Some(&aim), None));
        lookout.look(Some(&aim), Some((one, 1)));
        for _ in 0..1_000 {
            lookout.note(one, false);
            assert!(lookout.strike(Some(&aim)).is_none());
        }
        let told = (1..=9).find(|_| {
            lookout.note(one, true);
            lookout.strike(Some(&aim)).is_some()
        });
        assert!(told.is_some_and(|told| told <= TOLD_MAX), "{told:?}");
    }

    #[test]
    fn an_ambush_counts_the_steps_of_its_node_and_ends_with_its_reign() {
        let aim = Aim {
            ambushed_per_mille: 1000,
            at_once_per_mille: 300,
            told_per_mille: 0,
            steps_max: 9,
            ..aims().remove(0)
        };
        let (one, other) = (NodeId(1), NodeId(2));
        let mut struck = Vec::new();
        for seed in 0..60 {
            let aim = Aim { seed, ..aim.clone() };
            let mut lookout = Lookout::new(Some(&aim), None);
            assert!(lookout.look(Some(&aim), Some((one, 1))) && !lookout.look(Some(&aim), Some((one, 1))));
            let mut steps = 0;
            let found = loop {
                lookout.note(other, true);
                if let Some((found, ..)) = lookout.strike(Some(&aim)) {
                    break found;
                }
                lookout.note(one, true);
                steps += 1;
            };
            assert_eq!(found, one);
            struck.push(steps);
            // A reign that is over takes its ambush along.
            assert!(!lookout.look(Some(&aim), None) && lookout.strike(Some(&aim)).is_none());
            assert!(lookout.look(Some(&aim), Some((one, 2))));
        }
        assert_eq!((struck.iter().min(), struck.iter().max()), (Some(&0), Some(&9)));
    }
}
