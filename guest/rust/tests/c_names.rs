//! The C library's list of error names is the abi's.

use usufruct_abi::Error;

#[test]
fn c_programs_can_name_every_error_and_no_other() {
    let header = include_str!("../../c/serr_name.h");
    let in_header: Vec<&str> = header
        .lines()
        .filter_map(|line| line.trim().strip_prefix("SERR_NAME(")?.strip_suffix(");"))
        .collect();
    let in_abi: Vec<&str> = Error::ALL.iter().map(|error| error.name()).collect();
    assert_eq!(in_header, in_abi);
}
