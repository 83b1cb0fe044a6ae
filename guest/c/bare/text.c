/* Text on bare x86-64: what of <stdio.h> and <string.h> programs have there. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "native.h"

FILE usufruct_output = 1, usufruct_errors = 2;

size_t strlen(const char *text) {
    const volatile char *at = text; /* or a compiler might call strlen here */
    while (*at != 0)
        at++;
    return (size_t)(at - text);
}

int strcmp(const char *one, const char *other) {
    for (; *one != 0 && *one == *other; one++, other++)
        ;
    return (unsigned char)*one - (unsigned char)*other;
}

/* Bytes on their way to a stream. */
struct line {
    int stream, waiting, written, has_failed;
    char bytes[256];
};

static void flush(struct line *line) {
    for (int at = 0; at < line->waiting;) {
        long count = write_stream(line->stream, line->bytes + at, line->waiting - at);
        if (count <= 0) {
            line->has_failed = 1;
            break;
        }
        at += (int)count;
    }
    line->waiting = 0;
}

static void put(struct line *line, const char *text, size_t bytes) {
    for (; bytes > 0; bytes--, text++) {
        if (line->waiting == (int)sizeof line->bytes)
            flush(line);
        line->bytes[line->waiting++] = *text;
        line->written++;
    }
}

static void put_number(struct line *line, int number) {
    char digits[12], *at = digits + sizeof digits;
    unsigned rest = number < 0 ? 0u - (unsigned)number : (unsigned)number;
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--at = '-';
    put(line, at, (size_t)(digits + sizeof digits - at));
}

static int print(FILE *stream, const char *format, va_list values) {
    struct line line = {.stream = *stream};
    for (; *format != 0; format++) {
        char letter;
        const char *text;
        if (*format != '%' || format[1] == 0) {
            put(&line, format, 1);
            continue;
        }
        switch (*++format) {
        case 's':
            text = va_arg(values, const char *);
            put(&line, text, strlen(text));
            break;
        case 'd':
            put_number(&line, va_arg(values, int));
            break;
        case 'c':
            letter = (char)va_arg(values, int);
            put(&line, &letter, 1);
            break;
        case '%':
            put(&line, format, 1);
            break;
        default:
            put(&line, format - 1, 2);
        }
    }
    flush(&line);
    return line.has_failed ? -1 : line.written;
}

int printf(const char *format, ...) {
    va_list values;
    va_start(values, format);
    int written = print(stdout, format, values);
    va_end(values);
    return written;
}

int fprintf(FILE *stream, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int written = print(stream, format, values);
    va_end(values);
    return written;
}
