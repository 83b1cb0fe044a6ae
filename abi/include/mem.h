/* The name under which ControlMem's document has its declarations. */

#ifndef USUFRUCT_MEM_H
#define USUFRUCT_MEM_H

#include "portfolio.h"

#endif
