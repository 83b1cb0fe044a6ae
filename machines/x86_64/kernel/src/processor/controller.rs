//! The local interrupt controller of the processor that executes this: its tick, and
//! interrupts to other processors. And the one for devices, which here is the serial line.

use crate::memory::DEVICES;
use x86_64::instructions::port::Port;

/// The vector of the clock tick, the first behind the exceptions.
pub(crate) const TIMER: u64 = 32;
/// The vector by which another processor asks this one to leave ring 3 (shoot_down.rs).
pub(crate) const SHOOT_DOWN: u64 = TIMER + 1;
/// The vector by which another processor says that there is something to look at.
pub(crate) const RING: u64 = TIMER + 2;
/// The vector of the serial line: a byte has come.
const SERIAL: u64 = TIMER + 3;
/// What the controller calls when an interrupt has gone away meanwhile. The answer means
/// nothing when none is in service.
const SPURIOUS: u64 = TIMER + 4;
/// How many vectors have an entry in trap.s.
pub(crate) const VECTORS: usize = 37;

/// The controller's registers, mapped by boot.s.
const CONTROLLER: u64 = DEVICES;
const OWN_NUMBER: u64 = 0x20;
const EOI: u64 = 0xb0;
const SPURIOUS_VECTOR: u64 = 0xf0;
/// Which vectors are being served: 32 of them in each register, the first for 0 to 31.
const IN_SERVICE_FROM_32: u64 = 0x110;
const COMMAND: u64 = 0x300;
const COMMAND_TO: u64 = 0x310;
const LOCAL_TIMER: u64 = 0x320;
const TIMER_INITIAL: u64 = 0x380;
const TIMER_DIVIDE: u64 = 0x3e0;

/// The controller is on; in the register of the spurious vector.
const ENABLED: u64 = 1 << 8;
const PERIODIC: u64 = 1 << 17;
const DIVIDE_BY_16: u32 = 3;
/// QEMU's controller counts nanoseconds: this is about 1 ms.
const TICK: u32 = 1_000_000 / 16;

/// The registers of the one for devices, mapped by boot.s behind: which register, and it.
const DEVICES_REGISTER: u64 = 2 << 20;
const DEVICES_VALUE: u64 = DEVICES_REGISTER + 0x10;
/// The first register about a device's line; each has two.
const FIRST_LINE: u32 = 0x10;

/// Commands to other processors.
const PENDING: u32 = 1 << 12;
const ASSERT: u32 = 1 << 14;
const INIT: u32 = 0b101 << 8;
const START_UP: u32 = 0b110 << 8;
const ALL_OTHERS: u32 = 0b11 << 18;

/// From now on the processor is interrupted by its clock, and by others.
pub(super) fn start_ticking() {
    let mask_all = 0xff_u8;
    // SAFETY: masks both of the old interrupt controllers, so that nothing but our own
    // vectors interrupts. Harmless where there are none.
    unsafe { Port::new(0x21).write(mask_all) };
    // SAFETY: the same, for the second.
    unsafe { Port::new(0xa1).write(mask_all) };
    set(SPURIOUS_VECTOR, (ENABLED | SPURIOUS) as u32);
    set(TIMER_DIVIDE, DIVIDE_BY_16);
    set(LOCAL_TIMER, (PERIODIC | TIMER) as u32);
    set(TIMER_INITIAL, TICK);
}

/// Has the processor that executes this interrupted when the first serial line gets a byte.
pub(crate) fn listen_to_serial() {
    /// Its line, as PCs have it since there are any.
    const LINE: u32 = 4;
    let line = FIRST_LINE + 2 * LINE;
    set(DEVICES_REGISTER, line + 1);
    set(DEVICES_VALUE, u32::from(own_number()) << 24);
    set(DEVICES_REGISTER, line);
    set(DEVICES_VALUE, SERIAL as u32);
}

/// The number that the hardware has for the processor that executes this.
pub(crate) fn own_number() -> u8 {
    (get(OWN_NUMBER) >> 24) as u8
}

/// Whether the interrupt that came last, and has not been ended, is the tick.
pub(super) fn is_tick() -> bool {
    get(IN_SERVICE_FROM_32) & 1 != 0
}

/// Lets the next interrupt come.
pub(super) fn end_interrupt() {
    set(EOI, 0);
}

/// Interrupts another processor, by its hardware number, with this vector.
pub(super) fn interrupt(hardware: u8, vector: u64) {
    while get(COMMAND) & PENDING != 0 {
        core::hint::spin_loop();
    }
    set(COMMAND_TO, u32::from(hardware) << 24);
    set(COMMAND, ASSERT | vector as u32);
}

/// Resets all other processors and has them start at physical address `page` (below 1 MiB).
pub(crate) fn wake_the_others(page: u64) {
    set(COMMAND, ALL_OTHERS | ASSERT | INIT);
    // Real processors want 10 ms here; QEMU's are reset at once.
    (0..100_000).for_each(|_| core::hint::spin_loop());
    set(
        COMMAND,
        ALL_OTHERS | ASSERT | START_UP | (page >> 12) as u32,
    );
}

/// Stores to a register of this processor's controller, or of the one for devices.
fn set(register: u64, value: u32) {
    // SAFETY: boot.s maps both there, uncached; every caller names a register that is 32
    // bits wide, on a multiple of 16. Each processor sees a controller of its own, and the
    // one for devices is used by the first processor at boot only.
    unsafe { ((CONTROLLER + register) as *mut u32).write_volatile(value) };
}

/// Loads a register of this processor's controller.
fn get(register: u64) -> u32 {
    // SAFETY: as in `set`; the registers that are read here change nothing by it.
    unsafe { ((CONTROLLER + register) as *const u32).read_volatile() }
}
