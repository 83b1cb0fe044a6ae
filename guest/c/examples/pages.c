/* Page control, call by call, with the words of Portfolio's document:
 *
 *     usufruct run --pool 1MiB pages=pages.wasm */

#include <mem.h>
#include <sartoris.h>

#include "check.h"

/* Programs ask how large a page is. */
static int32 example_GetPageSize(void) {
    int32 page = GetPageSize(0);
    CHECK(page > 0 && GetPageSize(7) == 0);
    return page;
}

/* "When a task allocates memory, it becomes the owner of that memory." */
static char *example_AllocMemBlocks(int32 size) {
    int32 *pages = AllocMemBlocks(size, 0);
    CHECK(pages != NULL && pages[0] >= size); /* the first word: the bytes given */
    char *filled = AllocMemBlocks(1, MEMTYPE_FILL | 'x');
    CHECK(filled != NULL && filled[0] == 'x' && filled[GetPageSize(0) - 1] == 'x');
    CHECK(ControlMem(filled, 1, MEMC_GIVE, 0) == 0);
    CHECK(AllocMemBlocks(0, 0) == NULL);
    return (char *)pages;
}

/* Of a range, all of it must qualify. */
static void example_IsMemReadable(const char *pages, int32 size) {
    CHECK(IsMemReadable(pages, size) == 1);
}

static void example_IsMemWritable(const char *pages, int32 size, int32 expected) {
    CHECK(IsMemWritable(pages, size) == expected);
}

static void example_IsMemOwned(const char *pages, int32 size, int32 expected) {
    CHECK(IsMemOwned(pages, size) == expected);
}

static uint32 example_AvailMem(void) {
    MemInfo info = {0, 0, 0, 0};
    AvailMem(&info, 0);
    CHECK(info.TaskLargest <= info.TaskFree && info.SysLargest <= info.SysFree);
    return info.SysFree;
}

static void example_ControlMem(char *pages, int32 page) {
    Item me = get_current_task();
    /* "A task can use ControlMem() to prevent itself from writing to memory it owns." And: "If the
     * p and size arguments specify any part of a page, the changes apply to the entire page." */
    CHECK(ControlMem(pages + 100, 8, MEMC_NOWRITE, me) == 0);
    example_IsMemWritable(pages, page, 0);
    example_IsMemWritable(pages + page, page, 1);
    CHECK(ControlMem(pages, page, MEMC_OKWRITE, me) == 0);
    example_IsMemWritable(pages, page, 1);
    /* "If task is 0 revokes write permission for all tasks." */
    CHECK(ControlMem(pages, 2 * page, MEMC_NOWRITE, 0) == 0);
    example_IsMemWritable(pages, 1, 0);
    /* "We would like to support making a piece of memory writable by all other tasks": it is. */
    CHECK(ControlMem(pages, 2 * page, MEMC_OKWRITE, 0) == 0);
    example_IsMemWritable(pages, 2 * page, 1);
    /* What is not in order is refused, and nothing has changed. */
    CHECK(ControlMem(pages, page, 4, me) == ER_Kr_BadMemCmd);
    CHECK(ControlMem(pages, page, MEMC_OKWRITE, -7) == BADITEM);
    CHECK(ControlMem(&me, sizeof me, MEMC_OKWRITE, me) == ER_BadPtr);
    example_IsMemOwned(pages, 2 * page, 1);
    /* "If the specified task is 0, it gives the memory back to the system free memory pool." */
    CHECK(ControlMem(pages, 2 * page, MEMC_GIVE, 0) == 0);
    example_IsMemOwned(pages, page, 0);
}

int main(void) {
    uint32 before = example_AvailMem();
    int32 page = example_GetPageSize();
    char *pages = example_AllocMemBlocks(2 * page);
    CHECK(example_AvailMem() == before - 2 * (uint32)page);
    example_IsMemReadable(pages, 2 * page);
    example_IsMemWritable(pages, 2 * page, 1);
    example_IsMemOwned(pages, 2 * page, 1);
    example_ControlMem(pages, page);
    CHECK(example_AvailMem() == before);
    return 0;
}
