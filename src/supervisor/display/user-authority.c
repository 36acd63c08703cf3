/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/user-authority.h"

#include <X11/Xauth.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

/* A lock older than this is some dead program's. */
#define LOCK_DEAD_SECONDS 10
/* More than any sane file has; the rest of a larger one would be lost, so it is refused. */
#define ENTRIES_MAX 10000

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

/* @new takes the old one's place, unless there is nothing in it: then both go. */
static int replace(const char *path, const char *new, bool is_empty)
{
	if (!is_empty)
		return sys_rename(new, path);
	unlink(new);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* The new contents in @new, which takes the old one's place. */
static int rewrite(const char *path, const char *new, unsigned number, bool add)
{
	char host[256], digits[12];
	FILE *from, *to;
	int fd, r = 0, others = 0;

	local_address(host);
	snprintf(digits, sizeof(digits), "%u", number);
	unlink(new);
	fd = sys_open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	to = fdopen(fd, "wb");
	if (!to) {
		close(fd);
		return -ENOMEM;
	}
	from = fopen(path, "rbe");
	if (from) {
		r = others = copy_others(from, to, host, digits);
		fclose(from);
	} else if (errno != ENOENT) {
		r = -errno;
	}
	if (r >= 0 && add)
		r = write_ours(to, host, digits);
	if (fclose(to) != 0 && r >= 0)
		r = -EIO;
	if (r >= 0)
		r = replace(path, new, others == 0 && !add);
	if (r < 0)
		unlink(new);
	return r;
}

static int change(const char *path, unsigned number, bool add)
{
	CLEANUP(free) char *new = mem_printf("%s-n", path);
	struct stat st;
	int r;

	if (!new)
		return -ENOMEM;
	/* A fifo in its place would make us wait. */
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
	r = rewrite(path, new, number, add);
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
