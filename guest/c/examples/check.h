/* What an example expects. If it is not so, the program says where, and fails. */

#ifndef USUFRUCT_EXAMPLE_CHECK_H
#define USUFRUCT_EXAMPLE_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(expected)                                                             \
    do {                                                                            \
        if (!(expected)) {                                                          \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #expected);  \
            exit(1);                                                                \
        }                                                                           \
    } while (0)

#endif
