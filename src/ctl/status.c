/* SPDX-License-Identifier: BSD-3-Clause */
/* afar status: the status document (wire/status.h), for people or as it is. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/call.h"
#include "ctl/ctl.h"

struct colours {
	const char *good, *bad, *dim, *off;
};

static struct colours choose_colours(void)
{
	if (isatty(STDOUT_FILENO) && !getenv("NO_COLOR"))
		return (struct colours){ "\033[32m", "\033[31m", "\033[2m", "\033[0m" };
	return (struct colours){ "", "", "", "" };
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void show_component(const json_t *component, const struct colours *colours)
{
	const json_t *end = json_object_get(component, "last_end"), *line;
	const char *state = text_of(component, "state");
	json_int_t restarts = json_integer_value(json_object_get(component, "restarts"));
	json_int_t pid = json_integer_value(json_object_get(component, "pid"));
	size_t i;

	/* What is not needed here only takes room, unless there is a story to tell. */
	if (str_equal(state, "off") && !json_is_object(end))
		return;
	printf("  %-15s %s%-9s%s", text_of(component, "name"),
		str_equal(state, "ready")         ? colours->good
			: str_equal(state, "off") ? colours->dim
						  : colours->bad,
		state, colours->off);
	if (pid)
		printf(" process %lld", (long long)pid);
	printf("%s since %s%s", colours->dim, text_of(component, "since"), colours->off);
	if (restarts)
		printf(", restarted %lld time%s", (long long)restarts,
			restarts == 1 ? "" : "s");
	if (*text_of(component, "next_try"))
		printf(", next try %s", text_of(component, "next_try"));
	putchar('\n');
	if (!json_is_object(end))
		return;
	printf("           last %s at %s\n", text_of(end, "text"), text_of(end, "at"));
	if (str_equal(state, "ready") || str_equal(state, "off"))
		return;
	json_array_foreach(json_object_get(end, "log_tail"), i, line) printf(
		"           %s| %s%s\n", colours->dim, json_string_value(line), colours->off);
}

static void show(const json_t *status)
{
	struct colours colours = choose_colours();
	const json_t *component;
	size_t i, n_viewers;

	printf("%s since %s", text_of(status, "state"), text_of(status, "since"));
	if (*text_of(status, "display"))
		printf(", display %s", text_of(status, "display"));
	n_viewers = json_array_size(json_object_get(status, "viewers"));
	printf(", %s, %zu viewer%s\n", text_of(status, "url"), n_viewers,
		n_viewers == 1 ? "" : "s");
	json_array_foreach(json_object_get(status, "components"), i, component)
		show_component(component, &colours);
}

int ctl_status(struct ctl *ctl, int argc, char **argv)
{
	bool as_json = argc == 2 && str_equal(argv[1], "--json");
	CLEANUP(free) char *why = NULL;
	struct instance instance;
	json_t *status = NULL;
	int error = 0;

	if (argc > 1 && !as_json) {
		ctl_complain("'%s' is no option of `afar status`: it has --json only", argv[1]);
		return CTL_USAGE;
	}
	switch (instance_lock(&ctl->paths, &instance, NULL, &error)) {
	case INSTANCE_FREE:
		puts(as_json ? "{\"state\":\"stopped\"}"
			     : "afar is not running; `afar start` starts it.");
		return CTL_NOT_RUNNING;
	case INSTANCE_ERROR:
		ctl_complain("cannot read %s: %s", ctl->paths.lock_file, strerror(-error));
		return CTL_FAILED;
	case INSTANCE_RUNNING:
		break;
	}
	if (call_daemon(&instance, CONTROL_GET_STATUS, &status, &why) < 0) {
		ctl_complain("%s", why);
		return CTL_FAILED;
	}
	if (as_json && json_dumpf(status, stdout, JSON_INDENT(2)) < 0) {
		ctl_complain("the answer cannot be shown: out of memory");
		json_decref(status);
		return CTL_FAILED;
	}
	if (as_json) {
		putchar('\n');
	} else {
		show(status);
	}
	json_decref(status);
	return CTL_DONE;
}
