//! Just enough Rust to read sources by: tokens without comments and literals, so that a rule sees code only.

use std::path::Path;
use std::{fs, io};

/// A file of the repository.
pub struct Source {
    /// Relative to the root, with `/`.
    pub path: String,
    pub lines: usize,
    pub tokens: Vec<Token>,
}

/// An identifier, a lifetime (with its `'`), a number, `::`, or one character of punctuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), lines: text.lines().count(), tokens: tokens(text) }
    }

    /// The token at `at`, or nothing.
    pub fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    /// Whether the tokens from `at` on spell `words`.
    pub fn spells(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| self.text(at + offset) == *word)
    }

    /// The position of the bracket that closes the one at `open`, or the end of the file.
    pub fn closing(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.text.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return at;
            }
        }
        self.tokens.len()
    }

    /// The same file without its `#[cfg(test)]` items.
    pub fn without_tests(&self) -> Self {
        let mut tokens = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            if self.spells(at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
                at = self.end_of_item(at + 7) + 1;
            } else {
                tokens.push(self.tokens[at].clone());
                at += 1;
            }
        }
        Self { path: self.path.clone(), lines: self.lines, tokens }
    }

    /// Where the item that starts at `at` ends: at its `;`, or at the `}` of its body.
    pub fn end_of_item(&self, mut at: usize) -> usize {
        while at < self.tokens.len() {
            match self.text(at) {
                ";" => return at,
                "{" => return self.closing(at),
                "(" | "[" => at = self.closing(at) + 1,
                _ => at += 1,
            }
        }
        at
    }
}

/// All `.rs` files under `dir`, sorted by path.
pub fn read(root: &Path, dir: &str) -> io::Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut dirs = vec![root.join(dir)];
    while let Some(dir) = dirs.pop() {
        if !dir.is_dir() || dir.ends_with("target") {
            continue;
        }
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                found.push(Source::new(&relative, &fs::read_to_string(&path)?));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let next = skip_or_end(&chars, at);
        match next {
            Piece::Nothing(end) => {
                line += chars[at..end].iter().filter(|c| **c == '\n').count();
                at = end;
            }
            Piece::Token(end) => {
                tokens.push(Token { line, text: chars[at..end].iter().collect() });
                at = end;
            }
        }
    }
    tokens
}

/// What begins at a position, and where it ends.
enum Piece {
    Nothing(usize),
    Token(usize),
}

fn skip_or_end(chars: &[char], at: usize) -> Piece {
    let peek = |offset: usize| chars.get(at + offset).copied().unwrap_or('\0');
    let here = peek(0);
    if here.is_whitespace() {
        return Piece::Nothing(at + 1);
    }
    if here == '/' && peek(1) == '/' {
        return Piece::Nothing(end_of_word(chars, at, |c| c != '\n'));
    }
    if here == '/' && peek(1) == '*' {
        return Piece::Nothing(end_of_block_comment(chars, at));
    }
    if let Some(end) = end_of_string(chars, at) {
        return Piece::Nothing(end);
    }
    if here == '\'' {
        return match end_of_char(chars, at) {
            Some(end) => Piece::Nothing(end),
            None => Piece::Token(end_of_word(chars, at + 1, is_word)),
        };
    }
    if here == ':' && peek(1) == ':' {
        return Piece::Token(at + 2);
    }
    Piece::Token(if is_word(here) { end_of_word(chars, at, is_word) } else { at + 1 })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn end_of_word(chars: &[char], from: usize, belongs: impl Fn(char) -> bool) -> usize {
    from + chars[from..].iter().take_while(|c| belongs(**c)).count()
}

fn end_of_block_comment(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// Where the string literal at `from` ends, if one begins there: plain, byte, C, or raw.
fn end_of_string(chars: &[char], from: usize) -> Option<usize> {
    let prefix = chars[from..].iter().take_while(|c| matches!(c, 'b' | 'c' | 'r')).count();
    let raw = prefix > 0 && chars[from + prefix - 1] == 'r';
    let hashes = if raw { chars[from + prefix..].iter().take_while(|c| **c == '#').count() } else { 0 };
    let quote = from + prefix + hashes;
    if prefix > 2 || chars.get(quote) != Some(&'"') {
        return None;
    }
    let mut at = quote + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' if !raw => at += 1,
            '"' if chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes => {
                return Some(at + 1 + hashes);
            }
            _ => {}
        }
        at += 1;
    }
    Some(chars.len())
}

/// Where the character literal at `from` ends, if it is one and not a lifetime.
fn end_of_char(chars: &[char], from: usize) -> Option<usize> {
    if chars.get(from + 1) == Some(&'\\') {
        let rest = chars.get(from + 3..)?;
        return Some(from + 4 + rest.iter().position(|c| *c == '\'')?);
    }
    (chars.get(from + 2) == Some(&'\'')).then_some(from + 3)
}

#[test]
fn comments_and_literals_are_no_code_and_lines_are_counted() {
    let text = r####"
// unsafe
/* unsafe /* nested */ unsafe */ let a = "unsafe \" unsafe";
let b = r#"unsafe " unsafe"#; let c = b"unsafe"; let d = br"unsafe\";
let e = '"'; let f = '\''; let g = b'\\'; fn x<'a>(y: &'static str) { z::w }
"####;
    let source = Source::new("a.rs", text);
    assert!(source.tokens.iter().all(|token| token.text != "unsafe"), "{:?}", source.tokens);
    let last: Vec<_> = source.tokens.iter().filter(|token| token.line == 5).collect();
    let words: Vec<_> = last.iter().map(|token| token.text.as_str()).collect();
    let expected = "let e = ; let f = ; let g = b ; fn x < 'a > ( y : & 'static str ) { z :: w }";
    assert_eq!(words.join(" "), expected);
}

#[test]
fn the_tests_of_a_file_can_be_left_out() {
    let source =
        Source::new("a.rs", "fn a() {} #[cfg(test)] #[path = \"x\"] mod tests { fn b() { c[1] } } fn d() {}");
    let words: Vec<_> = source.without_tests().tokens.into_iter().map(|token| token.text).collect();
    assert_eq!(words.join(" "), "fn a ( ) { } fn d ( ) { }");
}
