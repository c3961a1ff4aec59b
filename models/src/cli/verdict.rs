//! What a report says: of a whole check, and of one property in it.

use crate::check::{Kind, PropertyReport, Report};

use super::table::counted;
use super::{HOLDS, UNDECIDED, VIOLATED};

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every property held in every state within the bounds.
    Holds,
    /// This property fell.
    Violated(&'static str),
    /// This `sometimes` was not seen although every state was expanded.
    NeverReached(&'static str),
    /// Nothing fell, but states were left unexpanded.
    Incomplete,
    /// There was no property to hold.
    Vacuous,
    /// This property fell, after so many steps, in a counterexample: it must.
    Falls(&'static str, usize),
    /// This property did not fall, in a counterexample: it must.
    Stands(&'static str),
}

impl Verdict {
    /// What `report` came to.
    pub(super) fn of(report: &Report) -> Self {
        if let Some(violation) = &report.violation {
            return match report.must_fall {
                Some(wanted) if wanted == violation.property => Self::Falls(wanted, violation.steps.len()),
                _ => Self::Violated(violation.property),
            };
        }
        let mut fallen = report.properties.iter().filter(|property| !property.holds);
        if let Some(property) = fallen.clone().find(|property| property.kind != Kind::Sometimes) {
            return Self::Violated(property.name);
        }
        match fallen.next() {
            _ if report.must_fall.is_some() && report.complete => {
                Self::Stands(report.must_fall.unwrap_or_default())
            }
            _ if report.properties.is_empty() => Self::Vacuous,
            _ if !report.complete => Self::Incomplete,
            Some(property) => Self::NeverReached(property.name),
            None => Self::Holds,
        }
    }

    /// The exit status if this were the only check.
    pub(super) const fn exit(self) -> u8 {
        match self {
            Self::Holds | Self::Falls(..) => HOLDS,
            Self::Violated(_) | Self::NeverReached(_) | Self::Vacuous | Self::Stands(_) => VIOLATED,
            Self::Incomplete => UNDECIDED,
        }
    }

    /// One word, for machines.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Violated(_) => "violated",
            Self::NeverReached(_) => "never_reached",
            Self::Incomplete => "incomplete",
            Self::Vacuous => "vacuous",
            Self::Falls(..) => "falls_as_it_must",
            Self::Stands(_) => "stands",
        }
    }

    /// The property that fell and must not, or did not and must.
    pub(super) const fn fell(self) -> Option<&'static str> {
        match self {
            Self::Violated(property) | Self::NeverReached(property) | Self::Stands(property) => {
                Some(property)
            }
            Self::Holds | Self::Incomplete | Self::Vacuous | Self::Falls(..) => None,
        }
    }

    /// A few words, for people.
    pub(super) fn text(self) -> String {
        match self {
            Self::Holds => "holds".to_owned(),
            Self::Violated(property) => format!("VIOLATED: {property}"),
            Self::NeverReached(property) => format!("NEVER REACHED: {property}"),
            Self::Incomplete => "holds so far".to_owned(),
            Self::Vacuous => "VACUOUS: it has no properties".to_owned(),
            Self::Falls(property, steps) => {
                format!("falls, as it must: {property}, in {}", counted(steps, "step"))
            }
            Self::Stands(property) => format!("STANDS, though it must fall: {property}"),
        }
    }
}

/// The exit status of several checks: a violation outweighs what is undecided.
pub(super) fn exit(verdicts: impl Iterator<Item = Verdict>) -> u8 {
    verdicts.fold(HOLDS, |so_far, verdict| match (so_far, verdict.exit()) {
        (VIOLATED, _) | (_, VIOLATED) => VIOLATED,
        (UNDECIDED, _) | (_, UNDECIDED) => UNDECIDED,
        _ => HOLDS,
    })
}

/// How one property stands after one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It fell.
    Violated,
    /// It should have been seen and was not, in all the states there are.
    NeverReached,
    /// It was not seen, in some of the states there are.
    NotSeenYet,
    /// It held, in some of the states there are.
    HeldSoFar,
    /// It held.
    Holds,
    /// It fell, as it must.
    Falls,
}

impl Standing {
    /// How `property` stands after `report`.
    pub(super) fn of(property: &PropertyReport, report: &Report) -> Self {
        let fell = report.violation.as_ref().is_some_and(|violation| violation.property == property.name);
        if fell && report.must_fall == Some(property.name) {
            return Self::Falls;
        }
        match (property.holds && !fell, property.kind) {
            (true, Kind::Sometimes) => Self::Holds,
            (true, Kind::Always | Kind::Eventually) if report.complete => Self::Holds,
            (true, Kind::Always | Kind::Eventually) => Self::HeldSoFar,
            (false, Kind::Always | Kind::Eventually) => Self::Violated,
            (false, Kind::Sometimes) if fell => Self::NeverReached,
            (false, Kind::Sometimes) if report.complete => Self::NeverReached,
            (false, Kind::Sometimes) => Self::NotSeenYet,
        }
    }

    /// A few words, for people.
    pub(super) const fn text(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Falls, _) => "falls, as it must",
            (Self::Violated, _) => "VIOLATED",
            (Self::NeverReached, _) => "NEVER REACHED",
            (Self::NotSeenYet, _) => "not reached yet",
            (Self::HeldSoFar, _) => "holds so far",
            (Self::Holds, Kind::Sometimes) => "reached",
            (Self::Holds, Kind::Always | Kind::Eventually) => "holds",
        }
    }
}
