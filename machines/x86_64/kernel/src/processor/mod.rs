//! One processor: its descriptors, and where its traps go. controller.rs has its tick and
//! its interrupts to others, shoot_down.rs what it has looked up in page tables.

pub(crate) mod controller;
mod shoot_down;

pub(crate) use shoot_down::{Visitor, is_loaded, ring, shoot_down};

use crate::memory::FRAME_BYTES;
use crate::space::Space;
use alloc::boxed::Box;
use controller::VECTORS;
use core::arch::x86_64::{__cpuid, __cpuid_count};
use core::mem::offset_of;
use spin::Once;
use usufruct_x86_64_wire::output::verdict;
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

/// Processors that there may be; boot.s is told.
pub(crate) const MOST: usize = 8;
/// Bytes of a processor's two stacks, and of the page below each that nobody has.
pub(crate) const STACKS_BYTES: usize = 64 << 10;
/// Pages of the lower one, for the exceptions that must not trust the other.
pub(crate) const LAST_RESORT_PAGES: usize = 2;

unsafe extern "C" {
    /// trap.s: where `syscall` goes.
    fn system_call();
    /// trap.s: where each vector goes.
    static entries: [u64; VECTORS];
    /// boot.s: the stacks of all processors.
    static stacks: u8;
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
    visitor: Visitor,
    /// In the TSS: where the processor's stack begins when ring 3 traps.
    ring_0_stack: *mut VirtAddr,
}

impl Processor {
    /// Sets up the processor that executes this. Once on each, with interrupts off.
    pub(crate) fn new(number: usize) -> Self {
        require_features();
        let tss = Box::into_raw(Box::new(task_state(number)));
        load_descriptors(tss);
        load_vectors();
        route_system_calls(tss);
        controller::start_ticking();
        Self {
            number,
            visitor: Visitor::new(number, controller::own_number()),
            ring_0_stack: tss.wrapping_byte_add(TSS_RING_0_STACK).cast(),
        }
    }

    /// Its number, from 0.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// What may be done in ring 3, from now until it traps: that of `space`, and the trap
    /// stores its frame below `end`.
    pub(crate) fn goes_to_ring_3(&mut self, space: Space, end: *mut u64) {
        // SAFETY: the place is a field of a TSS that is never freed and that no reference
        // points to; it need not be aligned. The processor reads it at a trap from ring 3
        // only, and this is ring 0.
        unsafe { self.ring_0_stack.write_unaligned(VirtAddr::from_ptr(end)) };
        self.visitor.goes(space);
    }

    /// A second hand on its presence, for calls that are served while a task runs.
    pub(crate) fn visitor(&self) -> Visitor {
        self.visitor
    }

    /// Ring 3 has trapped.
    pub(crate) fn is_back(&mut self) {
        self.visitor.is_back();
    }

    /// From here on this processor has no task's memory.
    pub(crate) fn leave(&mut self) {
        self.visitor.leave();
    }

    /// Sleeps until the next interrupt; whether that was the tick.
    pub(crate) fn halt(&mut self) -> bool {
        interrupts::enable_and_hlt();
        interrupts::disable();
        self.end_interrupt()
    }

    /// Lets the next interrupt come; whether the last one was the tick.
    pub(crate) fn end_interrupt(&mut self) -> bool {
        let is_tick = controller::is_tick();
        controller::end_interrupt();
        is_tick
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

fn task_state(number: usize) -> TaskStateSegment {
    const LAST_RESORT_END: usize = (1 + LAST_RESORT_PAGES) * FRAME_BYTES as usize;
    let mut tss = TaskStateSegment::new();
    let own = (&raw const stacks).wrapping_add(number * STACKS_BYTES);
    tss.interrupt_stack_table[0] = VirtAddr::from_ptr(own.wrapping_add(LAST_RESORT_END));
    tss
}

/// How many processors there are, by the word of QEMU's fw_cfg device; one without it.
pub(crate) fn count() -> usize {
    static COUNT: Once<usize> = Once::new();
    *COUNT.call_once(|| {
        const SIGNATURE: u16 = 0;
        const PROCESSORS: u16 = 5;
        let is_qemu = configuration::<4>(SIGNATURE) == *b"QEMU";
        let there = u16::from_le_bytes(configuration(PROCESSORS));
        if is_qemu {
            usize::from(there).clamp(1, MOST)
        } else {
            1
        }
    })
}

/// The first bytes of an item that QEMU tells.
fn configuration<const BYTES: usize>(item: u16) -> [u8; BYTES] {
    // SAFETY: the port of QEMU's fw_cfg, or of nothing; it chooses what the next reads get.
    unsafe { Port::new(0x510).write(item) };
    core::array::from_fn(|_| {
        // SAFETY: the port beside it; a read of it reaches no memory.
        unsafe { Port::new(0x511).read() }
    })
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
    // `sysret` loads the selectors 8 and 16 behind this: those of ring 3.
    let back = USER_DATA - 8;
    // SAFETY: bits 32 to 47 are the selector that `syscall` loads, with the one behind it for
    // the stack; bits 48 to 63 as said above.
    unsafe { Msr::new(STAR).write(back << 48 | KERNEL_CODE << 32) };
}

/// The time, as this processor counts it; where its clock is made to count instructions, those.
pub(crate) fn clock() -> u64 {
    // SAFETY: every processor that this kernel starts on has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// How the machine ended, for QEMU's exit status: `verdict << 1 | 1`.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Verdict {
    /// The test said so.
    Asked = 0x10,
    /// Every task of the system exited with 0.
    Succeeded = verdict::SUCCEEDED,
    /// A task of the system failed.
    Failed = verdict::FAILED,
    /// Nothing was started.
    Refused = verdict::REFUSED,
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
    let [vector, error, rip, _, _, rsp, _] = frame;
    panic!(
        "exception {vector}, error {error:#x}, at {rip:#x}, stack {rsp:#x}, address {address:#x}"
    );
}
