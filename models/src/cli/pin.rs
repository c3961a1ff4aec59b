//! A trace as a Rust test, to be pasted where regression tests are.

use crate::trace::{Header, Replayed};

use super::Registry;
use super::keep::slug;

/// The test that replays `text`, found at `place`, which came to `replayed`.
///
/// It asserts how many actions happen, so that it tells when what led to the fall no longer comes about at all.
pub(super) fn test(
    registry: &Registry,
    header: &Header,
    place: &str,
    text: &str,
    replayed: &Replayed,
) -> String {
    let Header { protocol, world, property, .. } = header;
    let property = property.as_deref().unwrap_or("nothing falls");
    let name = slug(&format!("{protocol} {} {property}", world.name())).replace('-', "_");
    // A name must not begin with a digit.
    let name =
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("trace_{name}") };
    let path = registry.test_path.replace("{}", &protocol.replace('-', "_"));
    let hashes = hashes(text);
    let happen = replayed.steps.len();
    let until = match replayed.falls.first() {
        Some(_) => format!(
            "    // It still falls. Once it is mended, perhaps fewer than these {happen} happen: then that many belong here.\n"
        ),
        None => String::new(),
    };
    format!(
        "/// Once, in {place}, this fell: {}.\n#[test]\nfn {name}() {{\n    let trace = r{hashes}\"{text}\"{hashes};\n    \
         let outcome = quorate_models::trace::regress(&{path}, trace);\n    \
         assert!(outcome.is_ok(), \"{{}}\", outcome.unwrap_err());\n{until}    \
         assert_eq!(outcome, Ok({happen}), \"so many actions happened\");\n}}\n",
        property.replace(['\n', '\r'], " "),
    )
}

/// As many hashes as a raw string needs around `text`.
fn hashes(text: &str) -> String {
    let runs = text.split('"').skip(1).map(|after| after.chars().take_while(|c| *c == '#').count());
    "#".repeat(runs.max().map_or(1, |most| most + 1))
}

#[cfg(test)]
mod tests {
    use super::hashes;

    #[test]
    fn a_raw_string_ends_where_it_should() {
        assert_eq!(hashes("{}"), "#");
        assert_eq!(hashes(r##"{"a":"#"}"##), "##");
        assert_eq!(hashes(r###"{"a":"b"##"}"###), "###");
    }
}
