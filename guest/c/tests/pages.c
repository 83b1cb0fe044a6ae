/* guest/c/pages.c over pages of this process, which its own MMU protects: whoever stores to a page that
 * was given back or frozen ends the test. */

#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../pages.h"

#define PAGE 4096
#define PAGES 600
#define ME 7
#define OTHER 9
/* Where pools are. */
#define POOL ((char *)(uintptr_t)0x80000000u)

#define CHECK(condition) \
    ((condition) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #condition), exit(1)))

/* ---- pages ---- */

/* 0: free. */
static Item owner[PAGES];
static int limit = PAGES;
static int refuse_write;

static int owned(Item task) {
    int count = 0;
    for (int page = 0; page < PAGES; page++)
        count += owner[page] == task;
    return count;
}

static void protect(int page, int count, int access) {
    CHECK(mprotect(POOL + (size_t)page * PAGE, (size_t)count * PAGE, access) == 0);
}

int get_current_task(void) {
    return ME;
}

int32 GetPageSize(uint32 flags) {
    return flags == 0 ? PAGE : 0;
}

void *AllocMemBlocks(int32 size, uint32 flags) {
    int count = (size + PAGE - 1) / PAGE, run = 0;
    CHECK(size > 0 && flags == 0);
    for (int page = 0; page < limit; page++) {
        run = owner[page] == 0 ? run + 1 : 0;
        if (run < count)
            continue;
        page -= count - 1;
        for (int i = 0; i < count; i++)
            owner[page + i] = ME;
        protect(page, count, PROT_READ | PROT_WRITE);
        *(int32 *)(void *)(POOL + page * PAGE) = count * PAGE;
        return POOL + page * PAGE;
    }
    return NULL;
}

/* As far as the library under test needs it. */
Err ControlMem(void *p, int32 size, int32 cmd, Item task) {
    ptrdiff_t offset = (char *)p - POOL;
    int first = (int)(offset / PAGE), count = (size + PAGE - 1) / PAGE;
    CHECK(size > 0 && offset % PAGE == 0);
    if (task != 0 && task != ME && task != OTHER)
        return BADITEM;
    if (offset < 0 || first + count > PAGES)
        return ER_BadPtr;
    for (int i = 0; i < count; i++)
        if (owner[first + i] != ME && !(cmd == MEMC_NOWRITE && task == ME))
            return ER_BadPtr;
    if (cmd == MEMC_OKWRITE && refuse_write)
        return NOMEM;
    if (cmd == MEMC_GIVE && task == 0) {
        protect(first, count, PROT_READ | PROT_WRITE);
        memset(p, 0, (size_t)count * PAGE);
    }
    if (cmd == MEMC_GIVE)
        for (int i = 0; i < count; i++)
            owner[first + i] = task;
    if (cmd == MEMC_NOWRITE || (cmd == MEMC_GIVE && task == 0))
        protect(first, count, PROT_READ);
    if (cmd == MEMC_OKWRITE)
        protect(first, count, PROT_READ | PROT_WRITE);
    return 0;
}

static int in_pool(const void *p) {
    return (const char *)p >= POOL && (const char *)p < POOL + PAGES * PAGE;
}

int32 IsMemReadable(const void *p, int32 size) {
    CHECK(size == 1);
    return in_pool(p);
}

int32 IsMemOwned(const void *p, int32 size) {
    CHECK(size == PAGE);
    return in_pool(p) && owner[((const char *)p - POOL) / PAGE] == ME;
}

/* ---- tests ---- */

static uint32_t random_below(uint32_t below) {
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

static int all(const char *p, int size, int byte) {
    for (int i = 0; i < size; i++)
        if (p[i] != (char)byte)
            return 0;
    return 1;
}

static void blocks_never_meet(void) {
    enum { BLOCKS = 400 };
    static struct {
        char *p;
        int size, byte;
    } blocks[BLOCKS];
    int taken = 0;
    for (int step = 0; step < 50000; step++) {
        int at = (int)random_below(BLOCKS), byte = (int)random_below(128);
        if (blocks[at].p == NULL) {
            int size = 1 + (int)random_below(random_below(20) == 0 ? 100000 : 600);
            int fill = (int)random_below(2);
            blocks[at].p = AllocMem(size, fill ? MEMTYPE_FILL | (uint32)byte : 0);
            if (blocks[at].p == NULL)
                continue;
            CHECK((uintptr_t)blocks[at].p % 16 == 0);
            if (!fill)
                memset(blocks[at].p, byte, (size_t)size);
            blocks[at].size = size;
            blocks[at].byte = byte;
            taken++;
        } else {
            CHECK(all(blocks[at].p, blocks[at].size, blocks[at].byte));
            CHECK(FreeMem(blocks[at].p, blocks[at].size + 16) == ER_BadPtr);
            CHECK(FreeMem(blocks[at].p + 8, blocks[at].size) == ER_BadPtr);
            CHECK(blocks[at].size <= 16 || FreeMem(blocks[at].p + 16, blocks[at].size - 16) == ER_BadPtr);
            CHECK(blocks[at].size <= 16 || FreeMem(blocks[at].p, blocks[at].size - 16) == ER_BadPtr);
            CHECK(FreeMem(blocks[at].p, blocks[at].size) == 0);
            CHECK(FreeMem(blocks[at].p, blocks[at].size) == ER_BadPtr);
            blocks[at].p = NULL;
        }
        if (step % 1000 == 0)
            ScavengeMem();
    }
    CHECK(taken > 10000);
    for (int at = 0; at < BLOCKS; at++)
        CHECK(blocks[at].p == NULL || FreeMem(blocks[at].p, blocks[at].size) == 0);
    CHECK(ScavengeMem() > 0);
    CHECK(owned(ME) == 0);
    CHECK(ScavengeMem() == 0);
}

static void whole_free_pages_go_back(void) {
    char *one = AllocMem(PAGE, 0), *two = AllocMem(3 * PAGE, 0), *three = AllocMem(16, 0);
    CHECK(owned(ME) == 17);
    CHECK(ScavengeMem() == 11 * PAGE);
    CHECK(FreeMem(two, 3 * PAGE) == 0);
    CHECK(ScavengeMem() == 3 * PAGE);
    CHECK(FreeMem(two, 3 * PAGE) == ER_BadPtr);
    CHECK(FreeMem(one, PAGE) == 0 && FreeMem(three, 16) == 0);
    CHECK(ScavengeMem() == 3 * PAGE && owned(ME) == 0);
}

static void sizes_and_flags_are_checked(void) {
    char *p = AllocMem(1, 0);
    CHECK(AllocMem(0, 0) == NULL && AllocMem(-1, 0) == NULL && AllocMem(INT32_MAX, 0) == NULL);
    CHECK(AllocMem(1, 5) == NULL && AllocMem(1, 0x205) == NULL);
    CHECK(FreeMem(NULL, 1) == ER_BadPtr && FreeMem(p, 0) == ER_BadPtr && FreeMem(p, -1) == ER_BadPtr);
    CHECK(FreeMem(p, INT32_MAX) == ER_BadPtr && FreeMem(&p, 1) == ER_BadPtr);
    CHECK(FreeMem(p, 1) == 0);
    ScavengeMem();
}

static void the_last_pages_are_used(void) {
    limit = 3;
    char *p = AllocMem(2 * PAGE, 0);
    CHECK(p != NULL && AllocMem(1, 0) == NULL);
    CHECK(FreeMem(p, 2 * PAGE) == 0 && ScavengeMem() == 3 * PAGE);
    limit = PAGES;
}

static void a_delivery_is_taken_once(void) {
    char *p = POOL + 10 * PAGE;
    CHECK(accept_pages(p, PAGE) == ER_BadPtr);
    owner[10] = owner[11] = ME;
    protect(10, 2, PROT_READ);
    CHECK(free_pages(p, PAGE) == ER_BadPtr && give_pages(p, PAGE, OTHER) == ER_BadPtr);
    CHECK(accept_pages(p + 1, 1) == ER_BadPtr && accept_pages(p, 0) == ER_BadPtr);
    CHECK(accept_pages(p, -1) == ER_BadPtr && accept_pages(p, INT32_MAX) == ER_BadPtr);
    CHECK(accept_pages(p, 2 * PAGE + 1) == ER_BadPtr);
    CHECK(accept_pages(p, PAGE + 1) == 0);
    p[0] = p[2 * PAGE - 1] = 1;
    CHECK(accept_pages(p, PAGE) == ER_BadPtr && accept_pages(p + PAGE, PAGE) == ER_BadPtr);
    CHECK(free_pages(p, 2 * PAGE) == 0 && free_pages(p, 2 * PAGE) == ER_BadPtr);

    owner[10] = ME;
    refuse_write = 1;
    CHECK(accept_pages(p, PAGE) == NOMEM && p[0] == 0);
    refuse_write = 0;
    CHECK(free_pages(p, PAGE) == 0 && owned(ME) == 0);
}

static void what_a_program_has_is_no_delivery(void) {
    char *block = AllocMem(100, 0), *pages = alloc_pages(100);
    char *books = POOL + (block - POOL) / PAGE * PAGE - PAGE;
    CHECK(all(pages, PAGE, 0));
    CHECK(accept_pages(books, PAGE) == ER_BadPtr && accept_pages(books + PAGE, PAGE) == ER_BadPtr);
    CHECK(accept_pages(pages, PAGE) == ER_BadPtr);
    CHECK(free_pages(pages, PAGE) == 0 && FreeMem(block, 100) == 0);
    ScavengeMem();
}

static void given_pages_can_come_back(void) {
    char *p = alloc_pages(PAGE);
    CHECK(give_pages(p, PAGE, 0) == BADITEM && give_pages(p, PAGE, 1) == BADITEM);
    CHECK(give_pages(p, PAGE, OTHER) == 0 && owned(OTHER) == 1);
    CHECK(give_pages(p, PAGE, OTHER) == ER_BadPtr && free_pages(p, PAGE) == ER_BadPtr);
    owner[(p - POOL) / PAGE] = ME;
    CHECK(accept_pages_to_read(p, PAGE) == 0 && free_pages(p, PAGE) == 0);
}

static void what_nobody_told_of_is_discarded(void) {
    char *pages = alloc_pages(100), *block = AllocMem(100, 0), *last = POOL + (PAGES - 1) * PAGE;
    memset(pages, 1, PAGE);
    CHECK(discard_unclaimed() == 0);
    int taken = owned(ME);
    owner[300] = owner[301] = owner[PAGES - 1] = ME;
    owner[302] = OTHER;
    CHECK(discard_unclaimed() == 3 * PAGE && owned(ME) == taken && owned(OTHER) == 1);
    CHECK(accept_pages(last, PAGE) == ER_BadPtr && all(pages, PAGE, 1));
    owner[302] = 0;
    CHECK(free_pages(pages, 100) == 0 && FreeMem(block, 100) == 0);
    ScavengeMem();
    CHECK(owned(ME) == 0);
}

int main(void) {
    void *at = mmap(POOL, (size_t)PAGES * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(at == POOL);
    blocks_never_meet();
    whole_free_pages_go_back();
    sizes_and_flags_are_checked();
    the_last_pages_are_used();
    a_delivery_is_taken_once();
    what_a_program_has_is_no_delivery();
    given_pages_can_come_back();
    what_nobody_told_of_is_discarded();
    return 0;
}
