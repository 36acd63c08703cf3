/* SPDX-License-Identifier: BSD-3-Clause */
/* afar reload: the configuration anew, or the daemon's own program. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/ctl.h"
#include "wire/control.h"

/* Which supervisor it is: another one, or another program, has another. Allocated; NULL: it failed. */
static char *ask_since(const struct ctl *ctl, enum ctl_status *ret, char **ret_version)
{
	const struct control_message request = { .type = CONTROL_GET_STATUS };
	json_t *status = NULL;
	const char *since, *version;
	char *copy;

	*ret = ctl_ask(ctl, &request, &status);
	if (*ret != CTL_DONE)
		return NULL;
	since = json_string_value(json_object_get(status, "supervisor_since"));
	version = json_string_value(json_object_get(status, "version"));
	copy = xstrdup(since ? since : "");
	*ret_version = xstrdup(version ? version : "?");
	json_decref(status);
	return copy;
}

static int replace(const struct ctl *ctl, bool now)
{
	const struct control_message request = { .type = CONTROL_REPLACE, .now = now };
	CLEANUP(free) char *before = NULL, *after = NULL, *old_version = NULL, *version = NULL;
	enum ctl_status status;
	json_t *body = NULL;

	before = ask_since(ctl, &status, &old_version);
	if (before)
		status = ctl_ask(ctl, &request, &body);
	if (status != CTL_DONE)
		return status;
	json_decref(body);
	/* Who asks now waits in the socket until the new one is there. */
	after = ask_since(ctl, &status, &version);
	if (!after)
		return status;
	if (str_equal(before, after)) {
		ctl_complain("the supervisor goes on as it was: `afar logs` says why");
		return CTL_FAILED;
	}
	printf("The supervisor was replaced (version %s); the desktop goes on.\n", version);
	return CTL_DONE;
}

static int reload(const struct ctl *ctl)
{
	const struct control_message request = { .type = CONTROL_RELOAD };
	json_t *body = NULL;
	enum ctl_status status = ctl_ask(ctl, &request, &body);

	json_decref(body);
	if (status == CTL_DONE)
		puts("The configuration was read anew.");
	return status;
}

int ctl_reload(struct ctl *ctl, int argc, char **argv)
{
	bool exec = false, now = false;

	for (int i = 1; i < argc; i++) {
		if (str_equal(argv[i], "--exec")) {
			exec = true;
		} else if (str_equal(argv[i], "--now")) {
			now = true;
		} else {
			ctl_complain("'%s' is no option of `afar reload`: it has --exec and --now",
				argv[i]);
			return CTL_USAGE;
		}
	}
	if (now && !exec) {
		ctl_complain("--now goes with --exec");
		return CTL_USAGE;
	}
	return exec ? replace(ctl, now) : reload(ctl);
}
