/* Blocks of any size in pages of the pool, call by call. These are the library's, not the
 * kernel's: compile it with pages.c (guest/c/pages.c).
 *
 *     usufruct run --pool 1MiB heap=heap.wasm */

#include <mem.h>

#include "check.h"

static char *example_AllocMem(int32 size) {
    char *block = AllocMem(size, MEMTYPE_FILL | '-');
    CHECK(block != NULL && block[0] == '-' && block[size - 1] == '-');
    CHECK(IsMemOwned(block, size) == 1);
    return block;
}

static void example_FreeMem(char *block, int32 size) {
    CHECK(FreeMem(block + 16, size) == ER_BadPtr); /* not a block: nothing has changed */
    CHECK(FreeMem(block, size) == 0);
}

/* Free blocks stay the task's pages until somebody scavenges them. */
static void example_ScavengeMem(const char *freed) {
    CHECK(IsMemOwned(freed, 1) == 1);
    CHECK(ScavengeMem() > 0);
    CHECK(IsMemOwned(freed, 1) == 0);
}

int main(void) {
    int32 size = 3 * GetPageSize(0) + 1;
    char *block = example_AllocMem(size);
    example_FreeMem(block, size);
    example_ScavengeMem(block);
    return 0;
}
