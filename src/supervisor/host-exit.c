/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/host-exit.h"

#include <stddef.h>

#include "base/mem.h"

static const struct {
	int status;
	bool deleted;
	const char *text;
} exits[] = {
	{ 100, false, "Host configuration is invalid" },
	{ 101, true, "Host ID has been deleted" },
	{ 102, false, "OAuth credentials are invalid" },
	{ 103, false, "Host domain is blocked by policy" },
	{ 105, false, "Username is blocked by policy" },
	{ 106, true, "Host has been deleted" },
	{ 107, false, "Remote access is disallowed by policy" },
	{ 108, false, "This CPU is not supported" },
};

const char *host_exit_text(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++) {
		if (exits[i].status == status)
			return exits[i].text;
	}
	return NULL;
}

bool host_exit_means_deleted(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++) {
		if (exits[i].status == status)
			return exits[i].deleted;
	}
	return false;
}
