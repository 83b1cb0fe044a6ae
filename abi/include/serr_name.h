/* The names of the errors, for messages to people. */

#ifndef USUFRUCT_SERR_NAME_H
#define USUFRUCT_SERR_NAME_H

#include <sartoris.h>

/* What last_error() answered, in the spelling of sartoris.h. */
static inline const char *serr_name(int error) {
#define SERR_NAME(name) \
    case name:          \
        return #name
    switch (error) {
        SERR_NAME(SERR_OK);
        SERR_NAME(SERR_INVALID_PTR);
        SERR_NAME(SERR_INVALID_ID);
        SERR_NAME(SERR_INVALID_TSK);
        SERR_NAME(SERR_NO_PERMISSION);
        SERR_NAME(SERR_NO_MEM);
        SERR_NAME(SERR_INVALID_SIZE);
        SERR_NAME(SERR_INVALID_PORT);
        SERR_NAME(SERR_PORT_DISABLED);
        SERR_NAME(SERR_PORT_FULL);
        SERR_NAME(SERR_NO_MSG);
        SERR_NAME(SERR_TOO_MANY_SMOS);
        SERR_NAME(SERR_INVALID_SMO);
        SERR_NAME(SERR_NOT_SMO_TARGET);
        SERR_NAME(SERR_SMO_NOT_OWNED);
        SERR_NAME(SERR_INVALID_PERMS);
    }
#undef SERR_NAME
    return "an error that this header does not know";
}

#endif
