/* Makes a space of every tab and every other control character in the selection; lines
 * stay lines. Built without a C library. */

#include <sartoris.h>

#define ORDER_PORT 0

enum { TEXT, SELECTION, START, LENGTH };

static char bytes[4096];

static void tidy(int size) {
    for (int at = 0; at < size; at++)
        if ((unsigned char)bytes[at] < ' ' && bytes[at] != '\n')
            bytes[at] = ' ';
}

__attribute__((export_name("main"))) int edit(void) {
    int order[4], editor;

    if (open_port(ORDER_PORT) != 0 || wait_msg(ORDER_PORT, WAIT_FOREVER) != 0 ||
        get_msg(ORDER_PORT, order, &editor) != 0)
        return 1;
    for (int done = 0; done < order[LENGTH];) {
        int size = order[LENGTH] - done;
        if (size > (int)sizeof bytes)
            size = (int)sizeof bytes;
        if (read_mem(order[TEXT], order[START] + done, size, bytes) != 0)
            return last_error();
        tidy(size);
        if (write_mem(order[SELECTION], done, size, bytes) != 0)
            return last_error();
        done += size;
    }
    return 0;
}
