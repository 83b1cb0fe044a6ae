/* Whole pages: taking, accepting, giving and freeing them, with a record of what this program has.
 *
 * The kernel knows which task owns a page, and not what for. A hostile giver may say twice that it has
 * given the same pages, or name pages that this program had before, its heap's among them. So these
 * functions, and AllocMem, keep a record, and none of them lets pages come in a second time. Of pages
 * that AllocMemBlocks gave the record does not know: programs that accept deliveries take theirs by
 * alloc_pages.
 *
 * p and size name whole pages: p is aligned to pages, size is rounded up. Where they do not, or the
 * pages are not there to be had, the answer is ER_BadPtr. */

#ifndef USUFRUCT_PAGES_H
#define USUFRUCT_PAGES_H

#include <portfolio.h>

/* Takes pages from the pool, all zeros. NULL: there are none, or size is not 1 to 0x7fff0000. */
void *alloc_pages(int32 size);

/* Gives them back to the pool. */
Err free_pages(void *p, int32 size);

/* Makes another task their owner, and gives up the right to write them. An error of ControlMem: nothing
 * has changed. */
Err give_pages(void *p, int32 size, Item heir);

/* Takes delivery of pages that another task says it has given: when this returns 0, nobody else can change
 * them, and this task can. Before that, do not look. NOMEM: the right to write is not to be had; the
 * pages are accepted, to be read. */
Err accept_pages(void *p, int32 size);

/* The same without the right to write, which is one change of the pages less. */
Err accept_pages_to_read(void *p, int32 size);

/* Frees every page that this task owns and the record does not know: what others have given it and it has
 * not accepted, pages that a letter still to be read names among them, and what AllocMemBlocks gave. How
 * many bytes that was. It asks the kernel about each page of the pool: for when the quota is used up. */
int32 discard_unclaimed(void);

#endif
