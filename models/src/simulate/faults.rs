//! What goes wrong in one run: sampled anew for each seed, so that each run is bad in a way of its own.
//!
//! After *Swarm Testing* (Groce et al., ISSTA 2012): each fault is off in a good share of the seeds, since faults mask
//! each other, and of any strength in the others. All times are in nanoseconds and in proportion to the protocol's
//! pace, the time in which it notices that something is wrong.

use std::ops::RangeInclusive;

use super::aim::Aim;
use super::dice::Dice;
use super::partition::{SHAPES, Shape};

/// The slowest pace that faults are drawn for, 13 days: what is in proportion to it still fits 64 bits.
pub(super) const PACE_MAX: u64 = 1 << 50;
/// How long a node that is well leaves what its own driver has for it, at the most, as a part of the pace.
const LOOKING: u64 = 5_000;

/// What a protocol survives: what faults may never touch, and never at the same time.
///
/// What is durable is sacred in every run: a crash cuts what is *held* at some prefix, and takes nothing that a disk
/// has confirmed. Everybody is up and everything arrives once the faults end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written out by protocols")]
pub struct Atlas {
    /// How many nodes may be down at once; 0 where nothing survives a crash.
    pub down_max: usize,
    /// How many nodes may be paused at once.
    pub paused_max: usize,
    /// Whether messages may be lost, delayed, duplicated and reordered, and links cut.
    pub network: bool,
    /// Whether a node's clock may go back.
    pub clock_back: bool,
}

/// What happens now and again: on average every so often, lasting so long.
#[derive(Clone, Debug)]
pub(super) struct Spells {
    pub(super) every: u64,
    pub(super) lasts: RangeInclusive<u64>,
}

impl Spells {
    fn sampled(dice: &mut Dice, every: RangeInclusive<u64>, lasts: RangeInclusive<u64>) -> Self {
        let longest = dice.magnitude(*lasts.start(), *lasts.end());
        Self { every: dice.magnitude(*every.start(), *every.end()), lasts: *lasts.start()..=longest }
    }

    /// How long until the next one.
    pub(super) fn next(&self, dice: &mut Dice) -> u64 {
        dice.between(1, self.every.saturating_mul(2))
    }

    /// How long it lasts.
    pub(super) fn length(&self, dice: &mut Dice) -> u64 {
        dice.between(*self.lasts.start(), *self.lasts.end())
    }
}

/// How long something takes: mostly in a range, now and then much longer.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    pub(super) usual: RangeInclusive<u64>,
    /// How many of a thousand take longer.
    pub(super) slow_per_mille: u32,
    /// Up to this.
    pub(super) slowest: u64,
}

impl Latency {
    const fn steady(usual: RangeInclusive<u64>) -> Self {
        Self { usual, slow_per_mille: 0, slowest: 0 }
    }

    pub(super) fn draw(&self, dice: &mut Dice) -> u64 {
        let usual = dice.between(*self.usual.start(), *self.usual.end());
        if dice.per_mille(self.slow_per_mille) {
            dice.magnitude(usual, self.slowest.max(usual))
        } else {
            usual
        }
    }
}

/// Links that are cut.
#[derive(Clone, Debug)]
pub(super) struct Partitions {
    pub(super) spells: Spells,
    pub(super) shapes: Vec<Shape>,
    /// How many of a thousand flap while they last.
    pub(super) flapping_per_mille: u32,
    /// Messages wait until a link stands again, as on connections that live on; or else they are lost.
    pub(super) holds: bool,
}

/// Crashes; what they last is how long a node stays down.
#[derive(Clone, Debug)]
pub(super) struct Crashes {
    pub(super) spells: Spells,
    /// Of what is held, any prefix happens; or else all of it does.
    pub(super) tears: bool,
    /// How many of a thousand wait until somebody's disk is at work: it seldom is, and that is when they hurt.
    pub(super) lurks_per_mille: u32,
}

/// Clocks that are not quite right.
#[derive(Clone, Debug, Default)]
pub(super) struct Clocks {
    /// How far off a clock's rate may be, in parts of a million.
    pub(super) drift_ppm: u64,
    /// Steps; what they last is how far a clock steps.
    pub(super) steps: Option<Spells>,
}

/// All that goes wrong in one run.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    /// Messages lost, of a thousand.
    pub(super) loss_per_mille: u32,
    /// Messages that arrive twice, of a thousand.
    pub(super) duplicates_per_mille: u32,
    /// How long a message is under way.
    pub(super) delay: Latency,
    /// Whether messages on one link overtake each other.
    pub(super) reorders: bool,
    pub(super) partitions: Option<Partitions>,
    pub(super) crashes: Option<Crashes>,
    pub(super) pauses: Option<Spells>,
    /// How long a write takes on the disk of each node.
    pub(super) disks: Vec<Latency>,
    /// The most records in one write.
    pub(super) batch_max: usize,
    pub(super) clocks: Clocks,
    /// The longest time that a node leaves what its own driver has for it.
    pub(super) looking_max: u64,
    /// The time between two requests, on average.
    pub(super) request_every: u64,
    /// How they aim at who matters most, where they do.
    pub(super) aim: Option<Aim>,
}

impl Faults {
    /// The faults of one run of `nodes` nodes at this pace, without aim.
    pub(super) fn sampled(dice: &mut Dice, nodes: usize, atlas: &Atlas, pace: u64) -> Self {
        let pace = pace.clamp(1, PACE_MAX);
        let mut on = |share: u32| dice.per_mille(share);
        let network = atlas.network && nodes > 1;
        let (loses, duplicates) = (network && on(600), network && on(600));
        let (reorders, tail, parts) = (network && on(600), network && on(500), network && on(600));
        let (crashes, tears) = (atlas.down_max > 0 && on(650), on(800));
        let (pauses, slow_disks) = (atlas.paused_max > 0 && on(450), on(600));
        let (drifts, steps) = (on(600), on(500));
        let usual = 1..=dice.magnitude(pace / 1000, pace / 5).max(1);
        let delay = Latency {
            usual,
            slow_per_mille: if tail { u32::try_from(dice.between(5, 150)).unwrap_or(0) } else { 0 },
            slowest: dice.magnitude(pace / 4, pace.saturating_mul(20)),
        };
        Self {
            loss_per_mille: if loses { rate(dice, 300) } else { 0 },
            duplicates_per_mille: if duplicates { rate(dice, 500) } else { 0 },
            delay,
            reorders,
            partitions: parts.then(|| Partitions::sampled(dice, pace)),
            crashes: crashes.then(|| Crashes {
                spells: Spells::sampled(dice, pace..=pace * 40, pace / 100..=pace * 20),
                tears,
                lurks_per_mille: if tears { u32::try_from(dice.between(0, 900)).unwrap_or(0) } else { 0 },
            }),
            pauses: pauses.then(|| Spells::sampled(dice, pace..=pace * 40, pace / 100..=pace * 10)),
            disks: (0..nodes).map(|_| disk(dice, slow_disks, pace)).collect(),
            batch_max: usize::try_from(dice.magnitude(1, 64)).unwrap_or(1),
            clocks: Clocks {
                drift_ppm: if drifts { dice.magnitude(1, 100_000) } else { 0 },
                steps: steps.then(|| Spells::sampled(dice, pace..=pace * 50, pace / 1000..=pace * 10)),
            },
            request_every: dice.magnitude(pace / 8, pace * 32),
            looking_max: if dice.per_mille(300) {
                dice.magnitude(pace / LOOKING, pace * 2)
            } else {
                pace / LOOKING
            },
            aim: None,
        }
    }

    /// Nothing goes wrong any more.
    pub(super) fn none(nodes: usize, pace: u64) -> Self {
        let soon = Latency::steady(1..=(pace / 50).max(1));
        Self {
            loss_per_mille: 0,
            duplicates_per_mille: 0,
            delay: soon.clone(),
            reorders: false,
            partitions: None,
            crashes: None,
            pauses: None,
            disks: vec![soon; nodes],
            batch_max: usize::MAX,
            clocks: Clocks::default(),
            looking_max: pace / LOOKING,
            request_every: (pace / 2).max(1),
            aim: None,
        }
    }
}

impl Partitions {
    fn sampled(dice: &mut Dice, pace: u64) -> Self {
        let mut shapes: Vec<Shape> = SHAPES.into_iter().filter(|_| dice.per_mille(500)).collect();
        if shapes.is_empty() {
            shapes.extend(dice.pick(&SHAPES));
        }
        Self {
            spells: Spells::sampled(dice, pace * 2..=pace * 40, pace / 4..=pace * 20),
            shapes,
            flapping_per_mille: if dice.per_mille(400) { rate(dice, 800) } else { 0 },
            holds: dice.per_mille(400),
        }
    }
}

/// The disk of one node.
fn disk(dice: &mut Dice, slow: bool, pace: u64) -> Latency {
    let usual = 1..=dice.magnitude(pace / 10_000, pace / 20).max(1);
    let slow_per_mille = if slow { rate(dice, 200) } else { 0 };
    Latency { usual, slow_per_mille, slowest: pace.saturating_mul(10) }
}

/// A rate up to `most` of a thousand: small ones are as likely as large ones.
fn rate(dice: &mut Dice, most: u64) -> u32 {
    u32::try_from(dice.magnitude(1, most)).unwrap_or(0)
}
