/* As much of <stdio.h> as programs on bare x86-64 have: text to the standard streams. Compile
 * text.c with it. */

#ifndef USUFRUCT_BARE_STDIO_H
#define USUFRUCT_BARE_STDIO_H

#include <stddef.h>

typedef const int FILE;

extern FILE usufruct_output, usufruct_errors;
#define stdout (&usufruct_output)
#define stderr (&usufruct_errors)

/* Of formats there are %s, %d, %c and %%: any other is written as it stands. What they answer is
 * how many bytes they have written, or -1 if the stream has not taken all of them. */
__attribute__((format(printf, 1, 2))) int printf(const char *format, ...);
__attribute__((format(printf, 2, 3))) int fprintf(FILE *stream, const char *format, ...);

#endif
