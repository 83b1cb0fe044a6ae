//! Sizes as people write them: `65536`, `64 KiB`, `1 GiB`.

/// What a size looks like, for `help:` lines.
pub const FORM: &str = "a whole number of bytes, KiB, MiB or GiB, such as \"64 MiB\"";

/// The bytes that `text` says, if it is a size that 64 bits can hold.
///
/// The space before the unit may be left out. Units of 1000 are refused: who
/// writes `MB` should not have to guess which one is meant.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn each_unit_counts_bytes() {
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("512 B"), Some(512));
        assert_eq!(parse("64KiB"), Some(64 << 10));
        assert_eq!(parse(" 3 MiB "), Some(3 << 20));
        assert_eq!(parse("2 GiB"), Some(2 << 30));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "", "MiB", "-1", "1.5 MiB", "64 MB", "1 mib", "0x10", "1 MiB x",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse("18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse("18446744073709551616"), None);
        assert_eq!(parse("17179869184 GiB"), None, "the product wraps");
    }
}
