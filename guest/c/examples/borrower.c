/* Asks the task `lender` for an object, and prints what is in it. */

#include <sartoris.h>
#include <serr_name.h>

#include <stdio.h>
#include <string.h>

#define PORT 0
#define MOST_BYTES 256

static int refused(const char *call) {
    fprintf(stderr, "borrower: %s: %s\n", call, serr_name(last_error()));
    return 1;
}

int main(void) {
    static const char lender_name[] = "lender";

    if (open_port(PORT) != 0)
        return refused("open_port");
    int lender = find_task(lender_name, (int)strlen(lender_name));
    if (lender < 0)
        return refused("find_task");
    if (watch_task(lender, PORT) != 0)
        return refused("watch_task");

    /* The lender may not have opened its port yet: look again after a while. */
    int message[4] = {0, 0, 0, 0}, sender;
    while (send_msg(lender, PORT, message) != 0) {
        if (last_error() != SERR_PORT_DISABLED)
            return refused("send_msg");
        wait_msg(PORT, 1);
    }

    do {
        if (wait_msg(PORT, WAIT_FOREVER) != 0 || get_msg(PORT, message, &sender) != 0)
            return refused("waiting for the lender");
    } while (sender != lender && sender != 0);
    if (sender == 0) {
        fprintf(stderr, "borrower: the lender has ended before it answered\n");
        return 1;
    }

    char text[MOST_BYTES + 1];
    int smo = message[0];
    int size = mem_size(smo);
    if (size < 0)
        return refused("mem_size");
    if (size > MOST_BYTES)
        size = MOST_BYTES;
    if (read_mem(smo, 0, size, text) != 0)
        return refused("read_mem");
    text[size] = '\0';
    printf("borrower: %s\n", text);
    return 0;
}
