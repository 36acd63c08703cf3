/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* How many threads this program has, the main one included. */

#include <dirent.h>

#include "unit/test.h"

static inline unsigned threads_count(void)
{
	DIR *directory = opendir("/proc/self/task");
	unsigned n = 0;

	assert_non_null(directory);
	while (readdir(directory))
		n++;
	closedir(directory);
	return n - 2; /* . and .. */
}
