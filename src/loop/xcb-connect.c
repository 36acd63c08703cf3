/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/xcb-connect.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <X11/Xauth.h>

#include "base/mem.h"
#include "base/sys.h"

#define AUTHORITY_MAX (64 * 1024)

static const char cookie_name[] = "MIT-MAGIC-COOKIE-1";

static void cleanup_xauth(Xauth **auth)
{
	if (*auth)
		XauDisposeAuth(*auth);
}

static void cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static bool entry_fits(const Xauth *entry, const char *number)
{
	if (entry->family != FamilyLocal && entry->family != FamilyWild)
		return false;
	if (entry->name_length != sizeof(cookie_name) - 1
		|| memcmp(entry->name, cookie_name, sizeof(cookie_name) - 1) != 0)
		return false;
	return entry->number_length == 0
	       || (entry->number_length == strlen(number)
		       && memcmp(entry->number, number, strlen(number)) == 0);
}

/* 0 with *@ret NULL when the file has no entry for @number. */
static int find_cookie(const char *path, const char *number, Xauth **ret)
{
	CLEANUP(free) char *bytes = NULL;
	CLEANUP(file) FILE *file = NULL;
	CLEANUP(xauth) Xauth *entry = NULL;
	size_t n;
	int r;

	r = sys_read_file(path, AUTHORITY_MAX, &bytes, &n);
	if (r < 0)
		return r;
	if (n == 0) {
		*ret = NULL;
		return 0;
	}
	file = fmemopen(bytes, n, "r");
	if (!file)
		return -errno;
	while ((entry = XauReadAuth(file))) {
		if (entry_fits(entry, number))
			break;
		XauDisposeAuth(entry);
	}
	*ret = TAKE_PTR(entry);
	return 0;
}

static int connect_error(int error)
{
	switch (error) {
	case XCB_CONN_CLOSED_MEM_INSUFFICIENT:
		return -ENOMEM;
	case XCB_CONN_CLOSED_PARSE_ERR:
	case XCB_CONN_CLOSED_INVALID_SCREEN:
		return -EINVAL;
	default:
		return -ECONNREFUSED;
	}
}

int xcb_connect_file(const char *display, const char *authority, xcb_connection_t **ret,
	int *ret_screen)
{
	CLEANUP(xauth) Xauth *entry = NULL;
	CLEANUP(free) char *host = NULL;
	xcb_auth_info_t auth = { 0 };
	xcb_connection_t *connection;
	char text[16];
	int number, screen, r;

	if (!xcb_parse_display(display, &host, &number, &screen))
		return -EINVAL;
	snprintf(text, sizeof(text), "%d", number);
	if (authority) {
		r = find_cookie(authority, text, &entry);
		if (r < 0)
			return r;
	}
	if (entry) {
		auth.name = entry->name;
		auth.namelen = entry->name_length;
		auth.data = entry->data;
		auth.datalen = entry->data_length;
	}
	/* An empty name, not NULL: with NULL libxcb would ask the environment. */
	connection = xcb_connect_to_display_with_auth_info(display, &auth, &screen);
	r = xcb_connection_has_error(connection);
	if (r) {
		xcb_disconnect(connection);
		return connect_error(r);
	}
	*ret = connection;
	if (ret_screen)
		*ret_screen = screen;
	return 0;
}
