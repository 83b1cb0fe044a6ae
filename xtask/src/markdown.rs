//! The listings of a document.

/// A listing: a block between two fences.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Of its first fence, from 1.
    pub(crate) line: usize,
    /// The first word behind that fence.
    pub(crate) language: String,
    pub(crate) text: String,
}

/// The listings of a document, and what is wrong with how they stand there, with its line.
pub(crate) fn listings(document: &str) -> (Vec<Listing>, Vec<(usize, &'static str)>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let mut open: Option<Listing> = None;
    let mut before = Before::default();
    for (line, text) in (1..).zip(document.lines()) {
        match (&mut open, text.trim_start().strip_prefix("```")) {
            (None, Some(info)) => {
                let language = info.split([',', ' ']).next().unwrap_or_default();
                if language.is_empty() {
                    problems.push((line, "a listing says in which language it is"));
                }
                open = Some(Listing {
                    line,
                    language: language.to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(listing), None) => {
                listing.text += text;
                listing.text += "\n";
            }
            (None, None) => {
                if before.makes_a_listing_of(text) {
                    problems.push((line, "a listing stands between fences, not indented"));
                }
                before.add(text);
            }
        }
    }
    if let Some(listing) = open {
        problems.push((listing.line, "this fence is never closed"));
    }
    (found, problems)
}

/// What went before a line, as far as it decides whether four spaces make a listing of it.
#[derive(Default)]
struct Before {
    is_blank: bool,
    in_list: bool,
}

impl Before {
    fn makes_a_listing_of(&self, text: &str) -> bool {
        let code = if self.in_list { "      " } else { "    " };
        self.is_blank && text.starts_with(code) && !text.trim().is_empty()
    }

    fn add(&mut self, text: &str) {
        self.is_blank = text.trim().is_empty();
        if !self.is_blank && !text.starts_with(' ') {
            let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
            let is_numbered = number.len() < text.len() && number.starts_with(". ");
            self.in_list = is_numbered || text.starts_with("- ") || text.starts_with("* ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::listings;

    #[test]
    fn listings_are_found_with_their_language_and_line() {
        let (found, problems) = listings("a\n\n```rust,no_run\nlet a;\n\n    b\n```\n```sh\n```\n");
        let seen: Vec<_> = found
            .iter()
            .map(|found| (found.line, found.language.as_str(), found.text.as_str()))
            .collect();
        assert_eq!(seen, [(3, "rust", "let a;\n\n    b\n"), (8, "sh", "")]);
        assert!(problems.is_empty());
    }

    #[test]
    fn a_listing_that_nobody_could_run_is_a_problem() {
        for (document, line) in [
            ("a\n\n    let a;\n", 3),
            ("- a\n\n      let a;\n", 3),
            ("```\nlet a;\n```\n", 1),
            ("a\n```sh\n", 2),
        ] {
            let (_, problems) = listings(document);
            let lines: Vec<usize> = problems.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [line], "{document}");
        }
        for document in ["- a\n\n    b\n", "12. a\n\n    b\n", "a\n    b\n"] {
            assert_eq!(listings(document).1, [], "{document}");
        }
    }
}
