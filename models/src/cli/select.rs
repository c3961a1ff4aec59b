//! From names on the command line to protocols and worlds.

use crate::check::{Check, Protocol};

use super::Registry;

/// The protocols named, in the registry's order; all if none is named.
pub(super) fn protocols<'a>(registry: &'a Registry, names: &[String]) -> Result<Vec<&'a Protocol>, String> {
    let known: Vec<&str> = registry.protocols.iter().map(|protocol| protocol.name).collect();
    if known.is_empty() {
        return Err("no protocol is registered: there is nothing to check".to_owned());
    }
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let hint = format!("`{} list` shows them", registry.command);
        return Err(format!("there is no protocol `{unknown}`; there are: {} ({hint})", known.join(", ")));
    }
    let wanted = |protocol: &&Protocol| names.is_empty() || names.iter().any(|name| name == protocol.name);
    Ok(registry.protocols.iter().filter(wanted).collect())
}

/// The checks of `protocols`; of the named worlds only, in their order, if any is named.
pub(super) fn checks<'a>(
    protocols: &[&'a Protocol],
    worlds: &[String],
) -> Result<Vec<&'a dyn Check>, String> {
    let all = protocols.iter().flat_map(|protocol| &protocol.checks).map(|check| &**check);
    if worlds.is_empty() {
        let all: Vec<_> = all.collect();
        return if all.is_empty() {
            Err("no world is registered: nothing to check".to_owned())
        } else {
            Ok(all)
        };
    }
    let known: Vec<&str> = all.clone().map(Check::name).collect();
    if let Some(unknown) = worlds.iter().find(|name| !known.contains(&name.as_str())) {
        let of = protocols.iter().map(|protocol| protocol.name).collect::<Vec<_>>().join(", ");
        return Err(format!("there is no world `{unknown}` in {of}; there are: {}", known.join(", ")));
    }
    // A world's name is unique within its protocol only.
    let named = |name: &String| all.clone().filter(|check| check.name() == name).collect::<Vec<_>>();
    Ok(worlds.iter().flat_map(named).collect())
}
