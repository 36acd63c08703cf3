/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/x-authority.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <X11/Xauth.h>

#include "base/mem.h"
#include "base/sys.h"

#define AUTHORITY_MAX (64 * 1024)

static const char cookie_name[] = "MIT-MAGIC-COOKIE-1";

static void cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static bool is_text(const char *bytes, unsigned short n, const char *text)
{
	return n == strlen(text) && memcmp(bytes, text, n) == 0;
}

/* 0: of no use; else the higher the better. */
static int rate(const Xauth *entry, const char *number, const char *host)
{
	if (!is_text(entry->name, entry->name_length, cookie_name))
		return 0;
	if (entry->number_length && !is_text(entry->number, entry->number_length, number))
		return 0;
	if (entry->data_length > sizeof(((struct x_authority *)NULL)->data))
		return 0;
	switch (entry->family) {
	case FamilyLocal:
		return is_text(entry->address, entry->address_length, host) ? 3 : 1;
	case FamilyWild:
		return 2;
	default:
		return 0;
	}
}

int x_authority_read(const char *path, unsigned number, struct x_authority *ret)
{
	CLEANUP(free) char *bytes = NULL;
	CLEANUP(file) FILE *file = NULL;
	char host[HOST_NAME_MAX + 1] = "", text[16];
	int best = 0, r;
	Xauth *entry;
	size_t n;

	r = sys_read_file(path, AUTHORITY_MAX, &bytes, &n);
	if (r < 0)
		return r;
	if (n == 0)
		return -ENODATA;
	file = fmemopen(bytes, n, "r");
	if (!file)
		return -errno;
	gethostname(host, sizeof(host) - 1);
	snprintf(text, sizeof(text), "%u", number);
	while ((entry = XauReadAuth(file))) {
		int rating = rate(entry, text, host);

		if (rating > best) {
			best = rating;
			memcpy(ret->name, cookie_name, sizeof(cookie_name));
			memcpy(ret->data, entry->data, entry->data_length);
			ret->n = entry->data_length;
		}
		XauDisposeAuth(entry);
	}
	explicit_bzero(bytes, n);
	return best ? 0 : -ENODATA;
}
