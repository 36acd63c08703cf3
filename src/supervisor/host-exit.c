/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/host-exit.h"

#include <stddef.h>

#include "base/mem.h"

static const struct entry {
	int status;
	bool deleted;
	const char *reason, *text;
} entries[] = {
	{ 100, false, "INVALID_HOST_CONFIGURATION", "Host configuration is invalid" },
	{ 101, true, "INVALID_HOST_ID", "Host ID has been deleted" },
	{ 102, false, "INVALID_OAUTH_CREDENTIALS", "OAuth credentials are invalid" },
	{ 103, false, "INVALID_HOST_DOMAIN", "Host domain is blocked by policy" },
	{ 105, false, "USERNAME_MISMATCH", "Username is blocked by policy" },
	{ 106, true, "HOST_DELETED", "Host has been deleted" },
	{ 107, false, "REMOTE_ACCESS_DISALLOWED", "Remote access is disallowed by policy" },
	{ 108, false, "CPU_NOT_SUPPORTED", "This CPU is not supported" },
};

static const struct entry *find(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		if (entries[i].status == status)
			return &entries[i];
	}
	return NULL;
}

const char *host_exit_text(int status)
{
	const struct entry *entry = find(status);

	return entry ? entry->text : NULL;
}

const char *host_exit_reason(int status)
{
	const struct entry *entry = find(status);

	return entry ? entry->reason : NULL;
}

bool host_exit_means_deleted(int status)
{
	const struct entry *entry = find(status);

	return entry && entry->deleted;
}
