//! "Did you mean ...?"

/// The known name that `given` was most likely meant to be, if one is near.
#[cfg(feature = "suggest")]
pub(crate) fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let tolerated = (given.chars().count() / 3).max(1);
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(given, name), *name))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Nobody is there to compare names.
#[cfg(not(feature = "suggest"))]
pub(crate) fn nearest<'a>(_given: &str, _known: &[&'a str]) -> Option<&'a str> {
    None
}

#[cfg(all(test, feature = "suggest"))]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let known = ["name", "file", "memory", "time_limit_ms"];
        assert_eq!(nearest("memry", &known), Some("memory"));
        assert_eq!(nearest("nmae", &known), Some("name"));
        assert_eq!(nearest("timelimit_ms", &known), Some("time_limit_ms"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
