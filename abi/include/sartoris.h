/* Tasks, shared memory objects and ports: sections 1, 2 and 6 of docs/calls.md.
 *
 * The numbers are those of the Rust crate usufruct-abi; a test there compares them.
 * In WebAssembly the calls are imports of module "usufruct". */

#ifndef USUFRUCT_SARTORIS_H
#define USUFRUCT_SARTORIS_H

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __wasm__
#define USUFRUCT_CALL(name) __attribute__((import_module("usufruct"), import_name(#name)))
#else
#define USUFRUCT_CALL(name)
#endif

/* share_mem: what the target may do. WRITE does not imply READ. */
#define READ_PERM 2
#define WRITE_PERM 4

/* Ports of one task: 0 to 31. */
#define MAX_TASK_OPEN_PORTS 32
/* The size of a message, in bytes. */
#define MSG_BYTES 16
/* The longest name of a task, in bytes. */
#define MAX_TASK_NAME_BYTES 31
/* wait_msg: no timeout. */
#define WAIT_FOREVER (-1)

/* watch_task: the reason in the message. */
#define ENDED_EXIT 0
#define ENDED_TRAP 1
#define ENDED_KILLED 2
#define ENDED_FORBIDDEN_STORE 3
#define ENDED_FORGOTTEN 4

/* last_error */
#define SERR_OK 0
#define SERR_INVALID_PTR 1
#define SERR_INVALID_ID 2
#define SERR_INVALID_TSK 3
#define SERR_NO_PERMISSION 5
#define SERR_NO_MEM 6
#define SERR_INVALID_SIZE 12
#define SERR_INVALID_PORT 16
#define SERR_PORT_DISABLED 17
#define SERR_PORT_FULL 18
#define SERR_NO_MSG 19
#define SERR_TOO_MANY_SMOS 23
#define SERR_INVALID_SMO 24
#define SERR_NOT_SMO_TARGET 25
#define SERR_SMO_NOT_OWNED 26
#define SERR_INVALID_PERMS 40

/* Call numbers, for machines where a call is a trap. */
#define CALL_SHARE_MEM 1
#define CALL_CLAIM_MEM 2
#define CALL_PASS_MEM 3
#define CALL_READ_MEM 4
#define CALL_WRITE_MEM 5
#define CALL_MEM_SIZE 6
#define CALL_LAST_ERROR 7
#define CALL_WATCH_TASK 16
#define CALL_FIND_TASK 17
#define CALL_GET_CURRENT_TASK 18
#define CALL_GET_CURRENT_THREAD 19
#define CALL_OPEN_PORT 32
#define CALL_CLOSE_PORT 33
#define CALL_SEND_MSG 34
#define CALL_GET_MSG 35
#define CALL_GET_MSG_COUNT 36
#define CALL_WAIT_MSG 37

/* Shared memory objects. share_mem: an id > 0, or -1; mem_size: bytes, or -1; the others: 0, or -1. */
USUFRUCT_CALL(share_mem) int share_mem(int target_task, void *addr, int size, int perms);
USUFRUCT_CALL(claim_mem) int claim_mem(int smo_id);
USUFRUCT_CALL(pass_mem) int pass_mem(int smo_id, int target_task);
USUFRUCT_CALL(read_mem) int read_mem(int smo_id, int off, int size, void *dest);
USUFRUCT_CALL(write_mem) int write_mem(int smo_id, int off, int size, void *src);
USUFRUCT_CALL(mem_size) int mem_size(int smo_id);
/* The calling thread's last error in the calls of this header. */
USUFRUCT_CALL(last_error) int last_error(void);

/* Tasks. watch_task: 0, or -1; the others: an id, or -1. */
USUFRUCT_CALL(watch_task) int watch_task(int task, int port);
USUFRUCT_CALL(find_task) int find_task(const char *name, int len);
USUFRUCT_CALL(get_current_task) int get_current_task(void);
USUFRUCT_CALL(get_current_thread) int get_current_thread(void);

/* Ports. get_msg_count: messages, or -1; the others: 0, or -1. */
USUFRUCT_CALL(open_port) int open_port(int port);
USUFRUCT_CALL(close_port) int close_port(int port);
USUFRUCT_CALL(send_msg) int send_msg(int task, int port, const void *msg16);
USUFRUCT_CALL(get_msg) int get_msg(int port, void *msg16, int *sender);
USUFRUCT_CALL(get_msg_count) int get_msg_count(int port);
USUFRUCT_CALL(wait_msg) int wait_msg(int port, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
