# Between ring 3 and the kernel. AT&T syntax.
#
# To the kernel a task is a function: enter(&mut Context, served) runs it until it traps.
# So no stack is ever switched in Rust, and a task that waits holds none.
#
#   enter         save the kernel's registers, load the task's, iretq
#   a call        on the kernel's stack as enter left it: serve_read, serve_write or
#                 serve_straight, and serve_in_the_kernel; if one of them has the answer, sysretq
#   a trap        processor and save: the task's registers into its Context, load
#                 the kernel's, return from enter; also a call that was not served at once
#
# The stack that the TSS names for ring 0 ends behind Context.ss, so the processor itself
# pushes a trap's frame into place. The kernel does not use %gs; the second GS base
# always holds the address of this processor's TSS, and system_call alone looks at it.
# The names in braces are constants of context.rs and processor.rs.

.text
.globl enter
enter:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  pushq %rsi                     # served: where system_call looks for it
  movq %rsp, {CONTEXT_KERNEL_STACK}(%rdi)
  xorl %eax, %eax                # what the last task left there says something of it
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %fs
  movl %eax, %gs                 # the task's: the kernel's base is the second one
  movq %rdi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rbp
  popq %rbx
  popq %rdx
  popq %rcx
  popq %rax
  addq $16, %rsp                 # vector, error
  iretq

.globl system_call
system_call:                     # rcx = rip, r11 = rflags, interrupts off, stack still the task's
  swapgs
  movq %rsp, %gs:{TSS_RING_1_STACK}
  movq %gs:{TSS_RING_0_STACK}, %rsp
  movq (%rsp), %rsp              # Context.kernel_stack: served is on top there
  pushq %gs:{TSS_RING_1_STACK}   # the task's stack
  swapgs
  pushq %rax                     # what Rust may change, and a task may not lose
  pushq %rcx
  pushq %r11
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %r8
  pushq %r9
  pushq %r10
  movq %r10, %rcx                # the fourth word; the others are where the ABI wants them
  movq 80(%rsp), %r8             # served
  cmpq ${READ_MEM}, %rax
  jne 1f
  call serve_read                # the stack is on a multiple of 16: ten words and six below
  testq %rax, %rax               # an answer has the upper half clear
  js 2f
answered:
  popq %r10
  popq %r9
  popq %r8
  popq %rdx
  popq %rsi
  popq %rdi
  popq %r11
  popq %rcx
  movq 8(%rsp), %rsp             # the task's, behind the number
  sysretq                        # rcx is the instruction behind a task's own: never the last page
3:
  call serve_write
  testq %rax, %rax
  jns answered
  jmp 2f
1:
  cmpq ${WRITE_MEM}, %rax
  je 3b
  movq %rax, %r9                 # the number
  call serve_straight
  testq %rax, %rax
  jns answered
2:
  movq (%rsp), %rcx              # the same words once more
  movq 24(%rsp), %rdx
  movq 32(%rsp), %rsi
  movq 40(%rsp), %rdi
  movq 80(%rsp), %r8
  movq 64(%rsp), %r9
  call serve_in_the_kernel
  testq %rax, %rax
  jns answered
  popq %r10
  popq %r9
  popq %r8
  popq %rdx
  popq %rsi
  popq %rdi
  popq %r11
  popq %rcx
  popq %rax
  popq %rsp
  swapgs
  movq %rsp, %gs:{TSS_RING_1_STACK}
  movq %gs:{TSS_RING_0_STACK}, %rsp
  pushq ${USER_DATA}
  pushq %gs:{TSS_RING_1_STACK}
  swapgs
  pushq %r11
  pushq ${USER_CODE}
  pushq %rcx
  pushq $0
  pushq ${SYSTEM_CALL}
save:
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rbx
  pushq %rbp
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq {CONTEXT_KERNEL_STACK}(%rsp), %rsp
  addq $8, %rsp                  # served
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  cld
  clac                           # an interrupt, unlike a call, leaves the task's AC set
  ret

# One entry per vector. On the stack then: vector, error, rip, cs, rflags, rsp, ss.
trap:
  testb $3, 24(%rsp)
  jnz save                       # from ring 3: we are on the Context
  cmpq ${TIMER}, (%rsp)
  jb fatal
  addq $16, %rsp                 # an interrupt that ends a halt: its arrival is all
  iretq
fatal:
  movq %rsp, %rdi
  andq $-16, %rsp
  cld
  call kernel_trap               # does not return

.altmacro
.macro ENTRY vector
entry_\vector:
  .if !(\vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30)
  pushq $0                       # the processor pushes an error code for those only
  .endif
  pushq $\vector
  # NMI, double fault and machine check come on a stack of their own, wherever from.
  .if \vector == 2 || \vector == 8 || \vector == 18
  jmp fatal
  .else
  jmp trap
  .endif
.endm
.macro ENTRY_ADDRESS vector
  .quad entry_\vector
.endm

.set vector, 0
.rept {VECTORS}
  ENTRY %vector
  .set vector, vector + 1
.endr

.section .rodata
.align 8
.globl entries
entries:
.set vector, 0
.rept {VECTORS}
  ENTRY_ADDRESS %vector
  .set vector, vector + 1
.endr
.text
