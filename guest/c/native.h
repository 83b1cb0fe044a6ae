/* What a C program on bare x86-64 has in WASI's place, beside the calls of sartoris.h and
 * portfolio.h: compile native.c with it. The Rust crate usufruct-abi says the same (NativeCall,
 * StreamError); a test of the guest library compares them. */

#ifndef USUFRUCT_NATIVE_H
#define USUFRUCT_NATIVE_H

#include <stddef.h>

#define CALL_EXIT 96
#define CALL_GROW_MEMORY 97
#define CALL_OPEN_STREAM 98
#define CALL_CLOSE_STREAM 99
#define CALL_READ_STREAM 100
#define CALL_WRITE_STREAM 101
#define CALL_TIME_MS 102
#define CALL_YIELD_TURN 103
#define CALL_SPAWN_THREAD 104
#define CALL_EXIT_THREAD 105
#define CALL_GROW_STACK 106

/* open_stream */
#define STREAM_READ 1
#define STREAM_WRITE 2

/* What these calls answer instead of success: WASI's numbers, negated. */
#define STREAM_EBADF (-8)
#define STREAM_ECANCELED (-11)
#define STREAM_EFAULT (-21)
#define STREAM_EINVAL (-28)
#define STREAM_EMFILE (-33)
#define STREAM_ENOENT (-44)
#define STREAM_ENOMEM (-48)
#define STREAM_ENOTCAPABLE (-76)

/* Where a program begins: argument 0 is the task's name. variables: "NAME=value", NULL at the end. */
int main(int count, char **arguments, char **variables);

_Noreturn void exit(int status);
/* At least so many bytes of zeros more, behind the heap: where they begin. 0: where it ends. */
long grow_memory(long bytes);
/* Streams 0, 1 and 2 are open from the start. */
long open_stream(const char *path, int length, int flags);
long close_stream(int stream);
long read_stream(int stream, void *buffer, long size);
long write_stream(int stream, const void *buffer, long size);
long time_ms(void);
long yield_turn(void);
/* The same for a thread's stack, 1 MiB at most: below it is a page that nobody has, so a stack that
 * is used up is a fault, if this is compiled with -fstack-clash-protection: else a frame larger than
 * a page may jump over that page. Its end is what this answers, and bytes more. */
long grow_stack(long bytes);
/* The entry begins with stack_end in rsp, and must not return but call exit_thread. */
long spawn_thread(void (*entry)(void *), void *stack_end, void *argument);
_Noreturn void exit_thread(void);

/* Any call, by its number. */
long usufruct_trap(long number, long first, long second, long third, long fourth);

/* What compilers call by themselves. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *one, const void *other, size_t bytes);

#endif
