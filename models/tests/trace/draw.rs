//! Drawings show each event once, and no words cover others.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::any;
use quorate_models::breaker::BreakerSpec;
use quorate_models::check::Level;
use quorate_models::draw::layout::Layout;
use quorate_models::draw::{Band, Drawing, Fate, Lane, Mark, Row, Stretch, Stub, What};
use quorate_models::raft::Swarm;
use quorate_models::spec::Spec;
use quorate_models::trace::{Fault, Header, Recorded, RecordedOf, Replays, Where, read};
use quorate_models::walk::walk_by;
use quorate_models::world::{Limits, Rules};

use crate::claim::{Bug, Claims};
use crate::{TWO_WINNERS, rules, runner};

fn two_winners() -> Drawing {
    rules(Bug::FreeVote).drawing(TWO_WINNERS).expect("it can be drawn")
}

/// The drawing of a walk.
fn drawn<S: Spec>(rules: &Rules<S>, choices: Vec<u16>) -> Drawing {
    let walk = walk_by(rules, choices, |_, _, _| {});
    let world = Where::check("walk", Level::Quick, Limits::default());
    let text =
        rules.write(&Recorded::new(Header::new("some", world), walk.trace)).expect("it can be written");
    rules.drawing(&text).expect("it happened once")
}

#[test]
fn the_sequence_in_mermaids_words() {
    assert_eq!(two_winners().mermaid(), include_str!("../traces/claim-basic-at-most-one-winner.mmd"));
}

#[test]
fn a_drawing_holds_what_happened() {
    let drawing = two_winners();
    assert_eq!(drawing.title, "claim/basic");
    assert_eq!(drawing.violated.as_deref(), Some("at most one winner"));
    // What a disk does right after the step that it writes for is one event with it.
    let recorded: RecordedOf<Claims> = read(TWO_WINNERS).expect("it can be read");
    let steps: Vec<usize> = drawing.rows.iter().map(|row| row.step).collect();
    assert_eq!(steps.len(), recorded.trace.events());
    assert!(steps.is_sorted() && steps.first() == Some(&1));
    let folded: usize = drawing.rows.iter().map(|row| row.says.matches("; then ").count()).sum();
    assert_eq!(steps.len() + folded, recorded.trace.actions.len());
    assert_eq!(drawing.lanes.len(), 3);
    let crashes =
        drawing.rows.iter().filter(|row| matches!(&row.what, What::Local { mark: Mark::Crash, .. }));
    let lost: Vec<&Row> = crashes.collect();
    assert!(matches!(&lost[..], [row] if row.says.contains("losing durable:")), "{lost:?}");
    // Whatever arrives was sent before, and not before the last row in which its sender did something.
    for (at, row) in drawing.rows.iter().enumerate() {
        if let What::Message { from, sent, .. } = &row.what {
            assert!(*sent >= 1 && *sent <= at, "{row:?}");
            let sender = match &drawing.rows[*sent - 1].what {
                What::Message { to, .. } => to,
                What::Local { lane, .. } => lane,
            };
            assert_eq!(sender, from, "{row:?}");
        }
    }
    let winners = drawing.stretches.iter().filter(|stretch| stretch.band.label == "winner");
    assert_eq!(winners.count(), 2);
}

/// Everything in a picture is well-formed, and each event is in it once.
fn assert_whole(drawing: &Drawing) {
    let svg = drawing.svg();
    let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let steps: Vec<usize> = document
        .descendants()
        .filter_map(|node| node.attribute("data-step"))
        .map(|step| step.parse().expect("a number"))
        .collect();
    assert_eq!(steps, (1..=drawing.rows.len()).collect::<Vec<_>>());
    let arrows = document.descendants().filter(|node| node.attribute("class") == Some("q-arrow")).count();
    let messages = drawing.rows.iter().filter(|row| matches!(row.what, What::Message { .. })).count();
    assert_eq!(arrows, messages);
    for row in &drawing.rows {
        let titles =
            document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "title")));
        assert!(
            titles.filter_map(|title| title.text()).any(|title| title.ends_with(&row.says)),
            "{}",
            row.says
        );
    }
}

/// No words cover others, and all are on the picture.
fn assert_legible(drawing: &Drawing) {
    let layout = Layout::of(drawing);
    let words = layout.words();
    for (at, one) in words.iter().enumerate() {
        assert!(one.within(&layout.rect), "{one:?} is not inside {:?}", layout.rect);
        for other in &words[at + 1..] {
            assert!(!one.overlaps(other), "{one:?} covers {other:?}");
        }
    }
    for row in &layout.rows {
        let Some(way) = row.arrow else { continue };
        assert!(way.from.1 < way.to.1, "time runs downwards: {way:?}");
    }
}

#[test]
fn pictures_are_whole_and_legible() {
    assert_whole(&two_winners());
    assert_legible(&two_winners());
    let tally = Cell::new([0; 4]);
    let note = |drawing: &Drawing| {
        assert_whole(drawing);
        assert_legible(drawing);
        let mut sums = tally.get();
        for row in &drawing.rows {
            match &row.what {
                What::Message { fate, .. } => sums[*fate as usize] += 1,
                What::Local { mark: Mark::Crash, .. } => sums[3] += 1,
                What::Local { .. } => {}
            }
        }
        tally.set(sums);
    };
    let strategy = (any::<u8>(), vec(any::<u16>(), 0..60));
    runner(60)
        .run(&strategy, |(switches, choices)| {
            note(&drawn(&Swarm::of(5, switches).rules(), choices.clone()));
            let claims = Claims { nodes: 4, bug: Bug::None, signed: true };
            note(&drawn(&Rules::new(claims, Limits::default()), choices.clone()));
            note(&drawn(&Rules::new(BreakerSpec::new(), Limits::default()), choices));
            Ok(())
        })
        .unwrap();
    assert!(tally.get().iter().all(|seen| *seen > 10), "hardly anything was drawn: {:?}", tally.get());
}

/// A drawing with words that mean something to XML, HTML and Mermaid, and of which some are very long.
fn hostile() -> Drawing {
    let nasty = "</text><script>alert(1)</script> & ; # %% {} \"quoted\" \u{1}\u{7f} end";
    let long = "word".repeat(80);
    let row = |step, at_ns, what| Row { step, says: nasty.to_owned(), at_ns: Some(at_ns), what };
    let band = |label: &str| Band { label: label.to_owned(), hue: 400 };
    Drawing {
        title: nasty.to_owned(),
        violated: Some(nasty.to_owned()),
        lanes: vec![
            Lane { name: nasty.to_owned(), state: vec![nasty.to_owned(), long.clone()] },
            Lane { name: "n1".to_owned(), state: Vec::new() },
        ],
        rows: vec![
            row(
                1,
                0,
                What::Local { lane: 0, mark: Mark::Request, label: vec![nasty.to_owned(), long.clone()] },
            ),
            row(2, 1_540_000, What::Message { from: 0, to: 1, sent: 1, label: long, fate: Fate::Repeats }),
            row(
                3,
                2_000_000,
                What::Message { from: 0, to: 1, sent: 1, label: nasty.to_owned(), fate: Fate::Lost },
            ),
        ],
        stretches: vec![
            Stretch { lane: 0, from: 0, upto: 1, band: band(nasty) },
            Stretch { lane: 0, from: 1, upto: 3, band: band("b") },
        ],
        stubs: vec![Stub { from: 0, to: 1, sent: 2, says: nasty.to_owned() }],
        cycle: Some(1),
    }
}

#[test]
fn words_are_words_whatever_they_hold() {
    let drawing = hostile();
    let svg = drawing.svg();
    let document = roxmltree::Document::parse(&svg).expect("it is well-formed");
    assert!(document.descendants().all(|node| node.tag_name().name() != "script"));
    assert_legible(&drawing);
    assert!(!drawing.html().contains("<script"));
    // A statement a line, none of which a semicolon ends or a per cent sign cuts off.
    for line in drawing.mermaid().lines().skip(2) {
        let entities = line.split('#').skip(1).all(|rest| {
            rest.split_once(';').is_some_and(|(number, _)| number.chars().all(|c| c.is_ascii_digit()))
        });
        assert!(
            entities && line.matches(';').count() == line.matches('#').count() && !line.contains('%'),
            "{line}"
        );
    }
}

#[test]
fn what_goes_round_for_ever_is_marked_wherever_it_begins() {
    for (cycle, word) in [(0, "again and again"), (1, "again and again"), (3, "nothing that must happen")] {
        let drawing = Drawing { cycle: Some(cycle), ..hostile() };
        assert_legible(&drawing);
        roxmltree::Document::parse(&drawing.svg()).expect("it is well-formed");
        assert!(drawing.svg().contains("q-cycle") && drawing.svg().contains(word));
        let mermaid = drawing.mermaid();
        let lines = |start: &str| mermaid.lines().filter(|line| line.trim().starts_with(start)).count();
        let loops = usize::from(cycle < drawing.rows.len());
        assert_eq!((lines("loop "), lines("end")), (loops, loops), "{mermaid}");
        assert!(mermaid.contains(word));
        let layout = Layout::of(&drawing);
        let (band, _) = layout.cycle.as_ref().unwrap();
        for (at, row) in layout.rows.iter().enumerate() {
            let inside = (band.y..=band.y + band.h).contains(&row.spot.1);
            assert_eq!(inside, at >= cycle, "row {at} of a cycle from {cycle}");
        }
    }
    assert!(!two_winners().svg().contains("<rect class=\"q-cycle\""));
}

#[test]
fn a_page_needs_nothing_else() {
    let page = two_winners().html();
    assert!(page.contains("<svg") && page.contains("prefers-color-scheme:dark"));
    let links: Vec<&str> = page.matches("http").collect();
    assert_eq!(links.len(), 1, "only the name of SVG is an address");
    assert!(!page.contains("src=") && !page.contains("href="));
    assert_eq!(page.matches("<li value=").count(), two_winners().rows.len());
}

#[test]
fn a_message_tells_how_long_it_was_on_its_way() {
    let drawing = hostile();
    assert_eq!(drawing.delay(1).as_deref(), Some("+1.5 ms"));
    assert_eq!((drawing.delay(0), drawing.delay(2), drawing.delay(9)), (None, None, None));
    let steps = Drawing {
        rows: drawing.rows.iter().cloned().map(|row| Row { at_ns: None, ..row }).collect(),
        ..drawing
    };
    assert_eq!(steps.delay(1), None, "it arrives with the step after");
    let later = Drawing { rows: [&steps.rows[..1], &steps.rows[..2]].concat(), ..steps };
    assert_eq!(later.delay(2).as_deref(), Some("+2"));
}

#[test]
fn what_nobody_could_see_is_not_drawn() {
    let rules = Rules::new(Claims { nodes: 3, bug: Bug::None, signed: true }, Limits::default());
    let header = TWO_WINNERS.lines().next().unwrap();
    let text = format!("{header}\n{}", "{\"request\":{\"node\":0,\"request\":null}}\n".repeat(500));
    assert_eq!(rules.drawing(&text).expect_err("too much").fault, Fault::TooMuchToDraw { rows: 500 });
    // An action that cannot happen is told as it is in a replay.
    let mended = crate::rules(Bug::None);
    assert_eq!(mended.drawing(TWO_WINNERS).err(), mended.replay_file(TWO_WINNERS).unwrap().refused);
}
