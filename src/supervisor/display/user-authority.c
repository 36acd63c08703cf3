/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/user-authority.h"

#include <X11/Xauth.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

/* A lock older than this is some dead program's. */
#define LOCK_DEAD_SECONDS 10
/* More than any sane file has; the rest of a larger one would be lost, so it is refused. */
#define ENTRIES_MAX 10000
#define FILE_MAX (4 * 1024 * 1024)

/* The host's name as xauth(1) writes it for a local display. */
static void local_address(char name[256])
{
	if (gethostname(name, 255) < 0)
		name[0] = '\0';
	name[255] = '\0';
}

static bool is_ours(const Xauth *entry, const char *host, const char *number)
{
	return entry->family == FamilyLocal && entry->address_length == strlen(host)
		&& memcmp(entry->address, host, strlen(host)) == 0
		&& entry->number_length == strlen(number)
		&& memcmp(entry->number, number, strlen(number)) == 0;
}

/* Copies all but ours. Returns how many, or negative errno. */
static int copy_others(FILE *from, FILE *to, const char *host, const char *number)
{
	int r = 0, copied = 0;

	for (int n = 0; r == 0; n++) {
		Xauth *entry = XauReadAuth(from);
		bool ours;

		if (!entry)
			return ferror(from) ? -EIO : copied;
		ours = is_ours(entry, host, number);
		if (n == ENTRIES_MAX)
			r = -EFBIG;
		else if (!ours && !XauWriteAuth(to, entry))
			r = -EIO;
		else
			copied += !ours;
		XauDisposeAuth(entry);
	}
	return r;
}

static int write_ours(FILE *to, char *host, char *number)
{
	static char name[] = COOKIE_NAME;
	uint8_t cookie[COOKIE_BYTES];
	Xauth entry = {
		.family = FamilyLocal,
		.address_length = (unsigned short)strlen(host),
		.address = host,
		.number_length = (unsigned short)strlen(number),
		.number = number,
		.name_length = strlen(COOKIE_NAME),
		.name = name,
		.data_length = sizeof(cookie),
		.data = (char *)cookie,
	};
	int r = sys_random(cookie, sizeof(cookie));

	if (r == 0 && !XauWriteAuth(to, &entry))
		r = -EIO;
	explicit_bzero(cookie, sizeof(cookie));
	return r;
}

/* Puts what is to be in the file into @to. Returns how many entries of others, or negative errno. */
static int write_all(FILE *to, char *old, size_t n_old, unsigned number, bool add)
{
	char host[256], digits[12];
	int others = 0, r = 0;

	local_address(host);
	snprintf(digits, sizeof(digits), "%u", number);
	if (n_old) {
		FILE *from = fmemopen(old, n_old, "rb");

		if (!from)
			return -ENOMEM;
		others = copy_others(from, to, host, digits);
		fclose(from);
	}
	if (others >= 0 && add)
		r = write_ours(to, host, digits);
	return r < 0 ? r : others;
}

/* The file with its last entry goes too. */
static int rewrite(const char *path, char *old, size_t n_old, unsigned number, bool add)
{
	size_t n = 0;
	char *text = NULL;
	FILE *to = open_memstream(&text, &n);
	int r, others;

	if (!to)
		return -ENOMEM;
	others = write_all(to, old, n_old, number, add);
	if (fclose(to) != 0 && others >= 0)
		others = -ENOMEM;
	if (others < 0)
		r = others;
	else if (others || add)
		r = sys_save_file(path, text, n, SYS_SAVE_REPLACE);
	else
		r = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	if (text)
		explicit_bzero(text, n);
	free(text);
	return r;
}

static int read_and_rewrite(const char *path, unsigned number, bool add)
{
	CLEANUP(free) char *old = NULL;
	size_t n = 0;
	int r = sys_read_file(path, FILE_MAX, &old, &n);

	if (r == -ENOENT)
		r = 0;
	if (r == 0)
		r = rewrite(path, old, n, number, add);
	if (old)
		explicit_bzero(old, n);
	return r;
}

static int change(const char *path, unsigned number, bool add)
{
	struct stat st;
	int r;

	/* Links are not for us to follow here: xauth(1) replaces them. */
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return -EINVAL;
	switch (XauLockAuth(path, 1, 0, LOCK_DEAD_SECONDS)) {
	case LOCK_SUCCESS:
		break;
	case LOCK_TIMEOUT:
		return -EBUSY;
	default:
		return -errno;
	}
	r = read_and_rewrite(path, number, add);
	XauUnlockAuth(path);
	return r;
}

int user_authority_add(const char *path, unsigned number)
{
	return change(path, number, true);
}

void user_authority_remove(const char *path, unsigned number)
{
	if (access(path, F_OK) == 0)
		change(path, number, false);
}
