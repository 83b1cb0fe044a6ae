//! `guest/c/native.h` says what the abi says of the calls of the bare machine's own.

use std::collections::BTreeMap;

use usufruct_abi::{NativeCall, STREAM_READ, STREAM_WRITE, StreamError};

const HEADER: &str = include_str!("../../c/native.h");

#[test]
fn the_header_defines_every_number_of_the_bare_machine_and_no_other() {
    let mut in_rust = BTreeMap::from([
        ("STREAM_READ".to_owned(), STREAM_READ),
        ("STREAM_WRITE".to_owned(), STREAM_WRITE),
    ]);
    in_rust.extend(NativeCall::ALL.iter().map(|call| {
        let number = i32::try_from(*call as u32).unwrap();
        (format!("CALL_{}", call.name().to_uppercase()), number)
    }));
    let errors = StreamError::ALL.iter();
    in_rust.extend(errors.map(|error| (format!("STREAM_{}", error.name()), error.code())));

    let defined = HEADER
        .lines()
        .filter_map(|line| line.strip_prefix("#define "));
    let in_c: BTreeMap<String, i32> = defined
        .filter_map(|line| line.split_once(' '))
        .map(|(name, number)| {
            let number = number.trim_matches(['(', ')']).parse();
            (name.to_owned(), number.unwrap())
        })
        .collect();
    assert_eq!(in_c, in_rust);
}

#[test]
fn the_header_declares_every_call_with_as_many_words() {
    for call in NativeCall::ALL {
        let begins = [format!(" {}(", call.name()), format!("*{}(", call.name())];
        let line = HEADER
            .lines()
            .filter(|line| line.ends_with(");"))
            .find(|line| begins.iter().any(|begin| line.contains(begin)));
        let line = line.unwrap_or_else(|| panic!("{} is not declared", call.name()));
        let (_, parameters) = line.split_once(&format!("{}(", call.name())).unwrap();
        // The commas of a pointer to a function do not come here: it takes one parameter.
        let count = match parameters {
            "void);" => 0,
            parameters => parameters.split(',').count(),
        };
        assert_eq!(count, call.arguments(), "{line}");
    }
}
