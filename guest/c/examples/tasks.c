/* Tasks, call by call. It wants another one to watch, which is the same program:
 *
 *     usufruct run tasks=tasks.wasm other=tasks.wasm */

#include <sartoris.h>

#include <string.h>

#include "check.h"

#define PORT 0

static int example_find_task(const char *name) {
    int task = find_task(name, (int)strlen(name));
    CHECK(task > 0);
    CHECK(find_task("nobody", 6) == -1 && last_error() == SERR_INVALID_TSK);
    return task;
}

static void example_get_current_task(const char *my_name) {
    CHECK(get_current_task() == example_find_task(my_name));
}

/* Wherever a task is expected, a thread's id means its task. */
static void example_get_current_thread(void) {
    CHECK(get_current_thread() > 0);
    CHECK(send_msg(get_current_thread(), PORT, "0123456789abcde") == 0);
    CHECK(get_msg_count(PORT) == 1);
    CHECK(close_port(PORT) == 0 && open_port(PORT) == 0);
}

/* When that task has ended, the kernel sends one message: the task, its exit status, the reason. */
static void example_watch_task(int other) {
    int words[4], sender;
    CHECK(watch_task(other, PORT) == 0);
    /* Let it go, as soon as it listens. */
    while (send_msg(other, PORT, "0123456789abcde") != 0)
        CHECK(last_error() == SERR_PORT_DISABLED);
    CHECK(wait_msg(PORT, WAIT_FOREVER) == 0 && get_msg(PORT, words, &sender) == 0);
    CHECK(sender == 0 && words[0] == other && words[1] == 0 && words[2] == ENDED_EXIT);
}

int main(int argc, char **argv) {
    CHECK(argc == 1 && open_port(PORT) == 0);
    if (strcmp(argv[0], "other") == 0)
        return wait_msg(PORT, WAIT_FOREVER);
    example_get_current_task(argv[0]);
    example_get_current_thread();
    example_watch_task(example_find_task("other"));
    return 0;
}
