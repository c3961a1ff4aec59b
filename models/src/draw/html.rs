//! The picture in a page of its own, with what each step says.

use std::fmt::Write as _;

use super::Drawing;
use super::svg::escaped;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{margin:2rem auto;padding:0 1rem;max-width:max-content;font:16px/1.5 system-ui,sans-serif;color:#1f2328;background:#ffffff}\
.bad{color:#b3261e}\
figure{margin:1.5rem 0;overflow-x:auto}\
ol{font:13px/1.6 ui-monospace,'DejaVu Sans Mono',monospace}\
dl{display:grid;grid-template-columns:max-content auto;gap:.2rem 1rem;font-size:14px}\
dt{font-weight:600}dd{margin:0}\
@media (prefers-color-scheme:dark){body{color:#e6e8eb;background:#15181d}.bad{color:#ff8f85}}";

/// What the marks mean.
const LEGEND: [(&str, &str); 6] = [
    ("A band along the left", "what happens again and again for ever, and fairly"),
    (
        "Arrows",
        "from where a message was sent to where it arrived; (+4) is how many events later, or how much time",
    ),
    ("Two heads", "the message arrived, and a copy is still in flight"),
    (
        "A cross",
        "on an arrow: the message was lost; on a lane: the node crashed and came back with what its disk held",
    ),
    ("A dotted stub", "a message that never arrives, or comes too late to change anything"),
    (
        "Marks on lanes",
        "a clock is a timer, a box is a disk write that became durable, an angle is a request, a loop is what the node's own driver hands it",
    ),
];

impl Drawing {
    /// The drawing as a page that needs nothing else.
    #[must_use]
    pub fn html(&self) -> String {
        let mut page = String::new();
        let title = escaped(&self.title);
        // Writing to a string does not fail.
        let _ = write!(
            page,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
             </head>\n<body>\n<h1>{title}</h1>\n",
            escaped(&self.summary())
        );
        let _ = match &self.violated {
            Some(property) => writeln!(
                page,
                "<p><strong class=\"bad\">{}</strong> {}.</p>",
                escaped(&super::layout::violation(property)),
                match self.cycle {
                    Some(_) => "going round for ever".to_owned(),
                    None => format!("after {} events", self.rows.len()),
                }
            ),
            None => writeln!(page, "<p>{} events, and no property falls.</p>", self.rows.len()),
        };
        let _ = write!(page, "<figure>\n{}</figure>\n<h2>Events</h2>\n<ol>\n", self.svg());
        for row in &self.rows {
            let _ = writeln!(page, "<li value=\"{}\">{}</li>", row.step, escaped(&row.says));
        }
        page.push_str("</ol>\n<h2>How to read it</h2>\n<dl>\n");
        for (mark, meaning) in LEGEND {
            let _ = writeln!(page, "<dt>{mark}</dt><dd>{}</dd>", escaped(meaning));
        }
        page.push_str("</dl>\n</body>\n</html>\n");
        page
    }
}
