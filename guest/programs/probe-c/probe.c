/* The conformance suite's guest program in C: does what a test tells it, as guest code.
 * The same program as probe-core/src/interpreter.rs, without a C library: for WebAssembly, and
 * with guest/c/native.c for bare x86-64. */

#include <portfolio.h>
#include <sartoris.h>

#include "protocol.h"

/* The commands are read as they come, so the structures must have no holes. */
_Static_assert(sizeof(struct command) == COMMAND_HEADER_BYTES + DATA_BYTES, "command");
_Static_assert(sizeof(struct reply) == REPLY_HEADER_BYTES + DATA_BYTES, "reply");

#define CALL_NUMBERS 128

/* next_command waits for a command and stores it; its length in bytes, or -1 when there will be
 * no more. reply takes a reply. */
#ifdef __wasm__
#define IMPORT(name) __attribute__((import_module("probe"), import_name(#name)))
IMPORT(next_command) int next_command(void *into, unsigned capacity);
IMPORT(reply) void reply(const void *frame, unsigned bytes);
#define WASM_PAGE_BYTES 65536u
#define ENTRY __attribute__((export_name("main"))) int obey(void)
#else
#include "native.h"
/* Traps of the tests' own: machines/x86_64/wire has their numbers. */
#define TRAP_EXIT 0x1000
#define TRAP_NEXT_COMMAND 0x1001
#define TRAP_REPLY 0x1002
static int next_command(void *into, unsigned capacity) {
    return (int)usufruct_trap(TRAP_NEXT_COMMAND, (long)into, capacity, 0, 0);
}
static void reply(const void *frame, unsigned bytes) {
    usufruct_trap(TRAP_REPLY, (long)frame, bytes, 0, 0);
}
#define ENTRY int main(int count, char **arguments, char **variables)
#endif

/* Ends with this status. */
static int leave(int status) {
#ifndef __wasm__
    usufruct_trap(TRAP_EXIT, status, 0, 0, 0);
#endif
    return status;
}

/* The scratch memory. The kernel stores here too, hence volatile accesses only. */
static _Alignas(ARENA_ALIGN) uint8_t arena[ARENA_BYTES];

static struct command command;
static struct reply answer;
static uint32_t calls_made[CALL_NUMBERS];

static volatile uint8_t *byte_at(uint64_t address) {
    return (volatile uint8_t *)(uintptr_t)address;
}

/* Eight bytes that need not be aligned. */
struct word {
    uint64_t bits;
} __attribute__((packed));

static void store_word(uint64_t address, uint64_t bits) {
    ((volatile struct word *)(uintptr_t)address)->bits = bits;
}

static int to_int(uint64_t word) {
    return (int)(uint32_t)word;
}

static void *to_pointer(uint64_t word) {
    return (void *)(uintptr_t)word;
}

/* Enters the kernel, and counts it; 0 if this probe has no way to make that call. */
static int make(uint32_t number, const uint64_t *words, int *result) {
    int first = to_int(words[0]), second = to_int(words[1]), third = to_int(words[2]);
    if (number < CALL_NUMBERS)
        calls_made[number]++;
    switch (number) {
    case CALL_SHARE_MEM:
        *result = share_mem(first, to_pointer(words[1]), third, to_int(words[3]));
        break;
    case CALL_CLAIM_MEM:
        *result = claim_mem(first);
        break;
    case CALL_PASS_MEM:
        *result = pass_mem(first, second);
        break;
    case CALL_READ_MEM:
        *result = read_mem(first, second, third, to_pointer(words[3]));
        break;
    case CALL_WRITE_MEM:
        *result = write_mem(first, second, third, to_pointer(words[3]));
        break;
    case CALL_MEM_SIZE:
        *result = mem_size(first);
        break;
    case CALL_LAST_ERROR:
        *result = last_error();
        break;
    case CALL_WATCH_TASK:
        *result = watch_task(first, second);
        break;
    case CALL_FIND_TASK:
        *result = find_task(to_pointer(words[0]), second);
        break;
    case CALL_GET_CURRENT_TASK:
        *result = get_current_task();
        break;
    case CALL_GET_CURRENT_THREAD:
        *result = get_current_thread();
        break;
    case CALL_OPEN_PORT:
        *result = open_port(first);
        break;
    case CALL_CLOSE_PORT:
        *result = close_port(first);
        break;
    case CALL_SEND_MSG:
        *result = send_msg(first, second, to_pointer(words[2]));
        break;
    case CALL_GET_MSG:
        *result = get_msg(first, to_pointer(words[1]), to_pointer(words[2]));
        break;
    case CALL_GET_MSG_COUNT:
        *result = get_msg_count(first);
        break;
    case CALL_WAIT_MSG:
        *result = wait_msg(first, second);
        break;
    case CALL_ControlMem:
        *result = ControlMem(to_pointer(words[0]), second, third, to_int(words[3]));
        break;
    case CALL_AllocMemBlocks:
        *result = (int)(uintptr_t)AllocMemBlocks(first, (uint32_t)words[1]);
        break;
    case CALL_GetPageSize:
        *result = GetPageSize((uint32_t)words[0]);
        break;
    case CALL_IsMemReadable:
        *result = IsMemReadable(to_pointer(words[0]), second);
        break;
    case CALL_IsMemWritable:
        *result = IsMemWritable(to_pointer(words[0]), second);
        break;
    case CALL_IsMemOwned:
        *result = IsMemOwned(to_pointer(words[0]), second);
        break;
    case CALL_AvailMem:
        AvailMem(to_pointer(words[0]), (uint32_t)words[1]);
        *result = 0;
        break;
    default:
        return 0;
    }
    return 1;
}

static int ask_last_error(void) {
    static const uint64_t none[4];
    return make(CALL_LAST_ERROR, none, &answer.last_error);
}

static uint64_t data_word(void) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--)
        word = word << 8 | command.data[i];
    return word;
}

static int repeat(void) {
    uint64_t limit = data_word();
    for (;;) {
        if (!make(command.number, command.words, &answer.result))
            return 0;
        if (answer.result != 0)
            break;
        if (++answer.value == limit)
            break;
    }
    return ask_last_error();
}

static void fill(const uint64_t *words) {
    for (uint64_t i = 0; i < words[1]; i++)
        *byte_at(words[0] + i) = (uint8_t)words[2];
}

/* As if through a buffer: away from the overlap. */
static void copy(uint64_t to, uint64_t from, uint64_t bytes) {
    if (to <= from)
        for (uint64_t i = 0; i < bytes; i++)
            *byte_at(to + i) = *byte_at(from + i);
    else
        for (uint64_t i = bytes; i-- > 0;)
            *byte_at(to + i) = *byte_at(from + i);
}

/* 64-bit FNV-1a (Fowler, Noll, Vo). */
static uint64_t checksum(uint64_t from, uint64_t bytes) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < bytes; i++)
        hash = (hash ^ *byte_at(from + i)) * 0x100000001b3u;
    return hash;
}

static void spin(uint64_t rounds) {
    for (volatile uint64_t done = 0; rounds == 0 || done < rounds;)
        done = done + 1;
}

/* Where the program's memory ends. */
static uint64_t memory_end(void) {
#ifdef __wasm__
    return (uint64_t)__builtin_wasm_memory_size(0) * WASM_PAGE_BYTES;
#else
    extern uint8_t usufruct_program_end[];
    return (uint64_t)(uintptr_t)usufruct_program_end;
#endif
}

static void put_word(unsigned at, uint64_t word) {
    for (unsigned i = 0; i < 8; i++)
        answer.data[at + i] = (uint8_t)(word >> 8 * i);
}

/* The operations on memory and time; how many data bytes the reply has, or -1. */
static int carry_out(unsigned data_bytes) {
    const uint64_t *words = command.words;
    switch (command.operation) {
    case PROBE_LOAD:
        if (words[1] > DATA_BYTES)
            return -1;
        for (uint64_t i = 0; i < words[1]; i++)
            answer.data[i] = *byte_at(words[0] + i);
        return (int)words[1];
    case PROBE_STORE:
        for (unsigned i = 0; i < data_bytes; i++)
            *byte_at(words[0] + i) = command.data[i];
        return 0;
    case PROBE_STORE_WORD:
        store_word(words[0], words[1]);
        return 0;
    case PROBE_FILL:
        fill(words);
        return 0;
    case PROBE_KEEP_STORING:
        for (;;)
            fill(words);
    case PROBE_COPY:
        copy(words[0], words[1], words[2]);
        return 0;
    case PROBE_CHECKSUM:
        answer.value = checksum(words[0], words[1]);
        return 0;
    case PROBE_SPIN:
        spin(words[0]);
        return 0;
    case PROBE_ARENA:
        put_word(0, (uint64_t)(uintptr_t)arena);
        put_word(8, ARENA_BYTES);
        put_word(16, memory_end());
        return 24;
    case PROBE_CALL:
        return make(command.number, words, &answer.result) && ask_last_error() ? 0 : -1;
    case PROBE_REPEAT:
        return data_bytes >= 8 && repeat() ? 0 : -1;
    case PROBE_COUNT:
        if (command.number >= CALL_NUMBERS)
            return -1;
        answer.value = calls_made[command.number];
        return 0;
    default:
        return -1;
    }
}

/* The task's entry: obeys until told to end. The value is the exit code. */
ENTRY {
#ifndef __wasm__
    (void)count, (void)arguments, (void)variables;
#endif
    for (;;) {
        int length = next_command(&command, sizeof command);
        if (length < 0)
            return leave(0);
        answer.status = STATUS_DONE;
        answer.result = answer.last_error = 0;
        answer.value = 0;
        int bytes = -1;
        if (length >= COMMAND_HEADER_BYTES) {
            if (command.operation == PROBE_EXIT)
                return leave(to_int(command.words[0]));
            if (command.operation == PROBE_TRAP)
                __builtin_trap();
            bytes = carry_out((unsigned)length - COMMAND_HEADER_BYTES);
        }
        if (bytes < 0) {
            answer.status = STATUS_NOT_UNDERSTOOD;
            bytes = 0;
        }
        reply(&answer, REPLY_HEADER_BYTES + (unsigned)bytes);
    }
}
