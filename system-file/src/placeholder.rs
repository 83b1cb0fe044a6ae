//! `$1`, `$2`, ... in a system file stand for the arguments after `--`.

use alloc::collections::BTreeSet;
use alloc::string::String;

/// The arguments after `--`, and which of them have been used.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    values: &'a [String],
    used: BTreeSet<usize>,
}

/// Why a text with `$` can not be completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incomplete {
    /// A `$` without a number from 1 up behind it.
    NoNumber,
    /// The command line has no argument of this number.
    Missing(usize),
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(values: &'a [String]) -> Self {
        Self {
            values,
            used: BTreeSet::new(),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.values.len()
    }

    /// Whether `template` begins with what the person at the command line wrote.
    pub(crate) fn leads(template: &str) -> bool {
        template.starts_with('$') && !template.starts_with("$$")
    }

    /// `template` with each `$N` replaced, and each `$$` made a plain `$`.
    pub(crate) fn complete(&mut self, template: &str) -> Result<String, Incomplete> {
        let mut whole = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            whole.push_str(before);
            rest = match after.strip_prefix('$') {
                Some(after) => {
                    whole.push('$');
                    after
                }
                None => self.push_argument(&mut whole, after)?,
            };
        }
        whole.push_str(rest);
        Ok(whole)
    }

    /// Appends the argument whose number `text` begins with; answers the rest of `text`.
    fn push_argument<'t>(
        &mut self,
        whole: &mut String,
        text: &'t str,
    ) -> Result<&'t str, Incomplete> {
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, rest) = text.split_at(digits);
        let number: usize = number.parse().map_err(|_| Incomplete::NoNumber)?;
        let index = number.checked_sub(1).ok_or(Incomplete::NoNumber)?;
        let value = self.values.get(index).ok_or(Incomplete::Missing(number))?;
        self.used.insert(index);
        whole.push_str(value);
        Ok(rest)
    }

    /// The first argument that nothing asked for: its number, from 1, and its text.
    pub(crate) fn first_unused(&self) -> Option<(usize, &'a str)> {
        let index = (0..self.values.len()).find(|index| !self.used.contains(index))?;
        Some((index.checked_add(1)?, self.values.get(index)?))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned as _;
    use std::string::String;

    use super::{Arguments, Incomplete};

    fn complete(template: &str) -> Result<String, Incomplete> {
        let values = ["in.jpg".to_owned(), "out dir".to_owned()];
        Arguments::new(&values).complete(template)
    }

    #[test]
    fn arguments_stand_where_their_numbers_stood() {
        assert_eq!(complete("$1").unwrap(), "in.jpg");
        assert_eq!(complete("a/$2/$1.png").unwrap(), "a/out dir/in.jpg.png");
        assert_eq!(complete("costs $$5").unwrap(), "costs $5");
        assert_eq!(complete("plain").unwrap(), "plain");
    }

    #[test]
    fn a_dollar_that_stands_for_nothing_is_refused() {
        assert_eq!(complete("$3"), Err(Incomplete::Missing(3)));
        assert_eq!(complete("$12"), Err(Incomplete::Missing(12)));
        for template in ["$", "$x", "$0", "$-1", "$99999999999999999999999"] {
            assert_eq!(complete(template), Err(Incomplete::NoNumber), "{template}");
        }
    }

    #[test]
    fn an_argument_is_not_searched_for_placeholders_again() {
        let values = ["$2".to_owned(), "never".to_owned()];
        assert_eq!(Arguments::new(&values).complete("$1").unwrap(), "$2");
    }

    #[test]
    fn the_first_argument_that_nobody_uses_is_found() {
        let values = ["a".to_owned(), "b".to_owned()];
        let mut arguments = Arguments::new(&values);
        assert_eq!(arguments.first_unused(), Some((1, "a")));
        arguments.complete("$1").unwrap();
        assert_eq!(arguments.first_unused(), Some((2, "b")));
        arguments.complete("$2 $1").unwrap();
        assert_eq!(arguments.first_unused(), None);
    }
}
