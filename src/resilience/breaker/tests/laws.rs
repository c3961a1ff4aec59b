//! The breaker's specification by property, over random configurations and histories.

use alloc::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// One thing that befalls a breaker.
#[derive(Clone, Debug)]
enum Op {
    Acquire,
    /// Ends one of the tokens ever given out, outstanding or not.
    Finish {
        which: prop::sample::Index,
        outcome: Outcome,
    },
    /// Moves the clock, back if negative.
    Clock(i64),
}

fn ratios() -> impl Strategy<Value = Ratio> {
    (1u32..6).prop_flat_map(|denominator| {
        (1..=denominator).prop_map(move |numerator| Ratio::new(numerator, denominator).unwrap())
    })
}

fn configs() -> impl Strategy<Value = Config> {
    let window = (1u32..12).prop_flat_map(|window| (Just(window), 1..=window));
    let in_flight = (1u32..6).prop_flat_map(|in_flight| (Just(in_flight), 1..=in_flight));
    let times = (1u64..20, 0u64..3, 1u64..30);
    (window, in_flight, times, 1u32..6, ratios(), ratios()).prop_map(
        |(
            (window, min_calls),
            (max_in_flight, probes_in_flight),
            times,
            probes,
            threshold,
            probe_threshold,
        )| {
            let (open_for, jitter, lease) = times;
            Config {
                window,
                min_calls,
                threshold,
                open_for: Delay::between(nanos(open_for), nanos(open_for + jitter)),
                probes,
                probes_in_flight,
                probe_threshold,
                lease: nanos(lease),
                max_in_flight,
            }
        },
    )
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Succeeded),
        3 => Just(Outcome::Failed),
        1 => Just(Outcome::Ignored),
        1 => Just(Outcome::Cancelled),
    ];
    let op = prop_oneof![
        4 => Just(Op::Acquire),
        4 => (any::<prop::sample::Index>(), outcome).prop_map(|(which, outcome)| Op::Finish { which, outcome }),
        3 => (0i64..12).prop_map(Op::Clock),
        1 => (-40i64..40).prop_map(Op::Clock),
    ];
    proptest::collection::vec(op, 0..200)
}

/// The breaker in the plainest words: what counts is kept in lists and added up each time.
struct Reference {
    config: Config,
    generation: u64,
    state: State,
    counted: VecDeque<bool>,
    outstanding: Vec<Token>,
}

impl Reference {
    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.counted.clear();
        self.outstanding.clear();
    }

    fn reached(ratio: Ratio, part: usize, whole: usize) -> bool {
        let (numerator, denominator) = <(u32, u32)>::from(ratio);
        part * denominator as usize >= numerator as usize * whole
    }

    fn count(&mut self, failed: bool) -> State {
        self.counted.push_back(failed);
        let config = self.config;
        if self.state == State::Closed && self.counted.len() > config.window as usize {
            self.counted.pop_front();
        }
        let failures = self.counted.iter().filter(|failed| **failed).count();
        let calls = self.counted.len();
        let verdict = match self.state {
            State::Closed if calls < config.min_calls as usize => State::Closed,
            State::Closed if Self::reached(config.threshold, failures, calls) => State::Open,
            State::HalfOpen if Self::reached(config.probe_threshold, failures, config.probes as usize) => {
                State::Open
            }
            State::HalfOpen if calls == config.probes as usize => State::Closed,
            state => state,
        };
        if verdict != self.state {
            self.enter(verdict);
        }
        verdict
    }

    fn heard(&mut self, event: &Event) {
        match event {
            Event::HalfOpened => {
                assert_eq!(self.state, State::Open);
                self.enter(State::HalfOpen);
            }
            Event::Lapsed { token, change } => {
                let at = self.outstanding.iter().position(|held| held == token).expect("outstanding");
                let _lapsed = self.outstanding.remove(at);
                let before = self.state;
                assert_eq!(self.count(true) != before, change.is_some());
            }
        }
    }

    fn may_admit(&self) -> bool {
        let (in_flight, config) = (self.outstanding.len(), &self.config);
        in_flight < config.max_in_flight as usize
            && match self.state {
                State::Closed => true,
                State::Open => false,
                State::HalfOpen => {
                    in_flight < config.probes_in_flight as usize
                        && in_flight + self.counted.len() < config.probes as usize
                }
            }
    }

    fn agrees(&self, breaker: &Breaker) -> Result<(), TestCaseError> {
        prop_assert_eq!(breaker.check(), Ok(()));
        prop_assert_eq!(breaker.state(), self.state);
        prop_assert_eq!(breaker.generation(), Generation(self.generation));
        prop_assert_eq!(breaker.calls() as usize, self.counted.len());
        prop_assert_eq!(breaker.failures() as usize, self.counted.iter().filter(|failed| **failed).count());
        prop_assert!(breaker.outstanding().eq(self.outstanding.iter().cloned()));
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_breaker_does_what_the_plain_words_say(config in configs(), ops in ops(), draw in any::<u32>()) {
        let mut breaker = Breaker::new(config).unwrap();
        let mut reference = Reference {
            config,
            generation: 0,
            state: State::Closed,
            counted: VecDeque::new(),
            outstanding: Vec::new(),
        };
        let choose = |upto: u32| draw % upto;
        let (mut now, mut given): (Time, Vec<Token>) = (Time(1000), Vec::new());
        for op in ops {
            if let Op::Clock(by) = op {
                now = Time(now.0.saturating_add_signed(by));
                continue;
            }
            while let Some(event) = breaker.poll(now, choose) {
                reference.heard(&event);
                reference.agrees(&breaker)?;
            }
            match op {
                Op::Clock(_) => {}
                Op::Acquire => {
                    let admission = breaker.acquire(now, choose);
                    prop_assert_eq!(admission.is_ok(), reference.may_admit());
                    if let Ok(token) = admission {
                        reference.outstanding.push(token.clone());
                        given.push(token);
                    }
                }
                Op::Finish { .. } if given.is_empty() => {}
                Op::Finish { which, outcome } => {
                    let token = which.get(&given);
                    let (before, answer) = (breaker.clone(), breaker.finish(token.clone(), outcome, now, choose));
                    let held = reference.outstanding.iter().position(|held| held == token);
                    let Some(at) = held else {
                        let late = token.generation() != before.generation();
                        prop_assert_eq!(answer, Err(if late { Unmatched::Late } else { Unmatched::Ended }));
                        prop_assert_eq!(&breaker, &before);
                        continue;
                    };
                    let _ended = reference.outstanding.remove(at);
                    let before = reference.state;
                    let after = match outcome {
                        Outcome::Succeeded => reference.count(false),
                        Outcome::Failed => reference.count(true),
                        Outcome::Ignored | Outcome::Cancelled => before,
                    };
                    prop_assert_eq!(answer.map(|change| change.is_some()), Ok(before != after));
                }
            }
            reference.agrees(&breaker)?;
        }
    }

    #[test]
    fn a_reading_of_the_clock_below_the_last_one_brings_nothing_about(
        config in configs(), ops in ops(), back in 0u64..2000,
    ) {
        let mut breaker = Breaker::new(config).unwrap();
        let mut tokens = Vec::new();
        let mut now = Time(1000);
        for op in ops {
            match op {
                Op::Acquire => tokens.extend(breaker.acquire(now, |_| 0)),
                Op::Finish { outcome, .. } => {
                    if let Some(token) = tokens.pop() {
                        let _late_or_not = breaker.finish(token, outcome, now, |_| 0);
                    }
                }
                Op::Clock(by) => now = Time(now.0.saturating_add_signed(by.abs())),
            }
        }
        while breaker.poll(now, |_| 0).is_some() {}
        let (before, earlier) = (breaker.state(), Time(now.0.saturating_sub(back)));
        prop_assert_eq!(breaker.poll(earlier, |_| 0), None);
        prop_assert_eq!(breaker.check(), Ok(()));
        prop_assert_eq!(breaker.state(), before);

        // However far back: one lease, one wait, and a call is admitted.
        let wait = longest(config.open_for);
        let later = earlier.after(config.lease).after(wait);
        prop_assert!(breaker.acquire(later, |_| 0).is_ok());
    }

    #[test]
    fn the_canonical_breaker_behaves_as_the_one_it_stands_for(config in configs(), ops in ops()) {
        let mut breaker = Breaker::new(config).unwrap();
        let (mut now, mut given): (Time, Vec<Token>) = (Time(1_000_000), Vec::new());
        for op in ops {
            // Both take the same step, from the same place on their clocks.
            while breaker.poll(now, |_| 1).is_some() {}
            let mut canonical = breaker.canonical(now);
            prop_assert_eq!(canonical.check(), Ok(()));
            prop_assert_eq!(&canonical.canonical(Breaker::CANONICAL_NOW), &canonical);
            let renamed: Vec<Token> = given.iter().map(|token| breaker.canonical_token(token)).collect();
            let by = if let Op::Clock(by) = op { by } else { 1 };
            now = Time(now.0.saturating_add_signed(by));
            let there = Time(Breaker::CANONICAL_NOW.0.saturating_add_signed(by));
            match op {
                Op::Finish { which, outcome } if !given.is_empty() => {
                    let at = which.index(given.len());
                    prop_assert_eq!(
                        breaker.finish(given[at].clone(), outcome, now, |_| 1),
                        canonical.finish(renamed[at].clone(), outcome, there, |_| 1)
                    );
                }
                _ => {
                    let (one, other) = (breaker.acquire(now, |_| 1), canonical.acquire(there, |_| 1));
                    prop_assert_eq!(one.as_ref().err(), other.as_ref().err());
                    given.extend(one);
                }
            }
            prop_assert_eq!(breaker.canonical(now), canonical.canonical(there));
            for (token, renamed) in given.iter().zip(&renamed) {
                prop_assert_eq!(breaker.canonical_token(token), canonical.canonical_token(renamed));
            }
        }
    }

    #[test]
    fn tokens_renamed_along_with_the_breaker_stay_apart_and_behave_alike(config in configs(), ops in ops()) {
        let (mut breaker, mut there) = (Breaker::new(config).unwrap(), Breaker::new(config).unwrap());
        let (mut now, mut given, mut renamed): (Time, Vec<Token>, Vec<Token>) = (Time(1_000_000), vec![], vec![]);
        let mut last = now;
        there = there.canonical_among(now, &mut renamed);
        for op in ops {
            if let Op::Clock(by) = op {
                now = Time(now.0.saturating_add_signed(by));
            }
            let offset = now.0.cast_signed() - last.0.cast_signed();
            let now_there = Time(Breaker::CANONICAL_NOW.0.saturating_add_signed(offset));
            match op {
                Op::Finish { which, outcome } if !given.is_empty() => {
                    let at = which.index(given.len());
                    prop_assert_eq!(
                        breaker.finish(given[at].clone(), outcome, now, |_| 1),
                        there.finish(renamed[at].clone(), outcome, now_there, |_| 1)
                    );
                }
                _ => {
                    let (one, other) = (breaker.acquire(now, |_| 1), there.acquire(now_there, |_| 1));
                    prop_assert_eq!(one.as_ref().err(), other.as_ref().err());
                    given.extend(one);
                    renamed.extend(other);
                }
            }
            last = now;
            prop_assert_eq!(there.check(), Ok(()));
            there = there.canonical_among(now_there, &mut renamed);
            let mut anew = given.clone();
            let at_once = breaker.canonical_among(now, &mut anew);
            prop_assert_eq!(&at_once, &there);
            for ((one, other), token) in anew.iter().zip(&renamed).zip(&given) {
                let present = token.generation() == breaker.generation();
                prop_assert_eq!(one.generation(), other.generation());
                prop_assert!(!present || one == other);
            }
        }
    }

    #[test]
    fn beyond_a_lease_and_a_wait_the_distance_to_the_next_call_makes_no_difference(
        config in configs(), ops in ops(), draw in any::<u32>(), further in 1u64..1000,
    ) {
        let mut breaker = Breaker::new(config).unwrap();
        let (mut now, mut given): (Time, Vec<Token>) = (Time(1_000_000), Vec::new());
        let choose = |upto: u32| draw % upto;
        for op in ops {
            match op {
                Op::Clock(by) => now = Time(now.0.saturating_add_signed(by)),
                Op::Finish { which, outcome } if !given.is_empty() => {
                    let _late_or_not = breaker.finish(which.get(&given).clone(), outcome, now, choose);
                }
                Op::Acquire | Op::Finish { .. } => given.extend(breaker.acquire(now, choose)),
            }
        }
        // The last call is made now.
        given.extend(breaker.acquire(now, choose));
        let (lease, wait) = (config.lease, longest(config.open_for));
        let ahead = now.after(lease).after(wait);
        let behind = Time(now.0 - u64::try_from(lease.max(wait).as_nanos()).unwrap());
        for (near, far) in [(ahead, Time(ahead.0 + further)), (behind, Time(behind.0 - further))] {
            let (mut one, mut other) = (breaker.clone(), breaker.clone());
            prop_assert_eq!(one.acquire(near, choose), other.acquire(far, choose));
            prop_assert_eq!(one.canonical(near), other.canonical(far));
            for token in &given {
                let (mut one, mut other) = (breaker.clone(), breaker.clone());
                let end = |breaker: &mut Breaker, at| breaker.finish(token.clone(), Outcome::Failed, at, choose);
                prop_assert_eq!(end(&mut one, near), end(&mut other, far));
                prop_assert_eq!(one.canonical(near), other.canonical(far));
            }
        }
    }
}
