//! `list`: what there is to check, how far, and which bugs it is tried on.

use crate::check::{Check, Protocol};

use super::mutants::{self, Mutant};
use super::table::{Column, Row, bounds, counted, table};
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
    let row = |check: &dyn Check| Row {
        cells: vec![check.name().to_owned(), check.varies().to_owned()],
        notes: vec![format!("{} bounds: {}", args.bounds.name(), bounds(&check.bounds(args.bounds.into())))],
    };
    let rows: Vec<Row> = protocol.checks.iter().map(|check| row(&**check)).collect();
    table(width, &[Column::Text("world"), Column::Text("what varies")], &rows)
}

/// The mutants of a protocol.
fn mutants_of(mutants: &[&Mutant], width: u16) -> String {
    let row = |mutant: &&Mutant| Row {
        cells: vec![mutant.spec.name.clone(), mutant.spec.claim()],
        notes: vec![format!("{} ({})", mutant.spec.why, mutant.spec.source)],
    };
    let rows: Vec<Row> = mutants.iter().map(row).collect();
    let total = counted(mutants.len(), "mutant");
    if rows.is_empty() {
        return total;
    }
    format!("{}\n{total}", table(width, &[Column::Text("mutant"), Column::Text("must fall")], &rows))
}
