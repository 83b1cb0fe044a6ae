/* guest/c/pages.c in a task of its own. The first argument says what the task does; one that finds
 * something wrong says the line and exits with 1. Where there are two, either may be in Rust:
 * guest/programs/pages plays the same parts. */

/* For nanosleep. */
#define _POSIX_C_SOURCE 200809L

#include <sartoris.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../pages.h"

#define PORT 0
#define PATIENCE_MS 20000
#define ROUNDS 100
#define PAGES 5

#define CHECK(condition) \
    ((condition) ? (void)0 : (fprintf(stderr, "task.c, line %d: %s\n", __LINE__, #condition), exit(1)))

static int32 page;
static int other;

static MemInfo available(void) {
    MemInfo info = {0, 0, 0, 0};
    AvailMem(&info, 0);
    return info;
}

static int all(const void *p, int32 size, int byte) {
    const unsigned char *bytes = p;
    for (int32 i = 0; i < size; i++)
        if (bytes[i] != byte)
            return 0;
    return 1;
}

/* ---- talk ---- */

static void a_moment(void) {
    struct timespec moment = {0, 1000000};
    nanosleep(&moment, NULL);
}

static void talk_with(const char *name) {
    CHECK(open_port(PORT) == 0);
    for (int left = PATIENCE_MS; (other = find_task(name, (int)strlen(name))) < 0; left--) {
        CHECK(left > 0);
        a_moment();
    }
}

static void say(const void *p, int32 size) {
    int32 words[4] = {(int32)(uintptr_t)p, size, 0, 0};
    for (int left = PATIENCE_MS; send_msg(other, PORT, words) != 0; left--) {
        CHECK(last_error() == SERR_PORT_DISABLED && left > 0);
        a_moment();
    }
}

static char *hear(int32 *size) {
    int32 words[4];
    int sender;
    CHECK(wait_msg(PORT, PATIENCE_MS) == 0 && get_msg(PORT, words, &sender) == 0);
    CHECK(sender == other);
    *size = words[1];
    return (char *)(uintptr_t)(uint32)words[0];
}

static void nod(void) {
    say(NULL, 0);
}

static void wait_for_nod(void) {
    int32 size;
    CHECK(hear(&size) == NULL && size == 0);
}

/* ---- parts for one ---- */

static void pages(void) {
    MemInfo before = available();
    for (int turn = 0; turn < 2; turn++) {
        char *p = alloc_pages(3 * page - 1);
        CHECK(p != NULL && (uintptr_t)p >= 0x80000000u && all(p, 3 * page, 0));
        memset(p, 0xa5, (size_t)(3 * page));
        CHECK(accept_pages(p, page) == ER_BadPtr && accept_pages_to_read(p, 3 * page) == ER_BadPtr);
        CHECK(free_pages(p + page, page) == 0 && free_pages(p, 3 * page) == ER_BadPtr);
        CHECK(free_pages(p, page) == 0 && free_pages(p + 2 * page, 1) == 0);
    }
    CHECK(alloc_pages(0) == NULL && alloc_pages(-1) == NULL && alloc_pages(INT32_MAX) == NULL);
    CHECK(alloc_pages((int32)before.TaskLargest + 1) == NULL);
    /* As others give them: owned, and not in the record. */
    char *kept = alloc_pages(page), *untold = AllocMemBlocks(3 * page, 0);
    CHECK(untold != NULL && discard_unclaimed() == 3 * page && discard_unclaimed() == 0);
    CHECK(accept_pages(untold, page) == ER_BadPtr && free_pages(kept, page) == 0);
    MemInfo after = available();
    CHECK(memcmp(&before, &after, sizeof before) == 0);
}

/* Words of a letter that are no delivery. */
static void letters(void) {
    static _Alignas(65536) char private[65536] = {1};
    const uint32 pool = 0x80000000u, one = (uint32)page, own = (uint32)(uintptr_t)private;
    int32 free = (int32)available().SysFree;
    const struct {
        uint32 address;
        int32 size;
    } letters[] = {
        {0, page},           {own, page},         {own, 65536},
        {pool, page},        {pool, free},        {pool + (uint32)free, page},
        {pool - one, page},  {pool - one, 2 * page}, {pool, 0x7fff0000},
        {pool + 1, page},    {pool + one / 2, 1}, {UINT32_MAX, 1},
        {0 - one, page},     {0 - one, 2 * page}, {0 - one, INT32_MAX},
        {pool, 0},           {pool, -1},          {pool, INT32_MIN},
        {pool, INT32_MAX},
    };
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        char *p = (char *)(uintptr_t)letters[i].address;
        int32 size = letters[i].size;
        CHECK(accept_pages(p, size) == ER_BadPtr && accept_pages_to_read(p, size) == ER_BadPtr);
        CHECK(free_pages(p, size) == ER_BadPtr);
        CHECK(give_pages(p, size, get_current_task()) == ER_BadPtr);
    }
    CHECK(private[0] == 1 && all(private + 1, 65535, 0));
    CHECK((int32)available().SysFree == free);
}

static void heap(void) {
    enum { BLOCKS = 8 };
    static const int32 sizes[BLOCKS] = {1, 15, 16, 17, 100, 4096, 12289, 819200};
    MemInfo before = available();
    char *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = AllocMem(sizes[i], MEMTYPE_FILL | 0x5a);
        CHECK(blocks[i] != NULL && (uintptr_t)blocks[i] % 16 == 0 && (uintptr_t)blocks[i] >= 0x80000000u);
    }
    for (int i = 0; i < BLOCKS; i++)
        CHECK(all(blocks[i], sizes[i], 0x5a) && FreeMem(blocks[i], sizes[i] + 16) == ER_BadPtr);
    CHECK(AllocMem(0, 0) == NULL && AllocMem(-1, 0) == NULL && AllocMem(16, 1) == NULL);
    CHECK(AllocMem(0x7fff0000, 0) == NULL && FreeMem(NULL, 16) == ER_BadPtr);
    CHECK(accept_pages(blocks[5] - (uintptr_t)blocks[5] % (uintptr_t)page, page) == ER_BadPtr);

    uint32 taken = available().SysFree;
    for (int i = 1; i < BLOCKS; i += 2)
        CHECK(FreeMem(blocks[i], sizes[i]) == 0 && FreeMem(blocks[i], sizes[i]) == ER_BadPtr);
    int32 given = ScavengeMem();
    CHECK(given >= 819200 - page && given % page == 0);
    CHECK(available().SysFree == taken + (uint32)given && ScavengeMem() == 0);
    for (int i = 0; i < BLOCKS; i += 2)
        CHECK(all(blocks[i], sizes[i], 0x5a) && FreeMem(blocks[i], sizes[i]) == 0);
    CHECK(ScavengeMem() > 0);
    MemInfo after = available();
    CHECK(memcmp(&before, &after, sizeof before) == 0);
}

static void no_pool(void) {
    char *pool = (char *)(uintptr_t)0x80000000u;
    CHECK(page == 0 && discard_unclaimed() == 0 && alloc_pages(1) == NULL && AllocMem(1, 0) == NULL && ScavengeMem() == 0);
    CHECK(accept_pages(pool, 4096) == ER_BadPtr && free_pages(pool, 4096) == ER_BadPtr);
    CHECK(give_pages(pool, 4096, get_current_task()) == ER_BadPtr && FreeMem(pool, 16) == ER_BadPtr);
}

/* In a pool that ends at 4 GiB and has little else left. */
static void last_pages(void) {
    uint32 free = available().TaskLargest;
    char *first = (char *)(uintptr_t)(0u - free), *last = (char *)(uintptr_t)(0u - (uint32)page);
    CHECK(alloc_pages((int32)free) == first);
    memset(first, 7, free);
    CHECK(*last == 7 && accept_pages(last, page) == ER_BadPtr);
    CHECK(free_pages(last, 2 * page) == ER_BadPtr && free_pages(last, page) == 0 && *last == 0);
    CHECK(free_pages(last, page) == ER_BadPtr && alloc_pages(2 * page) == NULL);
    CHECK(alloc_pages(1) == last && all(last, page, 0));
    CHECK(free_pages(first, (int32)free) == 0);

    /* As many blocks as there is room for: one granule is the last there is. */
    int32 books = page;
    char *block = AllocMem((int32)free - books, MEMTYPE_FILL | 9);
    CHECK(block == first + books && all(block, (int32)free - books, 9));
    CHECK(AllocMem(1, 0) == NULL && FreeMem(block, (int32)free - books) == 0);
    char *small = AllocMem((int32)free - books - 16, 0), *granule = AllocMem(16, MEMTYPE_FILL | 8);
    CHECK(small == block && granule == last + page - 16 && all(granule, 16, 8));
    CHECK(FreeMem(granule, 32) == ER_BadPtr && FreeMem(granule, 16) == 0);
    CHECK(FreeMem(small, (int32)free - books - 16) == 0 && ScavengeMem() == (int32)free);
}

/* ---- parts for two ---- */

static void giver(void) {
    talk_with("receiver");
    char *p = alloc_pages(PAGES * page);
    CHECK(p != NULL);
    memset(p, 0x10, (size_t)(PAGES * page));
    /* Not give_pages, which lets go. */
    CHECK(ControlMem(p, PAGES * page, MEMC_GIVE, other) == 0);
    p[0] = 0x10;
    say(p, PAGES * page);
    wait_for_nod();
    CHECK(!IsMemWritable(p, 1) && all(p, PAGES * page, 0x10));
    *(volatile char *)p = 0x66;
    CHECK(!"a store to pages that were accepted has landed");
}

static void receiver(void) {
    talk_with("giver");
    CHECK(watch_task(other, PORT) == 0);
    int32 size, words[4];
    int sender;
    char *p = hear(&size);
    CHECK(size == PAGES * page && accept_pages(p, size) == 0);
    nod();
    CHECK(wait_msg(PORT, PATIENCE_MS) == 0 && get_msg(PORT, words, &sender) == 0);
    CHECK(sender == 0 && words[0] == other && words[2] == ENDED_FORBIDDEN_STORE);
    CHECK(all(p, size, 0x10));
    memset(p, 0x20, (size_t)size);
    CHECK(all(p, size, 0x20) && free_pages(p, size) == 0);
}

static void left(void) {
    talk_with("right");
    char *p = alloc_pages(PAGES * page);
    int32 size;
    for (int round = 0; round < ROUNDS; round++) {
        memset(p, 2 * round, (size_t)(PAGES * page));
        CHECK(give_pages(p, PAGES * page, other) == 0);
        say(p, PAGES * page);
        CHECK(hear(&size) == p && size == PAGES * page);
        CHECK(accept_pages(p, size) == 0 && all(p, size, 2 * round + 1));
    }
}

static void right(void) {
    talk_with("left");
    for (int round = 0; round < ROUNDS; round++) {
        int32 size;
        char *p = hear(&size);
        CHECK(accept_pages(p, size) == 0 && all(p, size, 2 * round));
        for (int32 i = 0; i < size; i++)
            p[i]++;
        CHECK(give_pages(p, size, other) == 0);
        say(p, size);
    }
}

int main(int argc, char **argv) {
    static const struct {
        const char *role;
        void (*play)(void);
    } roles[] = {
        {"pages", pages}, {"letters", letters},   {"heap", heap}, {"no-pool", no_pool}, {"last-pages", last_pages},
        {"giver", giver}, {"receiver", receiver}, {"left", left}, {"right", right},
    };
    page = GetPageSize(0);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (argc > 1 && strcmp(argv[1], roles[i].role) == 0) {
            roles[i].play();
            return 0;
        }
    fprintf(stderr, "task.c: there is no such role\n");
    return 1;
}
