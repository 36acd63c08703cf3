/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/display-manager.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define DEFAULT_FILE "/etc/X11/default-display-manager"
#define BLANKS " \t\n\r\v\f"

/* The text of a small file without blanks around it; "" when it cannot be read. */
static void read_word(const char *path, char word[64])
{
	CLEANUP(free) char *text = NULL;
	char *at;
	size_t n;

	word[0] = '\0';
	if (sys_read_file(path, 4096, &text, &n) < 0)
		return;
	at = text + strspn(text, BLANKS);
	for (n = strlen(at); n && strchr(BLANKS, at[n - 1]); n--)
		at[n - 1] = '\0';
	snprintf(word, 64, "%s", at);
}

bool display_manager_is_gdm(void)
{
	struct dirent *entry;
	bool found = false;
	char word[64];
	DIR *dir;

	read_word(DEFAULT_FILE, word);
	if (str_equal(word, "/usr/sbin/gdm") || str_equal(word, "/usr/sbin/gdm3"))
		return true;
	dir = opendir("/proc");
	while (dir && !found && (entry = readdir(dir))) {
		unsigned long pid;
		char path[64];

		if (str_to_uint(entry->d_name, 1, INT32_MAX, &pid) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%lu/comm", pid);
		read_word(path, word);
		found = str_equal(word, "gdm") || str_equal(word, "gdm3");
	}
	if (dir)
		closedir(dir);
	return found;
}
