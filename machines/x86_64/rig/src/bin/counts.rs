//! Prints what `bench/COUNTS.md` is made of: a row for each thing that is counted.

use usufruct_x86_64_rig::count;

fn main() {
    for counted in count() {
        println!("{}", counted.row());
    }
}
