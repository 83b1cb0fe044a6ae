/* C programs on bare x86-64: the calls as traps, how a program begins and ends, and what
 * compilers need. See native.h. */

#include <mem.h>
#include <sartoris.h>

#include "native.h"

long usufruct_trap(long number, long first, long second, long third, long fourth) {
    long answer;
    register long r10 __asm__("r10") = fourth;
    /* The kernel keeps all registers but these; where it stores is what the words say. */
    __asm__ volatile("syscall"
                     : "=a"(answer)
                     : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10)
                     : "rcx", "r11", "memory");
    return answer;
}

#define POINTER(p) ((long)(uintptr_t)(p))
#define TRAP(number, first, second, third, fourth) \
    ((int)usufruct_trap(number, first, second, third, fourth))

int share_mem(int target_task, void *addr, int size, int perms) {
    return TRAP(CALL_SHARE_MEM, target_task, POINTER(addr), size, perms);
}

int claim_mem(int smo_id) {
    return TRAP(CALL_CLAIM_MEM, smo_id, 0, 0, 0);
}

int pass_mem(int smo_id, int target_task) {
    return TRAP(CALL_PASS_MEM, smo_id, target_task, 0, 0);
}

int read_mem(int smo_id, int off, int size, void *dest) {
    return TRAP(CALL_READ_MEM, smo_id, off, size, POINTER(dest));
}

int write_mem(int smo_id, int off, int size, void *src) {
    return TRAP(CALL_WRITE_MEM, smo_id, off, size, POINTER(src));
}

int mem_size(int smo_id) {
    return TRAP(CALL_MEM_SIZE, smo_id, 0, 0, 0);
}

int last_error(void) {
    return TRAP(CALL_LAST_ERROR, 0, 0, 0, 0);
}

int watch_task(int task, int port) {
    return TRAP(CALL_WATCH_TASK, task, port, 0, 0);
}

int find_task(const char *name, int len) {
    return TRAP(CALL_FIND_TASK, POINTER(name), len, 0, 0);
}

int get_current_task(void) {
    return TRAP(CALL_GET_CURRENT_TASK, 0, 0, 0, 0);
}

int get_current_thread(void) {
    return TRAP(CALL_GET_CURRENT_THREAD, 0, 0, 0, 0);
}

int open_port(int port) {
    return TRAP(CALL_OPEN_PORT, port, 0, 0, 0);
}

int close_port(int port) {
    return TRAP(CALL_CLOSE_PORT, port, 0, 0, 0);
}

int send_msg(int task, int port, const void *msg16) {
    return TRAP(CALL_SEND_MSG, task, port, POINTER(msg16), 0);
}

int get_msg(int port, void *msg16, int *sender) {
    return TRAP(CALL_GET_MSG, port, POINTER(msg16), POINTER(sender), 0);
}

int get_msg_count(int port) {
    return TRAP(CALL_GET_MSG_COUNT, port, 0, 0, 0);
}

int wait_msg(int port, int timeout_ms) {
    return TRAP(CALL_WAIT_MSG, port, timeout_ms, 0, 0);
}

Err ControlMem(void *p, int32 size, int32 cmd, Item task) {
    return TRAP(CALL_ControlMem, POINTER(p), size, cmd, task);
}

/* The pool lies below 4 GiB. */
void *AllocMemBlocks(int32 size, uint32 flags) {
    return (void *)(uintptr_t)(uint32_t)TRAP(CALL_AllocMemBlocks, size, flags, 0, 0);
}

int32 GetPageSize(uint32 flags) {
    return TRAP(CALL_GetPageSize, flags, 0, 0, 0);
}

int32 IsMemReadable(const void *p, int32 size) {
    return TRAP(CALL_IsMemReadable, POINTER(p), size, 0, 0);
}

int32 IsMemWritable(const void *p, int32 size) {
    return TRAP(CALL_IsMemWritable, POINTER(p), size, 0, 0);
}

int32 IsMemOwned(const void *p, int32 size) {
    return TRAP(CALL_IsMemOwned, POINTER(p), size, 0, 0);
}

void AvailMem(MemInfo *info, uint32 flags) {
    usufruct_trap(CALL_AvailMem, POINTER(info), flags, 0, 0);
}

_Noreturn void exit(int status) {
    usufruct_trap(CALL_EXIT, status, 0, 0, 0);
    __builtin_trap();
}

long grow_memory(long bytes) {
    return usufruct_trap(CALL_GROW_MEMORY, bytes, 0, 0, 0);
}

long grow_stack(long bytes) {
    return usufruct_trap(CALL_GROW_STACK, bytes, 0, 0, 0);
}

long open_stream(const char *path, int length, int flags) {
    return usufruct_trap(CALL_OPEN_STREAM, POINTER(path), length, flags, 0);
}

long close_stream(int stream) {
    return usufruct_trap(CALL_CLOSE_STREAM, stream, 0, 0, 0);
}

long read_stream(int stream, void *buffer, long size) {
    return usufruct_trap(CALL_READ_STREAM, stream, POINTER(buffer), size, 0);
}

long write_stream(int stream, const void *buffer, long size) {
    return usufruct_trap(CALL_WRITE_STREAM, stream, POINTER(buffer), size, 0);
}

long time_ms(void) {
    return usufruct_trap(CALL_TIME_MS, 0, 0, 0, 0);
}

long yield_turn(void) {
    return usufruct_trap(CALL_YIELD_TURN, 0, 0, 0, 0);
}

long spawn_thread(void (*entry)(void *), void *stack_end, void *argument) {
    return usufruct_trap(CALL_SPAWN_THREAD, POINTER(entry), POINTER(stack_end), POINTER(argument), 0);
}

_Noreturn void exit_thread(void) {
    usufruct_trap(CALL_EXIT_THREAD, 0, 0, 0, 0);
    __builtin_trap();
}

/* In one instruction each, so that no compiler makes a call of memcpy out of memcpy. */

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t bytes) {
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(byte) : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
    if ((uintptr_t)to - (uintptr_t)from >= bytes)
        return memcpy(to, from, bytes);
    void *at = (char *)to + bytes - 1;
    const void *last = (const char *)from + bytes - 1;
    __asm__ volatile("std; rep movsb; cld" : "+D"(at), "+S"(last), "+c"(bytes) : : "memory", "cc");
    return to;
}

int memcmp(const void *one, const void *other, size_t bytes) {
    const volatile unsigned char *a = one, *b = other;
    for (; bytes > 0; bytes--, a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

/* What main is told: more than these are left out. */
#define MOST_STRINGS 64

/* The strings in a block, each of which ends in NUL; how many. NULL behind the last. */
static int strings_in(char *block, long bytes, char **strings) {
    int count = 0;
    for (long at = 0; at < bytes && count < MOST_STRINGS; at++)
        if (at == 0 || block[at - 1] == 0)
            strings[count++] = block + at;
    strings[count] = NULL;
    return count;
}

__attribute__((used)) static void begin(char *strings, long argument_bytes, long variable_bytes) {
    static char *arguments[MOST_STRINGS + 1], *variables[MOST_STRINGS + 1];
    int count = strings_in(strings, argument_bytes, arguments);
    strings_in(strings + argument_bytes, variable_bytes, variables);
    exit(main(count, arguments, variables));
}

/* The kernel enters with the stack on a multiple of 16; a function is called from there. */
__asm__(".globl _start\n"
        "_start: xor %ebp, %ebp\n"
        "call begin\n"
        "ud2\n");
