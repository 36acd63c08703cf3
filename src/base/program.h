/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The executable file of this name in PATH (or at this path, if it has a '/'). False: none. */
bool program_find(const char *name, char *path, size_t size);

/* Is there one at all? */
bool program_exists(const char *name);
