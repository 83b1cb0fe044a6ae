/* Commands and replies as bytes; the words of probe-core/src/protocol.rs, which explains them.
 * A test of the conformance suite compares the two. */

#ifndef PROBE_PROTOCOL_H
#define PROBE_PROTOCOL_H

#include <stdint.h>

#define DATA_BYTES 4096
#define COMMAND_HEADER_BYTES 40
#define REPLY_HEADER_BYTES 24
#define ARENA_BYTES 1048576
#define ARENA_ALIGN 4096

#define PROBE_CALL 1
#define PROBE_LOAD 2
#define PROBE_STORE 3
#define PROBE_FILL 4
#define PROBE_COPY 5
#define PROBE_CHECKSUM 6
#define PROBE_SPIN 7
#define PROBE_EXIT 8
#define PROBE_TRAP 9
#define PROBE_ARENA 10
#define PROBE_COUNT 11
#define PROBE_REPEAT 12
#define PROBE_STORE_WORD 13
#define PROBE_KEEP_STORING 14

#define STATUS_DONE 0
#define STATUS_NOT_UNDERSTOOD 1

struct command {
    uint32_t operation;
    uint32_t number;
    uint64_t words[4];
    uint8_t data[DATA_BYTES];
};

struct reply {
    uint32_t status;
    int32_t result;
    int32_t last_error;
    uint32_t zero;
    uint64_t value;
    uint8_t data[DATA_BYTES];
};

#endif
