//! `list`: what there is to check, how far, and which bugs it is tried on.

use crate::check::{Check, Protocol};

use super::mutants::{self, Mutant};
use super::table::{Column, bounds, counted, table};
use super::{HOLDS, ListArgs, Registry, Screen, select};

/// Runs `list`.
pub(super) fn list(registry: &Registry, args: &ListArgs, screen: &mut Screen<'_>) -> Result<u8, String> {
    let protocols = select::protocols(registry, &[])?;
    let planted = mutants::all(registry);
    for protocol in protocols {
        screen.say(format_args!("{}: {}\n", protocol.name, protocol.source));
        screen.say(worlds(protocol, args, screen.width));
        screen.say("");
        if let Ok(planted) = &planted {
            let ours: Vec<&Mutant> =
                planted.iter().filter(|mutant| mutant.protocol == protocol.name).collect();
            screen.say(mutants_of(&ours, screen.width));
            screen.say("");
        }
    }
    if let Err(why) = planted {
        screen.say(format_args!("mutants are not shown: {why}"));
    }
    Ok(HOLDS)
}

/// The worlds of a protocol.
fn worlds(protocol: &Protocol, args: &ListArgs, width: u16) -> String {
    let title = match args.bounds {
        super::Bounds::Quick => "quick bounds",
        super::Bounds::Standard => "standard bounds",
        super::Bounds::Deep => "deep bounds",
    };
    let columns = [Column::Word("world"), Column::Text("what varies"), Column::Text(title)];
    let row = |check: &dyn Check| {
        vec![check.name().to_owned(), check.varies().to_owned(), bounds(&check.bounds(args.bounds.into()))]
    };
    table(width, &columns, protocol.checks.iter().map(|check| row(&**check)).collect())
}

/// The mutants of a protocol.
fn mutants_of(mutants: &[&Mutant], width: u16) -> String {
    if mutants.is_empty() {
        return "no mutants".to_owned();
    }
    let columns = [
        Column::Word(if mutants.len() == 1 { "mutant" } else { "mutants" }),
        Column::Note("must fall"),
        Column::Text("source"),
        Column::Text("why"),
    ];
    let row = |mutant: &&Mutant| {
        let spec = &mutant.spec;
        vec![spec.name.clone(), spec.claim(), spec.source.clone(), spec.why.clone()]
    };
    let rows = mutants.iter().map(row).collect();
    format!("{}\n{}", table(width, &columns, rows), counted(mutants.len(), "mutant"))
}
