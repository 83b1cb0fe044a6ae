//! Tasks that hand pages to each other.

use usufruct_wasm::{Protection, Reason};

use super::{Language, Part, WAYS, load, system};

/// Both parts in every pair of languages, by both ways to protect pages.
fn in_every_pair(roles: [&str; 2], check: impl Fn([Part; 2], &str)) {
    use Language::{C, Rust};
    for (one, other) in [(Rust, Rust), (Rust, C), (C, Rust), (C, C)] {
        let (Some(one_module), Some(other_module)) = (one.module(), other.module()) else {
            continue;
        };
        for way in WAYS {
            let system = system(way);
            let modules = [one_module, other_module].map(|module| load(&system, module));
            let [first, second] = roles;
            let parts = [
                Part::start(&system, &modules[0], first),
                Part::start(&system, &modules[1], second),
            ];
            check(parts, &format!("{first} {one}, {second} {other}, by {way}"));
            assert!(system.invariants_hold());
        }
    }
}

#[test]
fn pages_go_to_and_fro() {
    in_every_pair(["left", "right"], |parts, _| {
        parts.iter().for_each(Part::succeeds);
    });
}

#[test]
fn a_giver_that_stores_after_its_pages_were_accepted_ends_and_the_receiver_goes_on() {
    in_every_pair(["giver", "receiver"], |[giver, receiver], pair| {
        let (report, words) = giver.report();
        assert_eq!(
            report.ending.reason,
            Reason::ForbiddenStore,
            "{pair}: {report}\n{words}"
        );
        receiver.succeeds();
    });
}

/// Those that only the library in Rust has something for.
#[test]
fn letters_that_lie_are_refused_and_visits_are_what_the_owner_lets_them_be() {
    for pair in [
        ["liar", "wary"],
        ["landlord", "visitor"],
        ["in-use", "heir"],
        ["drowner", "drowned"],
    ] {
        println!("{pair:?}");
        let system = system(Protection::Auto);
        let program = load(&system, Language::Rust.module().unwrap());
        let parts = pair.map(|role| Part::start(&system, &program, role));
        parts.iter().for_each(Part::succeeds);
        assert!(system.invariants_hold());
    }
}
