//! Clocks that step back, and clocks at the ends of their range.

use super::*;

#[test]
fn a_clock_that_goes_back_neither_ends_nor_stretches_the_open_time() {
    let mut s = Scenario::opened();
    s.now += 60;
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(40) }));
    s.now = 3;
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(100) }), "one wait at most");
    s.now = 102;
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(1) }));
    s.now = 103;
    assert!(s.acquire().is_ok());
}

#[test]
fn a_small_step_back_costs_no_more_than_its_size() {
    let mut s = Scenario::opened();
    s.now += 60;
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(40) }));
    s.now -= 10;
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(50) }));
}

#[test]
fn readings_out_of_order_do_not_add_up() {
    let mut s = Scenario::opened();
    for _ in 0..1000 {
        s.now += 40;
        assert!(s.acquire().is_err());
        s.now -= 40;
        assert!(s.acquire().is_err());
    }
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(100) }));
}

#[test]
fn a_clock_that_goes_back_does_not_stretch_a_lease() {
    let mut s = Scenario::due();
    let _hung = s.acquire().unwrap();
    s.now = 7;
    assert!(s.acquire().is_ok(), "the second place");
    assert_eq!(s.acquire(), Err(Rejected::Probing { retry_after: nanos(50) }));
    s.now += 50;
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(100) }));
}

#[test]
fn a_clock_that_goes_back_while_closed_changes_nothing() {
    let mut s = Scenario::new(config());
    let tokens: Vec<Token> = (0..3).map(|_| s.acquire().unwrap()).collect();
    s.now = 0;
    for token in tokens {
        assert_eq!(s.finish(token, Outcome::Failed), Ok(None));
    }
    assert_eq!((s.breaker.state(), s.breaker.failures()), (State::Closed, 3));
}

#[test]
fn the_ends_of_the_clock_are_times_like_any_other() {
    let endless = Config { lease: Duration::MAX, open_for: Delay::exactly(Duration::MAX), ..config() };
    let mut s = Scenario::new(endless);
    let lasting = s.acquire().unwrap();
    s.now = u64::MAX;
    (0..3).for_each(|_| s.call(Outcome::Failed));
    assert_eq!(s.finish(lasting, Outcome::Failed), Ok(Some(Change::Opened { wait: Duration::MAX })));
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: Duration::MAX }));
    s.now = 0;
    assert!(s.acquire().is_err());
    s.now = u64::MAX;
    assert!(s.acquire().is_err());

    let mut s = Scenario::opened();
    s.now = u64::MAX;
    assert!(s.acquire().is_ok());
}
