/* As much of <stdlib.h> as programs on bare x86-64 have. */

#ifndef USUFRUCT_BARE_STDLIB_H
#define USUFRUCT_BARE_STDLIB_H

#include <stddef.h>

_Noreturn void exit(int status);

#endif
