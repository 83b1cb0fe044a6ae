/* Shared memory objects, call by call, with the words of Sartoris's document. A task may share
 * with itself, so one task is enough:
 *
 *     usufruct run objects=objects.wasm */

#include <sartoris.h>
#include <serr_name.h>

#include <string.h>

#include "check.h"

static char bytes[] = "exactly these bytes";

/* "creates a SMO of size `size` bytes at offset `addr` of the current task's address space, that
 * can be accessed by the task `target_task`" */
static int example_share_mem(int perms) {
    int smo = share_mem(get_current_task(), bytes, (int)strlen(bytes), perms);
    CHECK(smo > 0);
    CHECK(share_mem(-1, bytes, 1, READ_PERM) == -1 && last_error() == SERR_INVALID_TSK);
    CHECK(share_mem(get_current_task(), bytes, 1, 1) == -1 && last_error() == SERR_INVALID_PERMS);
    return smo;
}

static void example_mem_size(int smo) {
    CHECK(mem_size(smo) == (int)strlen(bytes));
}

/* "copies the `size` bytes at offset `off` of the SMO to the address `dest`" */
static void example_read_mem(int smo) {
    char copy[6] = "";
    CHECK(read_mem(smo, 8, 5, copy) == 0 && strcmp(copy, "these") == 0);
    /* All or nothing: the range is checked as a whole, and sums do not wrap. */
    CHECK(read_mem(smo, 1, 0x7fffffff, copy) == -1 && last_error() == SERR_INVALID_SIZE);
    CHECK(strcmp(copy, "these") == 0);
}

/* "copies `size` bytes from address `src` to offset `off` of the SMO" */
static void example_write_mem(int smo) {
    char word[] = "those";
    CHECK(write_mem(smo, 8, 5, word) == 0 && strcmp(bytes, "exactly those bytes") == 0);
    CHECK(read_mem(smo, 0, 1, word) == -1 && last_error() == SERR_NO_PERMISSION);
}

/* "the target task of an SMO can pass it over to another task"; here, to itself */
static void example_pass_mem(int smo) {
    CHECK(pass_mem(smo, get_current_task()) == 0);
    CHECK(pass_mem(smo, -1) == -1 && last_error() == SERR_INVALID_TSK);
    CHECK(mem_size(smo) > 0);
}

/* When it returns, no byte moves through the object any more. */
static void example_claim_mem(int smo) {
    CHECK(claim_mem(smo) == 0);
    CHECK(mem_size(smo) == -1);
}

/* Why the last call was refused; 0 if it was not. */
static void example_last_error(int gone) {
    CHECK(claim_mem(gone) == -1 && last_error() == SERR_INVALID_SMO);
    printf("an object that has been claimed: %s\n", serr_name(last_error()));
}

int main(void) {
    int smo = example_share_mem(READ_PERM);
    example_mem_size(smo);
    example_read_mem(smo);
    example_pass_mem(smo);
    example_claim_mem(smo);
    example_last_error(smo);
    smo = example_share_mem(WRITE_PERM);
    example_write_mem(smo);
    example_claim_mem(smo);
    return 0;
}
