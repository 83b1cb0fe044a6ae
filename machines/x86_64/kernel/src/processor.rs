//! One processor: its descriptors, where its traps go, its clock tick.

use crate::start::DIRECT_MAP;
use alloc::boxed::Box;
use core::arch::x86_64::{__cpuid, __cpuid_count};
use core::mem::offset_of;
use x86_64::VirtAddr;
use x86_64::instructions::port::Port;
use x86_64::instructions::{interrupts, tables};
use x86_64::registers::control::{Cr4, Cr4Flags};
use x86_64::registers::model_specific::{KernelGsBase, LStar, Msr, SFMask};
use x86_64::registers::rflags::RFlags;
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};
use x86_64::structures::tss::TaskStateSegment;

/// Selectors of ring 3, as `Processor::new` lays out the descriptors.
pub(crate) const USER_DATA: u64 = 0x18 | 3;
pub(crate) const USER_CODE: u64 = 0x20 | 3;
const KERNEL_CODE: u64 = 0x08;

/// Where a TSS says which stack a trap from ring 3 begins on; and the same for ring 1, of
/// which there is none: a free word.
pub(crate) const TSS_RING_0_STACK: usize = offset_of!(TaskStateSegment, privilege_stack_table);
pub(crate) const TSS_RING_1_STACK: usize = TSS_RING_0_STACK + 8;

/// The vector of the clock tick, the first behind the exceptions.
pub(crate) const TIMER: u64 = 32;
/// What the interrupt controller calls when an interrupt has gone away meanwhile. It is taken
/// for a tick: the answer means nothing when none is in service.
const SPURIOUS: u64 = TIMER + 1;
/// How many vectors have an entry in trap.s.
pub(crate) const VECTORS: usize = 34;

/// The local interrupt controller's registers, mapped by boot.s.
const CONTROLLER: u64 = DIRECT_MAP + (1 << 30);
const CONTROLLER_EOI: u64 = 0xb0;
const CONTROLLER_SPURIOUS: u64 = 0xf0;
const CONTROLLER_COMMAND: u64 = 0x300;
const CONTROLLER_TIMER: u64 = 0x320;
const CONTROLLER_TIMER_INITIAL: u64 = 0x380;
const CONTROLLER_TIMER_DIVIDE: u64 = 0x3e0;
/// The controller is on; in the register of the spurious vector.
const ENABLED: u64 = 1 << 8;
const PERIODIC: u64 = 1 << 17;
const DIVIDE_BY_16: u32 = 3;
/// QEMU's controller counts nanoseconds: this is about 1 ms.
const TICK: u32 = 1_000_000 / 16;

/// Bytes of a stack for the exceptions that must not trust the current one.
const LAST_RESORT_STACK_BYTES: usize = 8 << 10;

unsafe extern "C" {
    /// trap.s: where `syscall` goes.
    fn system_call();
    /// trap.s: where each vector goes.
    static entries: [u64; VECTORS];
}

/// A gate of the vector table: offset, selector, stack and rights, in the processor's order.
type Gate = [u64; 2];

/// Present, an interrupt gate: interrupts off on entry; ring 3 may not call it by `int`.
const INTERRUPT_GATE: u64 = 0x8e << 40;
const BREAKPOINT: usize = 3;

/// The processor that the code runs on. One exists per processor, and stays with it.
#[derive(Debug)]
pub(crate) struct Processor {
    /// 0 for the one that booted.
    number: usize,
    /// In the TSS: where the processor's stack begins when ring 3 traps.
    ring_0_stack: *mut VirtAddr,
}

impl Processor {
    /// Sets up the processor that executes this. Once on each, with interrupts off.
    pub(crate) fn new(number: usize) -> Self {
        require_features();
        let tss = Box::into_raw(Box::new(task_state()));
        load_descriptors(tss);
        load_vectors();
        route_system_calls(tss);
        start_ticking();
        Self {
            number,
            ring_0_stack: tss.wrapping_byte_add(TSS_RING_0_STACK).cast(),
        }
    }

    /// Its number, from 0.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Its number as the hardware has it.
    pub(crate) fn hardware_number(&self) -> u8 {
        (__cpuid(1).ebx >> 24) as u8
    }

    /// From now on a trap from ring 3 stores its frame below `end`.
    pub(crate) fn trap_into(&mut self, end: *mut u64) {
        // SAFETY: the place is a field of a TSS that is never freed and that no reference
        // points to; it need not be aligned. The processor reads it at a trap from ring 3
        // only, and this is ring 0.
        unsafe { self.ring_0_stack.write_unaligned(VirtAddr::from_ptr(end)) };
    }

    /// Sleeps until the next tick.
    pub(crate) fn halt(&mut self) {
        interrupts::enable_and_hlt();
        interrupts::disable();
        self.tick_seen();
    }

    /// Lets the next tick come.
    pub(crate) fn tick_seen(&mut self) {
        controller(CONTROLLER_EOI, 0);
    }
}

/// Refuses to start on a processor that cannot keep the kernel's promises.
fn require_features() {
    const SMEP: u32 = 1 << 7;
    const SMAP: u32 = 1 << 20;
    const UMIP: u32 = 1 << 2;
    assert!(
        __cpuid(0).eax >= 7,
        "the processor is too old: SMEP and SMAP are wanted"
    );
    let leaf = __cpuid_count(7, 0);
    let has_all = leaf.ebx & (SMEP | SMAP) == SMEP | SMAP && leaf.ecx & UMIP != 0;
    assert!(
        has_all,
        "the processor lacks SMEP, SMAP or UMIP: with QEMU, say -cpu max"
    );
    let flags = Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION
        | Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION
        | Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION;
    // SAFETY: these take rights away from ring 0 and ring 3; the kernel uses none of them:
    // it neither runs nor reaches anything through a user address.
    unsafe { Cr4::update(|cr4| *cr4 |= flags) };
}

fn task_state() -> TaskStateSegment {
    let mut tss = TaskStateSegment::new();
    let stack = Box::leak(Box::new(
        [0_u128; LAST_RESORT_STACK_BYTES / size_of::<u128>()],
    ));
    tss.interrupt_stack_table[0] = VirtAddr::from_ptr(stack.as_ptr_range().end);
    tss
}

fn load_descriptors(tss: *const TaskStateSegment) {
    // SAFETY: `tss` is never freed, so the descriptor stays right.
    let tss_descriptor = unsafe { Descriptor::tss_segment_unchecked(tss) };
    let table = Box::leak(Box::new(GlobalDescriptorTable::<8>::empty()));
    let kernel_code = table.append(Descriptor::kernel_code_segment());
    table.append(Descriptor::kernel_data_segment());
    let user_data = table.append(Descriptor::user_data_segment());
    let user_code = table.append(Descriptor::user_code_segment());
    let task_state = table.append(tss_descriptor);
    let laid_out = [kernel_code, user_data, user_code].map(|selector| u64::from(selector.0));
    assert_eq!(laid_out, [KERNEL_CODE, USER_DATA, USER_CODE]);
    table.load();
    // SAFETY: the selector names a TSS descriptor in the table just loaded, and it is not
    // in use: each processor has a table of its own. CS keeps boot.s's selector, which
    // names the same segment here.
    unsafe { tables::load_tss(task_state) };
}

/// Non-maskable interrupt, double fault, machine check: on the stack of last resort.
const LAST_RESORTS: [usize; 3] = [2, 8, 18];

fn load_vectors() {
    // SAFETY: `entries` is a constant of that type and length in trap.s.
    let addresses = unsafe { &entries };
    let gates: &mut [Gate; VECTORS] = Box::leak(Box::new([[0; 2]; VECTORS]));
    for (vector, (gate, entry)) in gates.iter_mut().zip(addresses).enumerate() {
        let stack = u64::from(LAST_RESORTS.contains(&vector)) << 32;
        let rings = if vector == BREAKPOINT { 3 << 45 } else { 0 };
        let offset = entry & 0xffff | (entry >> 16 & 0xffff) << 48;
        *gate = [
            offset | KERNEL_CODE << 16 | stack | INTERRUPT_GATE | rings,
            entry >> 32,
        ];
    }
    let table = DescriptorTablePointer {
        limit: (size_of_val(gates) - 1) as u16,
        base: VirtAddr::from_ptr(gates),
    };
    // SAFETY: the table is never freed; each gate names code of trap.s that expects just
    // what the processor pushes for its vector, and the kernel's code segment.
    unsafe { tables::lidt(&table) };
}

fn route_system_calls(tss: *const TaskStateSegment) {
    const STAR: u32 = 0xc000_0081;
    let off_on_entry = RFlags::INTERRUPT_FLAG
        | RFlags::TRAP_FLAG
        | RFlags::DIRECTION_FLAG
        | RFlags::ALIGNMENT_CHECK
        | RFlags::NESTED_TASK
        | RFlags::IOPL_LOW
        | RFlags::IOPL_HIGH;
    SFMask::write(off_on_entry);
    LStar::write(VirtAddr::new(system_call as *const () as u64));
    KernelGsBase::write(VirtAddr::from_ptr(tss));
    // SAFETY: bits 32 to 47 are the selector that `syscall` loads; the half that `sysret`
    // would use stays 0, for nobody executes it.
    unsafe { Msr::new(STAR).write(KERNEL_CODE << 32) };
}

fn start_ticking() {
    let mask_all = 0xff_u8;
    // SAFETY: masks both of the old interrupt controllers, so that nothing but our own
    // tick interrupts. Harmless where there are none.
    unsafe { Port::new(0x21).write(mask_all) };
    // SAFETY: the same, for the second.
    unsafe { Port::new(0xa1).write(mask_all) };
    controller(CONTROLLER_SPURIOUS, (ENABLED | SPURIOUS) as u32);
    controller(CONTROLLER_TIMER_DIVIDE, DIVIDE_BY_16);
    controller(CONTROLLER_TIMER, (PERIODIC | TIMER) as u32);
    controller(CONTROLLER_TIMER_INITIAL, TICK);
}

/// Resets all other processors and has them start at physical address `page` (below 1 MiB).
pub(crate) fn wake_the_others(page: u64) {
    const INIT: u32 = 0b101 << 8;
    const START_UP: u32 = 0b110 << 8;
    const ASSERT: u32 = 1 << 14;
    const ALL_OTHERS: u32 = 0b11 << 18;
    controller(CONTROLLER_COMMAND, ALL_OTHERS | ASSERT | INIT);
    // Real processors want 10 ms here; QEMU's are reset at once.
    (0..100_000).for_each(|_| core::hint::spin_loop());
    controller(
        CONTROLLER_COMMAND,
        ALL_OTHERS | ASSERT | START_UP | (page >> 12) as u32,
    );
}

/// Stores to a register of this processor's interrupt controller.
fn controller(register: u64, value: u32) {
    let register = (CONTROLLER + register) as *mut u32;
    // SAFETY: boot.s maps the controller there, uncached; every caller names a register of
    // it that is 32 bits wide, on a multiple of 16. Each processor sees its own.
    unsafe { register.write_volatile(value) };
}

/// How the machine ended, for QEMU's exit status: `verdict << 1 | 1`.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Verdict {
    /// The test said so.
    Asked = 0x10,
    /// The kernel found a bug in itself.
    Panic = 0x7f,
}

/// Ends the machine, all processors included.
pub(crate) fn power_off(verdict: Verdict) -> ! {
    const DEBUG_EXIT: u16 = 0xf4;
    // SAFETY: the port of QEMU's isa-debug-exit, or of nothing at all.
    unsafe { Port::new(DEBUG_EXIT).write(verdict as u32) };
    loop {
        x86_64::instructions::hlt();
    }
}

/// An exception in ring 0 (or one of last resort): a bug of the kernel, or a broken machine.
/// `frame`: vector, error, rip, cs, rflags, rsp, ss.
#[unsafe(no_mangle)]
extern "C" fn kernel_trap(frame: &[u64; 7]) -> ! {
    let address = x86_64::registers::control::Cr2::read_raw();
    panic!("exception in the kernel: vector, error, rip, .. {frame:x?}, cr2 {address:#x}");
}
