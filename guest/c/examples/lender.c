/* Lends a line of text to the task `borrower`, and takes it back when that has read it:
 *
 *     usufruct run lender=lender.wasm borrower=borrower.wasm */

#include <sartoris.h>
#include <serr_name.h>

#include <stdio.h>
#include <string.h>

#define PORT 0

static int refused(const char *call) {
    fprintf(stderr, "lender: %s: %s\n", call, serr_name(last_error()));
    return 1;
}

int main(void) {
    static char text[] = "Usufruct: to use what belongs to another, without wasting or destroying it.";
    static const char borrower_name[] = "borrower";

    if (open_port(PORT) != 0)
        return refused("open_port");
    int borrower = find_task(borrower_name, (int)strlen(borrower_name));
    if (borrower < 0)
        return refused("find_task");
    if (watch_task(borrower, PORT) != 0)
        return refused("watch_task");

    int smo = share_mem(borrower, text, (int)strlen(text), READ_PERM);
    if (smo < 0)
        return refused("share_mem");

    /* The borrower asks for work; its end, however it comes, wakes us as well. */
    int message[4], sender;
    do {
        if (wait_msg(PORT, WAIT_FOREVER) != 0 || get_msg(PORT, message, &sender) != 0)
            return refused("waiting for the borrower");
    } while (sender != borrower && sender != 0);
    if (sender == 0) {
        fprintf(stderr, "lender: the borrower has ended before it asked\n");
        return 1;
    }

    int answer[4] = {smo, 0, 0, 0};
    if (send_msg(borrower, PORT, answer) != 0)
        return refused("send_msg");

    /* Until the borrower has ended, the text is lent. */
    do {
        if (wait_msg(PORT, WAIT_FOREVER) != 0 || get_msg(PORT, message, &sender) != 0)
            return refused("waiting for the borrower");
    } while (sender != 0);

    if (claim_mem(smo) != 0)
        return refused("claim_mem");
    printf("lender: the text is mine again\n");
    return 0;
}
