/* SPDX-License-Identifier: BSD-3-Clause */
/* afar logs: the log files, oldest first, through whatever stdout is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"
#include "ctl/ctl.h"

static int copy(const char *path)
{
	CLEANUP(close) int fd = sys_open(path, O_RDONLY | O_NOFOLLOW, 0);
	char bytes[65536];
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		int r = sys_write_all(STDOUT_FILENO, bytes, (size_t)n);

		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}

int ctl_logs(struct ctl *ctl, int argc, char **argv)
{
	static const char *const suffixes[] = { ".2", ".1", "" };
	int n_found = 0;

	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		CLEANUP(free) char *path = xprintf("%s%s", ctl->paths.log_file, suffixes[i]);
		int r = copy(path);

		if (r == -EPIPE)
			return CTL_DONE;
		if (r < 0 && r != -ENOENT) {
			ctl_complain("cannot read %s: %s", path, strerror(-r));
			return CTL_FAILED;
		}
		n_found += r == 0;
	}
	if (!n_found)
		ctl_complain("there is no log yet: %s", ctl->paths.log_file);
	return n_found ? CTL_DONE : CTL_FAILED;
}
