/* What printf makes of its formats: the same on bare x86-64 as where a C library is. */

#include <stdio.h>
#include <string.h>

int main(void) {
    int numbers[] = {0, 7, -1, 1234567890, 2147483647, -2147483647 - 1};
    for (int at = 0; at < 6; at++)
        printf("%d|%s|%c|%%\n", numbers[at], "text", 'a' + at);
    printf("%s%s%s%s%d\n", "a line that is longer than what is written at one time: ",
           "0123456789012345678901234567890123456789012345678901234567890123456789",
           "0123456789012345678901234567890123456789012345678901234567890123456789",
           "0123456789012345678901234567890123456789012345678901234567890123456789",
           printf("%s", "") + (int)strlen("four") + (strcmp("a", "b") < 0) + (strcmp("b", "") > 0));
    return 0;
}
