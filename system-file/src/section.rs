//! One table of a system file, read key by key. Knows the place of everything,
//! and nothing about what the keys mean.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::Fault;
use crate::nearest::nearest;
use crate::size;

/// A system file's path and text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// `path:line` of the byte at `offset`.
    pub(crate) fn place(&self, offset: usize) -> String {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let line_breaks = before.iter().filter(|byte| **byte == b'\n').count();
        let line = line_breaks.saturating_add(1);
        format!("{}:{line}", self.path)
    }

    /// The line that holds the byte at `offset`.
    pub(crate) fn line(&self, offset: usize) -> &str {
        let before = self.text.get(..offset).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
        let rest = self.text.get(start..).unwrap_or_default();
        rest.lines().next().unwrap_or_default()
    }
}

/// A table, with the name that messages give it.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    source: Source<'a>,
    table: &'a DeTable<'a>,
    label: String,
    /// Where the table begins, in bytes.
    start: usize,
}

/// A text and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: Range<usize>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(source: Source<'a>, table: &'a DeTable<'a>, label: String) -> Self {
        Self {
            source,
            table,
            label,
            start: 0,
        }
    }

    /// Where the table is, for messages.
    pub(crate) fn place(&self) -> String {
        let place = self.source.place(self.start);
        match self.label.as_str() {
            "" => place,
            label => format!("{place}: {label}"),
        }
    }

    /// The name that messages give the table.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Gives the table a better name, once one is known.
    pub(crate) fn rename(&mut self, label: String) {
        self.label = label;
    }

    /// A fault of the value at `at`, which belongs to `key`.
    pub(crate) fn fault(
        &self,
        key: &str,
        at: &Range<usize>,
        cause: impl Into<String>,
        help: impl Into<String>,
    ) -> Fault {
        let place = self.source.place(at.start);
        Fault::new(
            format!("{place}: {}key `{key}`", self.prefix()),
            cause,
            help,
        )
    }

    /// The fault that `key` is not there at all.
    pub(crate) fn missing(&self, key: &str, example: &str) -> Fault {
        let help = format!("add `{key} = {example}`");
        self.fault_of_all(key, "it is missing", help)
    }

    /// A fault that concerns `key`, and whose place is the whole table.
    pub(crate) fn fault_of_all(
        &self,
        key: &str,
        cause: impl Into<String>,
        help: impl Into<String>,
    ) -> Fault {
        self.fault(key, &(self.start..self.start), cause, help)
    }

    fn prefix(&self) -> String {
        match self.label.as_str() {
            "" => String::new(),
            label => format!("{label}, "),
        }
    }

    /// Refuses the first key that is not `known`.
    pub(crate) fn refuse_unknown(&self, known: &[&str]) -> Result<(), Fault> {
        let mut keys: Vec<_> = self.table.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        let Some(key) = keys
            .into_iter()
            .find(|key| !known.contains(&key.get_ref().as_ref()))
        else {
            return Ok(());
        };
        let name = key.get_ref().as_ref();
        let help = match nearest(name, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the keys here are {}", known.join(", ")),
        };
        Err(self.fault(name, &key.span(), "there is no such key", help))
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == key)
            .map(|(_, value)| value)
    }

    fn mismatch(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> Fault {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) {
            "an"
        } else {
            "a"
        };
        let cause = format!("this is {article} {found}");
        self.fault(key, &value.span(), cause, format!("write {wanted}"))
    }

    fn as_text(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Result<Text<'a>, Fault> {
        let DeValue::String(text) = value.get_ref() else {
            return Err(self.mismatch(key, value, "text in quotes"));
        };
        let at = value.span();
        if text.contains('\0') {
            return Err(self.fault(key, &at, "the text holds a NUL", "take it out"));
        }
        Ok(Text { text, at })
    }

    /// The text of `key`.
    pub(crate) fn text(&self, key: &str) -> Result<Option<Text<'a>>, Fault> {
        self.value(key)
            .map(|value| self.as_text(key, value))
            .transpose()
    }

    /// The list of texts of `key`; without the key, an empty one.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<Text<'a>>, Fault> {
        let Some(value) = self.value(key) else {
            return Ok(Vec::new());
        };
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.mismatch(key, value, "a list of texts, such as [\"a\", \"b\"]"));
        };
        items.iter().map(|item| self.as_text(key, item)).collect()
    }

    /// The names and texts in the table of `key`; without the key, none.
    pub(crate) fn pairs(&self, key: &str) -> Result<Vec<(&'a str, Text<'a>)>, Fault> {
        let Some(value) = self.value(key) else {
            return Ok(Vec::new());
        };
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.mismatch(key, value, "names and texts, such as { NAME = \"text\" }"));
        };
        table
            .iter()
            .map(|(name, text)| {
                let name = name.get_ref().as_ref();
                let text = self.as_text(&format!("{key}.{name}"), text)?;
                Ok((name, text))
            })
            .collect()
    }

    /// The yes or no of `key`, if it is there.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Fault> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let DeValue::Boolean(flag) = value.get_ref() else {
            return Err(self.mismatch(key, value, "true or false"));
        };
        Ok(Some(*flag))
    }

    /// The size of `key`, in bytes, if it is there.
    pub(crate) fn size(&self, key: &str) -> Result<Option<u64>, Fault> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let no_size = || {
            let cause = format!("`{}` is no size", text.text);
            self.fault(key, &text.at, cause, format!("write {}", size::FORM))
        };
        size::parse(text.text).ok_or_else(no_size).map(Some)
    }

    /// The number of `key`, which must lie in `range`.
    pub(crate) fn number(
        &self,
        key: &str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, Fault> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(digits) = value.get_ref() else {
            return Err(self.mismatch(key, value, &wanted));
        };
        u32::from_str_radix(digits.as_str(), digits.radix())
            .ok()
            .filter(|number| range.contains(number))
            .map(Some)
            .ok_or_else(|| {
                let cause = format!("{digits} is out of range");
                self.fault(key, &value.span(), cause, format!("write {wanted}"))
            })
    }

    /// The table of `key`, which messages call `label`.
    pub(crate) fn table(&self, key: &str, label: &str) -> Result<Option<Section<'a>>, Fault> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        self.as_section(key, value, label.to_owned()).map(Some)
    }

    /// The tables of `key`, written like `example`; the label of each says which one it is.
    pub(crate) fn tables(
        &self,
        key: &str,
        label: &str,
        example: &str,
    ) -> Result<Vec<Section<'a>>, Fault> {
        let Some(value) = self.value(key) else {
            return Ok(Vec::new());
        };
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.mismatch(key, value, &format!("a list of tables: {example}")));
        };
        items
            .iter()
            .zip(1_usize..)
            .map(|(item, number)| self.as_section(key, item, format!("{label} number {number}")))
            .collect()
    }

    fn as_section(
        &self,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
        label: String,
    ) -> Result<Section<'a>, Fault> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.mismatch(key, value, "a table"));
        };
        Ok(Section {
            source: self.source,
            table,
            label: format!("{}{label}", self.prefix()),
            start: value.span().start,
        })
    }
}
