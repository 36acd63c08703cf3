/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/report-fd.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

int report_fd_send(int fd, const char *prefix, const char *text)
{
	CLEANUP(strbuf) struct strbuf lines = { 0 };

	for (const char *at = text, *end; at; at = *end ? end + 1 : NULL) {
		end = strchrnul(at, '\n');
		strbuf_printf(&lines, "%s%.*s\n", prefix, (int)(end - at), at);
	}
	return lines.failed ? -ENOMEM : sys_write_all(fd, lines.text, lines.length);
}
