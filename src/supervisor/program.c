/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool program_exists(const char *name)
{
	const char *path = getenv("PATH");
	char file[4096];

	if (strchr(name, '/'))
		return access(name, X_OK) == 0;
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t n = strcspn(path, ":");

		if ((size_t)snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, name)
				< sizeof(file)
			&& access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}
