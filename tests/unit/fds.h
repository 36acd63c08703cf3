/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Counted before and after a test: no static analyser finds a leaked descriptor. */

#include <dirent.h>

#include "unit/test.h"

static inline unsigned fds_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(directory);
	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}
