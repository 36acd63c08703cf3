/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/proc.h"

void ctl_complain(const char *format, ...)
{
	va_list args;

	fputs("afar: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int ctl_no_arguments(int argc, char **argv)
{
	if (argc == 1)
		return 0;
	ctl_complain("`afar %s` takes no '%s'", argv[0], argv[1]);
	return 1;
}

char *ctl_program(const char *name)
{
	CLEANUP(free) char *dir = proc_program_dir();
	char *beside;

	if (!dir)
		return xstrdup(name);
	beside = xprintf("%s/%s", dir, name);
	if (access(beside, X_OK) == 0)
		return beside;
	free(beside);
	return xprintf("%s/../libexec/afar/%s", dir, name);
}
