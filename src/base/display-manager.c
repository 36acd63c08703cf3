/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/display-manager.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"

#define DEFAULT_FILE "/etc/X11/default-display-manager"
#define BLANKS " \t\n\r\v\f"

static bool is_default(void)
{
	CLEANUP(free) char *text = NULL;
	char *at;
	size_t n;

	if (sys_read_file(DEFAULT_FILE, 4096, &text, &n) < 0)
		return false;
	at = text + strspn(text, BLANKS);
	for (n = strlen(at); n && strchr(BLANKS, at[n - 1]); n--)
		at[n - 1] = '\0';
	return str_equal(at, "/usr/sbin/gdm") || str_equal(at, "/usr/sbin/gdm3");
}

static bool is_gdm(void *data, pid_t pid)
{
	char name[PROC_NAME_MAX];

	(void)data;
	return proc_name(pid, name) == 0 && (str_equal(name, "gdm") || str_equal(name, "gdm3"));
}

bool display_manager_is_gdm(void)
{
	return is_default() || proc_find(is_gdm, NULL) > 0;
}
