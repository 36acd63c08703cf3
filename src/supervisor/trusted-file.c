/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/trusted-file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

int trusted_file_check(const char *path, char **ret_why)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if ((st.st_uid == geteuid() || st.st_uid == 0) && !(st.st_mode & 022))
		return 0;
	*ret_why = xprintf("%s belongs to somebody else or others may write it: chown it to yourself "
			   "and chmod it to go-w",
		path);
	return -EPERM;
}
