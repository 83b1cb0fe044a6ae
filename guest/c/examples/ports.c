/* Ports, call by call. A task may send to itself, so one task is enough:
 *
 *     usufruct run ports=ports.wasm */

#include <sartoris.h>

#include <string.h>

#include "check.h"

#define PORT 3

static void example_open_port(void) {
    CHECK(open_port(PORT) == 0);
    CHECK(open_port(PORT) == -1 && last_error() == SERR_PORT_DISABLED);
    CHECK(open_port(MAX_TASK_OPEN_PORTS) == -1 && last_error() == SERR_INVALID_PORT);
}

/* It never blocks: where there is no room, it says so. */
static void example_send_msg(const char *message) {
    CHECK(send_msg(get_current_task(), PORT, message) == 0);
    CHECK(send_msg(get_current_task(), PORT + 1, message) == -1);
    CHECK(last_error() == SERR_PORT_DISABLED);
}

static void example_get_msg_count(int expected) {
    CHECK(get_msg_count(PORT) == expected);
}

/* Sleeps until a message is there, or so many milliseconds; WAIT_FOREVER: without an end. */
static void example_wait_msg(int result) {
    CHECK(wait_msg(PORT, 1) == result);
}

/* The kernel says who has sent it, and nobody can forge that. */
static void example_get_msg(const char *expected) {
    char message[MSG_BYTES];
    int sender;
    CHECK(get_msg(PORT, message, &sender) == 0 && sender == get_current_task());
    CHECK(memcmp(message, expected, MSG_BYTES) == 0);
    CHECK(get_msg(PORT, message, &sender) == -1 && last_error() == SERR_NO_MSG);
}

/* What was queued is lost. */
static void example_close_port(void) {
    CHECK(close_port(PORT) == 0);
    CHECK(get_msg_count(PORT) == -1 && last_error() == SERR_PORT_DISABLED);
}

int main(void) {
    static const char message[MSG_BYTES] = "fifteen letters";
    example_open_port();
    example_wait_msg(-1);
    example_send_msg(message);
    example_get_msg_count(1);
    example_wait_msg(0);
    example_get_msg(message);
    example_get_msg_count(0);
    example_close_port();
    return 0;
}
