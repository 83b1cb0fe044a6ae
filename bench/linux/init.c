/* The only program of a Linux that is booted to be counted: does what bench/COUNTS.md has of
 * usufruct's bare machine with Linux's own means, and says what it took. Where the clock of
 * the machine counts instructions (QEMU's -icount), so does rdtsc. */

#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

enum { TIMES = 64, PAGE = 4096, LENT = 128 << 10 };

typedef unsigned long word;

/* What two looks at the clock take. */
static word idle;
static pid_t peer;
static char *lent;
/* Seen by all processes: the clock where an end began, and what two make of their turns. */
static volatile struct shared {
    word from, ran[2], count;
    word taken[2 * TIMES];
} *shared;
static int to_peer[2], from_peer[2];
/* A page by itself, one among others, and one that a handler opens. */
static char *lone, *middle, *closed;

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    register long sixth __asm__("r9") = f;
    long answer;
    __asm__ volatile("syscall"
                     : "=a"(answer)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return answer;
}

static void power_off(unsigned char verdict)
{
    /* QEMU's isa-debug-exit. */
    if (ioperm(0xf4, 1, 1) == 0)
        outb(verdict, 0xf4);
    for (;;)
        pause();
}

static void want(int holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    power_off(1);
}

static int ascending(const void *left, const void *right)
{
    word a = *(const word *)left, b = *(const word *)right;
    return (a > b) - (a < b);
}

static void say(const char *name, word *taken, size_t times)
{
    qsort(taken, times, sizeof *taken, ascending);
    printf("counted: %s: %lu %lu\n", name, taken[0] - idle, taken[times / 2] - idle);
}

/* `act` answers whether it went well. Inlined, so that what it takes is the call's. */
static inline __attribute__((always_inline)) void count(const char *name, int (*act)(void))
{
    word taken[TIMES];
    for (int time = 0; time < TIMES; time++) {
        word begin = __rdtsc();
        int went_well = act();
        taken[time] = __rdtsc() - begin;
        want(went_well, name);
    }
    if (idle == 0)
        idle = taken[0];
    say(name, taken, TIMES);
}

static char buffer[LENT] __attribute__((aligned(PAGE)));

static inline int move(long number, long offset, long bytes)
{
    struct iovec here = {buffer + offset, bytes}, there = {lent + offset, bytes};
    return call(number, peer, (long)&here, 1, (long)&there, 1, 0) == bytes;
}

static inline int nothing(void) { return 1; }
static inline int null_call(void) { return call(SYS_getppid, 0, 0, 0, 0, 0, 0) >= 0; }
static inline int read_8(void) { return move(SYS_process_vm_readv, 0, 8); }
static inline int read_64(void) { return move(SYS_process_vm_readv, 0, 64); }
static inline int read_4k(void) { return move(SYS_process_vm_readv, 0, 4096); }
static inline int read_unaligned(void) { return move(SYS_process_vm_readv, 100, 4096); }
static inline int read_64k(void) { return move(SYS_process_vm_readv, 0, 64 << 10); }
static inline int write_64(void) { return move(SYS_process_vm_writev, 0, 64); }

static inline int protect(char *page, long rights)
{
    return call(SYS_mprotect, (long)page, PAGE, rights, 0, 0, 0) == 0;
}

static inline int grant_lone(void)
{
    return protect(lone, PROT_READ | PROT_WRITE) && protect(lone, PROT_READ);
}

static inline int grant_middle(void)
{
    return protect(middle, PROT_READ | PROT_WRITE) && protect(middle, PROT_READ);
}

static void open_page(int signal)
{
    (void)signal;
    want(protect(closed, PROT_READ | PROT_WRITE), "mprotect");
}

static inline int store(void)
{
    *(volatile char *)closed = 1;
    return 1;
}

/* The page is closed again outside of what is counted. */
static void count_handled_stores(const char *name)
{
    word taken[TIMES];
    signal(SIGSEGV, open_page);
    for (int time = 0; time < TIMES; time++) {
        want(protect(closed, PROT_READ), "mprotect");
        word begin = __rdtsc();
        store();
        taken[time] = __rdtsc() - begin;
    }
    signal(SIGSEGV, SIG_DFL);
    say(name, taken, TIMES);
}

static inline int round_trip(void)
{
    char message[16] = {0};
    return write(to_peer[1], message, 16) == 16 && read(from_peer[0], message, 16) == 16;
}

static void echo(void)
{
    char message[16];
    while (read(to_peer[0], message, 16) == 16)
        want(write(from_peer[1], message, 16) == 16, "write");
}

/* Each of two says when it ran last; whom the other has been running since then has been
 * switched to. Two switches, there and back, are one time. */
static void take_turns(int self)
{
    word last = __rdtsc();
    while (shared->count < 2 * TIMES) {
        word now = __rdtsc();
        word other = shared->ran[!self];
        if (other > last)
            shared->taken[shared->count++] = __rdtsc() - other;
        shared->ran[self] = now;
        /* A switch between the two looks is not seen twice. */
        last = now > other ? now : other;
    }
}

static void count_switches(const char *name)
{
    pid_t other = fork();
    if (other == 0) {
        take_turns(1);
        _exit(0);
    }
    take_turns(0);
    want(waitpid(other, NULL, 0) == other, "waitpid");
    word taken[TIMES];
    for (int time = 0; time < TIMES; time++)
        taken[time] = shared->taken[2 * time] + shared->taken[2 * time + 1] - idle;
    say(name, taken, TIMES);
}

static char *const again[] = {"/init", "nothing", NULL};

static inline int spawn(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return waitpid(child, NULL, 0) == child;
}

static inline int spawn_program(void)
{
    pid_t child = vfork();
    if (child == 0) {
        execv(again[0], again);
        _exit(1);
    }
    return waitpid(child, NULL, 0) == child;
}

/* From the last that a child does to the news of its end. */
static void count_ends(const char *name, int (*last)(void))
{
    word taken[TIMES];
    for (int time = 0; time < TIMES; time++) {
        want(protect(closed, PROT_READ), "mprotect");
        pid_t child = fork();
        if (child == 0) {
            shared->from = __rdtsc();
            last();
            _exit(0);
        }
        want(waitpid(child, NULL, 0) == child, name);
        taken[time] = __rdtsc() - shared->from;
    }
    say(name, taken, TIMES);
}

static void *pages(size_t count, int rights, int kind)
{
    void *at = mmap(NULL, count * PAGE, rights, kind | MAP_ANONYMOUS, -1, 0);
    want(at != MAP_FAILED, "mmap");
    return at;
}

static void prepare(void)
{
    char *apart = pages(3, PROT_NONE, MAP_PRIVATE);
    char *among = pages(64, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    shared = pages(1, PROT_READ | PROT_WRITE, MAP_SHARED);
    lent = pages(LENT / PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    closed = pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    lone = apart + PAGE;
    middle = among + 32 * PAGE;
    want(mprotect(lone, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
    /* All pages are there before anything is counted. */
    memset(lone, 1, PAGE);
    memset(among, 1, 64 * PAGE);
    memset(lent, 1, LENT);
    memset(buffer, 1, LENT);
    memset(closed, 1, PAGE);
    want(mprotect(among, 64 * PAGE, PROT_READ) == 0 && protect(lone, PROT_READ), "mprotect");
    want(pipe(to_peer) == 0 && pipe(from_peer) == 0, "pipe");
    peer = fork();
    want(peer >= 0, "fork");
    if (peer == 0) {
        memset(lent, 2, LENT);
        echo();
        _exit(0);
    }
    /* It has memory of its own when it answers. */
    want(round_trip(), "the other process");
}

static void count_all(void)
{
    prepare();
    count("nothing", nothing);
    count("getppid", null_call);
    count("process_vm_readv, 8 B", read_8);
    count("process_vm_readv, 64 B", read_64);
    count("process_vm_readv, 4 KiB", read_4k);
    count("process_vm_readv, 4 KiB, unaligned", read_unaligned);
    count("process_vm_readv, 64 KiB", read_64k);
    count("process_vm_writev, 64 B", write_64);
    count("mprotect twice, of one page alone", grant_lone);
    count("mprotect twice, of one page among others", grant_middle);
    count_handled_stores("SIGSEGV, handler, mprotect, again");
    count("pipe, there and back", round_trip);
    count_switches("two switches by the clock");
    count("fork, exit, wait", spawn);
    count("vfork, exec, exit, wait", spawn_program);
    count_ends("exit to wait", nothing);
    count_ends("SIGSEGV to wait", store);
}

/* The first process has a child do it, for it is special itself: Linux tells of each of its
 * signals on the console. */
int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 0;
    setvbuf(stdout, NULL, _IONBF, 0);
    pid_t child = fork();
    if (child == 0) {
        count_all();
        _exit(0);
    }
    int status = -1;
    want(waitpid(child, &status, 0) == child && status == 0, "the counting child");
    power_off(0);
}
