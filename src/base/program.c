/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool program_find(const char *name, char *path, size_t size)
{
	const char *places = getenv("PATH");

	if (strchr(name, '/'))
		return (size_t)snprintf(path, size, "%s", name) < size && access(path, X_OK) == 0;
	if (!places)
		places = "/usr/local/bin:/usr/bin:/bin";
	while (*places) {
		size_t n = strcspn(places, ":");

		if ((size_t)snprintf(path, size, "%.*s/%s", (int)n, places, name) < size
			&& access(path, X_OK) == 0)
			return true;
		places += n + (places[n] == ':');
	}
	return false;
}

bool program_exists(const char *name)
{
	char path[4096];

	return program_find(name, path, sizeof(path));
}
