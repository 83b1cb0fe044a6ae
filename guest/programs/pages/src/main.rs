//! Tasks that use the guest library's pages, for the tests of machines that have a pool.
//! The first argument says what a task does; one that finds something wrong panics.

mod alone;
mod heap;
mod in_use;
mod letter;
mod neighbour;
mod scattered;
mod talk;
mod unclaimed;

fn main() {
    let role = std::env::args().nth(1).unwrap_or_default();
    match role.as_str() {
        "zeros" => alone::zeros(),
        "no-pool" => alone::no_pool(),
        "sizes" => alone::sizes(),
        "last-pages" => alone::last_pages(),
        "heap" => heap::blocks_and_scavenging(),
        "in-use" => in_use::every_value_keeps_its_pages(),
        "heir" => in_use::heir(),
        "letters" => letter::made_up(),
        "wary" => letter::wary(),
        "liar" => letter::liar(),
        "visitor" => neighbour::visitor(),
        "landlord" => neighbour::landlord(),
        "giver" => neighbour::giver(),
        "receiver" => neighbour::receiver(),
        "left" => neighbour::left(),
        "right" => neighbour::right(),
        "scattered" => scattered::no_right_is_left(),
        "idle" => scattered::idle(),
        "drowner" => unclaimed::drowner(),
        "drowned" => unclaimed::drowned(),
        "truncated" => unclaimed::truncated(),
        other => panic!("there is no role `{other}`"),
    }
}
