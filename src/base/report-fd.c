/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/report-fd.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

int report_fd_find(void)
{
	int low = fd_within_limit(REPORT_FD);

	if (fd_is_open(REPORT_FD))
		return REPORT_FD;
	return low > STDERR_FILENO && fd_is_open(low) ? low : -1;
}

int report_fd_send(int fd, const char *prefix, const char *text)
{
	CLEANUP(strbuf) struct strbuf lines = { 0 };

	for (const char *at = text, *end; at; at = *end ? end + 1 : NULL) {
		end = strchrnul(at, '\n');
		strbuf_printf(&lines, "%s%.*s\n", prefix, (int)(end - at), at);
	}
	return lines.failed ? -ENOMEM : sys_write_all(fd, lines.text, lines.length);
}
