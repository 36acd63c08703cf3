/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"

#define FAMILY_WILD 0xffff

/* A 16-bit big-endian length and the bytes. */
static size_t put_counted(uint8_t *at, const void *bytes, size_t n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
	memcpy(at + 2, bytes, n);
	return n + 2;
}

int authority_write(const char *path, unsigned number)
{
	uint8_t entry[128], cookie[COOKIE_BYTES];
	CLEANUP(close) int fd = -1;
	char digits[12];
	size_t n = 0;
	int r;

	r = sys_random(cookie, sizeof(cookie));
	if (r < 0)
		return r;
	snprintf(digits, sizeof(digits), "%u", number);
	entry[n++] = FAMILY_WILD >> 8;
	entry[n++] = FAMILY_WILD & 0xff;
	n += put_counted(entry + n, "", 0);
	n += put_counted(entry + n, digits, strlen(digits));
	n += put_counted(entry + n, COOKIE_NAME, strlen(COOKIE_NAME));
	n += put_counted(entry + n, cookie, sizeof(cookie));

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = sys_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	r = sys_write_all(fd, entry, n);
	explicit_bzero(cookie, sizeof(cookie));
	explicit_bzero(entry, sizeof(entry));
	return r;
}
