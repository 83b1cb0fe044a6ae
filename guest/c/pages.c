/* Whole pages, and blocks of any size in them.
 *
 * The heap takes pages by the run. The first pages of a run hold its books, which are bits: for each
 * granule of the rest whether it is in use, and whether a block begins there; for each page whether
 * it is gone. So books and blocks share no page, whoever frees what is no block harms nothing, and
 * free neighbours are one without being joined. */

#include "pages.h"

#include <sartoris.h>
#include <stddef.h>

/* The most bytes of one call: a size that stays positive when it is rounded up to pages. */
#define MOST_BYTES 0x7fff0000
#define ENTRY_BITS 32u

/* ---- bits ---- */

static int bit(const uint32_t *bits, uint32_t at) {
    return bits[at / ENTRY_BITS] >> (at % ENTRY_BITS) & 1u;
}

/* The bits of one entry, from `from` to the entry's end or `end`. */
static uint32_t mask(uint32_t from, uint32_t end) {
    uint32_t first = from % ENTRY_BITS, left = end - from;
    uint32_t count = left < ENTRY_BITS - first ? left : ENTRY_BITS - first;
    return UINT32_MAX >> (ENTRY_BITS - count) << first;
}

static uint32_t next_entry(uint32_t at) {
    return (at / ENTRY_BITS + 1) * ENTRY_BITS;
}

static void set_bits(uint32_t *bits, uint32_t from, uint32_t end) {
    for (uint32_t at = from; at < end; at = next_entry(at))
        bits[at / ENTRY_BITS] |= mask(at, end);
}

static void clear_bits(uint32_t *bits, uint32_t from, uint32_t end) {
    for (uint32_t at = from; at < end; at = next_entry(at))
        bits[at / ENTRY_BITS] &= ~mask(at, end);
}

/* Where the next bit with that value is, or `end`. */
static uint32_t next_bit(const uint32_t *bits, uint32_t from, uint32_t end, int value) {
    for (uint32_t at = from; at < end; at = next_entry(at)) {
        uint32_t entry = value ? bits[at / ENTRY_BITS] : ~bits[at / ENTRY_BITS];
        uint32_t found = entry & mask(at, end);
        if (found != 0)
            return at / ENTRY_BITS * ENTRY_BITS + (uint32_t)__builtin_ctz(found);
    }
    return end;
}

/* ---- the record: a bit for each 4 KiB below 4 GiB, where all pools are ---- */

#define GRAIN_BYTES 4096u
#define GRAINS (1u << 20)

static uint32_t record[GRAINS / ENTRY_BITS];

static uint32_t first_grain(const void *p) {
    return (uint32_t)((uintptr_t)p / GRAIN_BYTES);
}

/* Whether p and size name pages; size becomes a whole number of them. */
static int whole_pages(const void *p, int32 *size) {
    uint32_t page = (uint32_t)GetPageSize(0), bytes = (uint32_t)*size;
    if (page < GRAIN_BYTES || *size < 1 || *size > MOST_BYTES)
        return 0;
    bytes = (bytes + page - 1) / page * page;
    *size = (int32)bytes;
    uint64_t end = (uint64_t)(uintptr_t)p + bytes;
    return (uintptr_t)p % page == 0 && end <= (uint64_t)GRAINS * GRAIN_BYTES;
}

static int any_recorded(const void *p, int32 size) {
    uint32_t first = first_grain(p), end = first + (uint32_t)size / GRAIN_BYTES;
    return next_bit(record, first, end, 1) != end;
}

static int all_recorded(const void *p, int32 size) {
    uint32_t first = first_grain(p), end = first + (uint32_t)size / GRAIN_BYTES;
    return next_bit(record, first, end, 0) == end;
}

static void enter(const void *p, int32 size) {
    set_bits(record, first_grain(p), first_grain(p) + (uint32_t)size / GRAIN_BYTES);
}

static void strike(const void *p, int32 size) {
    clear_bits(record, first_grain(p), first_grain(p) + (uint32_t)size / GRAIN_BYTES);
}

/* ---- whole pages ---- */

void *alloc_pages(int32 size) {
    void *p = NULL;
    /* The size first: rounded up, it is what the kernel gives. */
    if (!whole_pages(p, &size))
        return NULL;
    p = AllocMemBlocks(size, 0);
    if (p == NULL)
        return NULL;
    *(int32 *)p = 0;
    enter(p, size);
    return p;
}

Err free_pages(void *p, int32 size) {
    if (!whole_pages(p, &size) || !all_recorded(p, size))
        return ER_BadPtr;
    Err error = ControlMem(p, size, MEMC_GIVE, 0);
    if (error == 0)
        strike(p, size);
    return error;
}

Err give_pages(void *p, int32 size, Item heir) {
    if (!whole_pages(p, &size) || !all_recorded(p, size))
        return ER_BadPtr;
    /* 0 is no heir, but the pool. */
    Err error = heir == 0 ? BADITEM : ControlMem(p, size, MEMC_GIVE, heir);
    if (error != 0)
        return error;
    ControlMem(p, size, MEMC_NOWRITE, get_current_task());
    strike(p, size);
    return 0;
}

Err accept_pages_to_read(void *p, int32 size) {
    if (!whole_pages(p, &size) || any_recorded(p, size))
        return ER_BadPtr;
    Err error = ControlMem(p, size, MEMC_NOWRITE, 0);
    if (error == 0)
        enter(p, size);
    return error;
}

Err accept_pages(void *p, int32 size) {
    Err error = accept_pages_to_read(p, size);
    return error != 0 ? error : ControlMem(p, size, MEMC_OKWRITE, get_current_task());
}

/* Where the private memory ends. Elsewhere than in WebAssembly nothing is known of it; what is not the
 * pool's the kernel refuses. */
static uint64_t heap_end(void) {
#ifdef __wasm__
    return (uint64_t)__builtin_wasm_memory_size(0) << 16;
#else
    return 0;
#endif
}

int32 discard_unclaimed(void) {
    /* Pools begin at a multiple of this, and of what is not there whole steps are passed over. */
    const uint64_t step = 1u << 20, end = (uint64_t)GRAINS * GRAIN_BYTES;
    int32 page = GetPageSize(0);
    uint32_t discarded = 0;
    if (page < (int32)GRAIN_BYTES)
        return 0;
    for (uint64_t from = (heap_end() + step - 1) / step * step; from < end; from += step)
        for (uint64_t at = from; at < from + step; at += (uint32_t)page) {
            void *p = (void *)(uintptr_t)at;
            if (at == from && !IsMemReadable(p, 1))
                break;
            if (IsMemOwned(p, page) && !any_recorded(p, page) && ControlMem(p, page, MEMC_GIVE, 0) == 0)
                discarded += (uint32_t)page;
        }
    return discarded > INT32_MAX ? INT32_MAX : (int32)discarded;
}

/* ---- the heap ---- */

#define GRANULE_BYTES 16u
/* The heap takes at least that many bytes for blocks. */
#define LEAST_DATA_BYTES 0x10000u

/* The books of a run of pages, at its beginning. */
struct arena {
    struct arena *next;
    uint32_t page_bytes, data_pages, books_bytes;
    /* Granules not in use. To pass over arenas that are full. */
    uint32_t free;
    uint32_t entries[];
};

static struct arena *arenas;

static uint32_t page_granules(const struct arena *arena) {
    return arena->page_bytes / GRANULE_BYTES;
}

static uint32_t granules(const struct arena *arena) {
    return arena->data_pages * page_granules(arena);
}

static uint32_t *used(struct arena *arena) {
    return arena->entries;
}

static uint32_t *first(struct arena *arena) {
    return used(arena) + granules(arena) / ENTRY_BITS;
}

static uint32_t *gone(struct arena *arena) {
    return first(arena) + granules(arena) / ENTRY_BITS;
}

static char *data(struct arena *arena) {
    return (char *)arena + arena->books_bytes;
}

/* A run of pages for at least `bytes` bytes of blocks, in the list; NULL if it is not to be had. */
static struct arena *take_arena(uint32_t bytes) {
    uint32_t page = (uint32_t)GetPageSize(0);
    if (page < GRAIN_BYTES)
        return NULL;
    uint32_t pages = (bytes + page - 1) / page;
    uint32_t entries = 2 * pages * (page / GRANULE_BYTES / ENTRY_BITS) + (pages + ENTRY_BITS - 1) / ENTRY_BITS;
    uint32_t books = (uint32_t)sizeof(struct arena) + entries * (uint32_t)sizeof(uint32_t);
    books = (books + page - 1) / page * page;
    uint64_t all = (uint64_t)pages * page + books;
    struct arena *arena = all > MOST_BYTES ? NULL : alloc_pages((int32)all);
    if (arena == NULL)
        return NULL;
    arena->next = arenas;
    arena->page_bytes = page;
    arena->data_pages = pages;
    arena->books_bytes = books;
    arena->free = granules(arena);
    arenas = arena;
    return arena;
}

static void *take_block(struct arena *arena, uint32_t count) {
    uint32_t all = granules(arena), from = 0;
    if (count > arena->free)
        return NULL;
    for (;;) {
        uint32_t start = next_bit(used(arena), from, all, 0);
        if (all - start < count)
            return NULL;
        from = next_bit(used(arena), start, start + count, 1);
        if (from == start + count) {
            set_bits(used(arena), start, from);
            set_bits(first(arena), start, start + 1);
            arena->free -= count;
            return data(arena) + start * GRANULE_BYTES;
        }
    }
}

/* How many granules the block has that begins there; 0 if none does. */
static uint32_t block_granules(struct arena *arena, uint32_t start) {
    if (!bit(first(arena), start) || bit(gone(arena), start / page_granules(arena)))
        return 0;
    uint32_t end = next_bit(used(arena), start, granules(arena), 0);
    return next_bit(first(arena), start + 1, end, 1) - start;
}

/* Whether it was a block of this arena, and is free now. */
static int free_block(struct arena *arena, const void *p, uint32_t count) {
    uintptr_t address = (uintptr_t)p, begin = (uintptr_t)data(arena);
    if (address < begin || (address - begin) % GRANULE_BYTES != 0)
        return 0;
    uintptr_t start = (address - begin) / GRANULE_BYTES;
    if (start >= granules(arena) || block_granules(arena, (uint32_t)start) != count)
        return 0;
    clear_bits(used(arena), (uint32_t)start, (uint32_t)start + count);
    clear_bits(first(arena), (uint32_t)start, (uint32_t)start + 1);
    arena->free += count;
    return 1;
}

/* Gives back the whole free pages of an arena: bytes. */
static uint32_t scavenge_arena(struct arena *arena) {
    uint32_t each = page_granules(arena), all = granules(arena), given = 0, end;
    for (uint32_t start = 0; start < all; start = end) {
        start = next_bit(used(arena), start, all, 0);
        end = next_bit(used(arena), start, all, 1);
        uint32_t page = (start + each - 1) / each, until = end / each;
        if (page >= until)
            continue;
        set_bits(used(arena), page * each, until * each);
        set_bits(first(arena), page * each, page * each + 1);
        set_bits(gone(arena), page, until);
        arena->free -= (until - page) * each;
        uint32_t bytes = (until - page) * arena->page_bytes;
        free_pages(data(arena) + page * arena->page_bytes, (int32)bytes);
        given += bytes;
    }
    return given;
}

void *AllocMem(int32 size, uint32 flags) {
    if (size < 1 || size > MOST_BYTES || (flags & ~0xffu) != (flags == 0 ? 0 : MEMTYPE_FILL))
        return NULL;
    uint32_t bytes = (uint32_t)size, count = (bytes + GRANULE_BYTES - 1) / GRANULE_BYTES;
    void *p = NULL;
    for (struct arena *arena = arenas; arena != NULL && p == NULL; arena = arena->next)
        p = take_block(arena, count);
    if (p == NULL) {
        struct arena *arena = bytes < LEAST_DATA_BYTES ? take_arena(LEAST_DATA_BYTES) : NULL;
        if (arena == NULL)
            arena = take_arena(bytes);
        if (arena != NULL)
            p = take_block(arena, count);
    }
    if (p != NULL && flags != 0)
        /* Of any C library, or of the program's own where there is none. */
        __builtin_memset(p, (int)(flags & 0xffu), bytes);
    return p;
}

Err FreeMem(void *p, int32 size) {
    if (size < 1)
        return ER_BadPtr;
    uint32_t count = ((uint32_t)size + GRANULE_BYTES - 1) / GRANULE_BYTES;
    for (struct arena *arena = arenas; arena != NULL; arena = arena->next)
        if (free_block(arena, p, count))
            return 0;
    return ER_BadPtr;
}

int32 ScavengeMem(void) {
    uint32_t given = 0;
    struct arena **link = &arenas;
    while (*link != NULL) {
        struct arena *arena = *link;
        given += scavenge_arena(arena);
        if (next_bit(gone(arena), 0, arena->data_pages, 0) != arena->data_pages) {
            link = &arena->next;
            continue;
        }
        *link = arena->next;
        given += arena->books_bytes;
        free_pages(arena, (int32)arena->books_bytes);
    }
    return given > INT32_MAX ? INT32_MAX : (int32)given;
}
