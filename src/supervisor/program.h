/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

/* Is there an executable file of this name in PATH (or at this path, if it has a '/')? */
bool program_exists(const char *name);
