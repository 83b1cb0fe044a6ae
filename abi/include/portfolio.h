/* Page control: section 3 of docs/calls.md.
 *
 * The numbers are those of the Rust crate usufruct-abi; a test there compares them.
 * In WebAssembly the calls are imports of module "usufruct". */

#ifndef USUFRUCT_PORTFOLIO_H
#define USUFRUCT_PORTFOLIO_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __wasm__
#define USUFRUCT_PAGE_CALL(name) __attribute__((import_module("usufruct"), import_name(#name)))
#else
#define USUFRUCT_PAGE_CALL(name)
#endif

typedef int32_t int32;
typedef uint32_t uint32;
/* 0, or one of the error words. */
typedef int32 Err;
/* A task; 0: the system, or every task. */
typedef int32 Item;

/* ControlMem: what to change. */
#define MEMC_NOWRITE 1
#define MEMC_OKWRITE 2
#define MEMC_GIVE 3

/* AllocMemBlocks: fill the block with the byte in the low 8 bits of the flags. */
#define MEMTYPE_FILL 0x100

/* Error words; all are negative. */
#define BADITEM ((Err)0xD57B9001)
#define NOMEM ((Err)0xD57B9006)
#define ER_BadPtr ((Err)0xD57B9009)
#define ABORTED ((Err)0xD57B900A)
#define PARAMERROR ((Err)0xD57B9017)
#define ER_Kr_BadMemCmd ((Err)0xD57B9107)

/* Call numbers, for machines where a call is a trap. */
#define CALL_ControlMem 64
#define CALL_AllocMemBlocks 65
#define CALL_GetPageSize 66
#define CALL_IsMemReadable 67
#define CALL_IsMemWritable 68
#define CALL_IsMemOwned 69
#define CALL_AvailMem 70

/* What AvailMem fills in, all in bytes. */
typedef struct MemInfo {
    uint32 SysFree;
    uint32 SysLargest;
    uint32 TaskFree;
    uint32 TaskLargest;
} MemInfo;

USUFRUCT_PAGE_CALL(ControlMem) Err ControlMem(void *p, int32 size, int32 cmd, Item task);
USUFRUCT_PAGE_CALL(AllocMemBlocks) void *AllocMemBlocks(int32 size, uint32 flags);
USUFRUCT_PAGE_CALL(GetPageSize) int32 GetPageSize(uint32 flags);
USUFRUCT_PAGE_CALL(IsMemReadable) int32 IsMemReadable(const void *p, int32 size);
USUFRUCT_PAGE_CALL(IsMemWritable) int32 IsMemWritable(const void *p, int32 size);
USUFRUCT_PAGE_CALL(IsMemOwned) int32 IsMemOwned(const void *p, int32 size);
USUFRUCT_PAGE_CALL(AvailMem) void AvailMem(MemInfo *info, uint32 flags);

/* Not calls, but the guest library's (guest/c/pages.c): blocks of any size in pages of the pool.
 *
 * AllocMem: size bytes, aligned to 16, or NULL. flags: 0 or MEMTYPE_FILL and a byte.
 * FreeMem: size as it was allocated. 0, or ER_BadPtr if that is no such block; then nothing has changed.
 * ScavengeMem: gives back all whole pages without a block. Bytes given back. */
void *AllocMem(int32 size, uint32 flags);
Err FreeMem(void *p, int32 size);
int32 ScavengeMem(void);

#ifdef __cplusplus
}
#endif

#endif
