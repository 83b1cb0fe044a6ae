# From the first instruction to Rust, on each processor. AT&T syntax.
#
#   pvh_start      first processor: 32-bit protected mode, paging off,
#                  %ebx = hvm_start_info (Xen's PVH boot ABI)
#   wake_up        every other processor: real mode, where the start-up
#                  interrupt points it (copied to WAKE_UP_AT)
#   long_mode      both: turn on paging and 64-bit mode, take a number and a
#                  stack, call start_processor(number, start_info)

.set WAKE_UP_AT, {WAKE_UP_AT}      # start.rs copies wake_up there
.set PROCESSORS, {PROCESSORS}      # as many as there may be
.set IMAGE_PAGES, {IMAGE_PAGES}    # pages of 2 MiB that the image has, the low one included
.set LAST_RESORT_PAGES, {LAST_RESORT_PAGES}
.set STACKS_BYTES, {STACKS_BYTES}  # of both stacks and the pages below them
.set STACK_PAGES, (STACKS_BYTES >> 12) - LAST_RESORT_PAGES - 2

.set PRESENT,   1 << 0
.set WRITABLE,  1 << 1
.set UNCACHED,  1 << 4 | 1 << 3
.set HUGE,      1 << 7
.set NO_EXEC,   1 << 63

# Tells the loader that this is a PVH kernel, and where it starts.
.section .note.Xen, "a", @note
.align 4
  .long 4, 8, 18                 # length of the name, of the value; XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .quad pvh_start

# ---- page tables ------------------------------------------------------------
# Code, constants and everything else have rights of their own (write or
# execute, never both), and no memory is mapped twice: the kernel's image is in
# the image's window (kernel.ld), all else in the direct map. The first GiB is
# there from the start; memory/map.rs adds what the loader says there is.
.section .boot.tables, "aw", @progbits
.align 4096
.globl kernel_root_at
kernel_root_at:                  # what processors run on when no task does
  .fill 256, 8, 0
  .quad direct_directories_at + PRESENT + WRITABLE
  .fill 254, 8, 0
  .quad image_directories + PRESENT + WRITABLE
.globl direct_directories_at
direct_directories_at:              # one entry a GiB
  .quad direct_tables + PRESENT + WRITABLE
  .fill 511, 8, 0
direct_tables:
  .quad PRESENT + WRITABLE + HUGE + NO_EXEC              # low memory, these tables
  .fill IMAGE_PAGES - 1, 8, 0                            # the image is elsewhere
  .set page, IMAGE_PAGES
  .rept 512 - IMAGE_PAGES
  .quad (page << 21) + PRESENT + WRITABLE + HUGE + NO_EXEC
  .set page, page + 1
  .endr
image_directories:
  .fill 510, 8, 0
  .quad image_tables + PRESENT + WRITABLE
  .quad device_tables + PRESENT + WRITABLE
image_tables:
  .quad 0
  .quad 0x200000 + PRESENT + HUGE                        # .text
  .quad 0x400000 + PRESENT + HUGE + NO_EXEC              # .rodata
  .set page, 3
  .rept IMAGE_PAGES - 4                                  # .data, .bss
  .quad (page << 21) + PRESENT + WRITABLE + HUGE + NO_EXEC
  .set page, page + 1
  .endr
  .quad stack_pages + PRESENT + WRITABLE                 # .stacks
  .fill 512 - IMAGE_PAGES, 8, 0
device_tables:                   # the interrupt controllers (processor/controller.rs)
  .quad 0xfee00000 + PRESENT + WRITABLE + UNCACHED + HUGE + NO_EXEC
  .quad 0xfec00000 + PRESENT + WRITABLE + UNCACHED + HUGE + NO_EXEC
  .fill 510, 8, 0

# Two stacks for each processor, below each a page that is nobody's: who grows
# into it gets a fault, and no other's memory.
stack_pages:
  .set page, (IMAGE_PAGES - 1) << 9
  .rept PROCESSORS
  .quad 0
  .set page, page + 1
  .rept LAST_RESORT_PAGES
  .quad (page << 12) + PRESENT + WRITABLE + NO_EXEC
  .set page, page + 1
  .endr
  .quad 0
  .set page, page + 1
  .rept STACK_PAGES
  .quad (page << 12) + PRESENT + WRITABLE + NO_EXEC
  .set page, page + 1
  .endr
  .endr
  .fill 512 - PROCESSORS * (STACKS_BYTES >> 12), 8, 0

# For the step from physical to virtual addresses only: the kernel's, and the
# first 2 MiB where they are.
boot_root:
  .quad boot_directories + PRESENT
  .fill 255, 8, 0
  .quad direct_directories_at + PRESENT + WRITABLE
  .fill 254, 8, 0
  .quad image_directories + PRESENT + WRITABLE
boot_directories:
  .quad boot_low_tables + PRESENT
  .fill 511, 8, 0
boot_low_tables:
  .quad 0x000000 + PRESENT + HUGE
  .fill 511, 8, 0

# ---- first processor --------------------------------------------------------
.section .boot.text, "ax", @progbits
.code32
.globl pvh_start
pvh_start:
  cli
  cld
  movl %ebx, %esi                # start_info: start_processor's second argument
  jmp long_mode

# ---- the others, from real mode ---------------------------------------------
# Runs at WAKE_UP_AT, so its own labels are taken relative to that.
.section .rodata
.globl wake_up
.globl wake_up_end
.code16
wake_up:
  cli
  cld
  xorw %ax, %ax
  movw %ax, %ds
  lgdtl WAKE_UP_AT + (wake_up_descriptors_pointer - wake_up)
  movl $1, %eax                  # CR0.PE: protected mode, all else off
  movl %eax, %cr0
  ljmpl $8, $WAKE_UP_AT + (wake_up_protected - wake_up)
.code32
wake_up_protected:
  movl $16, %eax
  movl %eax, %ds
  xorl %esi, %esi                # no start_info
  movl $long_mode, %eax
  jmp *%eax
.align 8
wake_up_descriptors:
  .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff   # none; code and data, 4 GiB, 32-bit
wake_up_descriptors_pointer:
  .word 23
  .long WAKE_UP_AT + (wake_up_descriptors - wake_up)
wake_up_end:

# ---- both -------------------------------------------------------------------
.section .boot.text, "ax", @progbits
.code32
long_mode:
  movl $0x620, %eax              # CR4: PAE; OSFXSR | OSXMMEXCPT for tasks (floating.rs)
  movl %eax, %cr4
  movl $boot_root, %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx         # EFER
  rdmsr
  orl $0x901, %eax               # NXE | LME | SCE
  wrmsr
  movl $0x80010033, %eax         # CR0: PG | WP | NE | ET | MP | PE; caches on
  movl %eax, %cr0
  lgdt boot_descriptors_pointer
  ljmp $8, $1f
.code64
1:
  xorl %eax, %eax                # 64-bit mode needs no data segments
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movl %eax, %fs
  movl %eax, %gs
  movl $1, %edi                  # start_processor's first argument: this one's number
  movabsq $processors_awake, %rax
  lock xaddl %edi, (%rax)
  cmpl $PROCESSORS, %edi
  jae 2f                         # more processors than the kernel was built for
  movabsq $stacks, %rsp
  leal 1(%rdi), %eax
  imull $STACKS_BYTES, %eax
  addq %rax, %rsp
  xorl %ebp, %ebp
  movabsq $start_processor, %rax
  call *%rax                     # does not return
2:
  hlt
  jmp 2b
.align 8
boot_descriptors:
  .quad 0, 0x00af9b000000ffff    # none; code, 64-bit
boot_descriptors_pointer:
  .word 15
  .long boot_descriptors

.section .data
.globl processors_awake
.align 4
processors_awake: .long 0

.section .stacks, "aw", @nobits
.globl stacks
.align 4096
stacks: .skip PROCESSORS * STACKS_BYTES
.text
