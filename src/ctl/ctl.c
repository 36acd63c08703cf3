/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/proc.h"
#include "ctl/call.h"

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

enum ctl_status ctl_ask(
	const struct ctl *ctl, const struct control_message *request, json_t **ret)
{
	CLEANUP(free) char *why = NULL;
	struct instance instance;
	int error = 0;

	switch (instance_lock(&ctl->paths, &instance, NULL, &error)) {
	case INSTANCE_FREE:
		ctl_complain("afar is not running; `afar start` starts it");
		return CTL_NOT_RUNNING;
	case INSTANCE_ERROR:
		ctl_complain("cannot read %s: %s", ctl->paths.lock_file, strerror(-error));
		return CTL_FAILED;
	case INSTANCE_RUNNING:
		break;
	}
	if (call_daemon(&instance, request, ret, &why) < 0) {
		ctl_complain("%s", why);
		return CTL_FAILED;
	}
	return CTL_DONE;
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
