/* SPDX-License-Identifier: BSD-3-Clause */
/* afar status: the status document (wire/status.h), for people or as it is. */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/call.h"
#include "ctl/core-file.h"
#include "ctl/ctl.h"
#include "ctl/show.h"

/* What is wanted, and how it is shown. */
struct view {
	bool as_json;
	bool verbose;	       /* all ends that are known, not the last only */
	const char *component; /* that one alone; NULL: all */
	struct colours colours;
	usec_t now; /* of the document */
};

/* On the clock of whoever reads this. */
static char *describe_time(const json_t *object, const char *key)
{
	time_t seconds = (time_t)(show_time(object, key) / USEC_PER_SEC);
	char text[64];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	return xstrdup(text);
}

static void show_core(const json_t *end)
{
	json_int_t pid = json_integer_value(json_object_get(end, "pid"));
	CLEANUP(free) char *path = NULL;

	if (!pid || !json_is_true(json_object_get(end, "core")))
		return;
	path = core_file_find(&core_place_system, geteuid(), (pid_t)pid, show_time(end, "at"));
	if (path)
		printf("           its core is %s: `coredumpctl debug %lld`\n", path,
			(long long)pid);
}

static void show_ends(const json_t *ends)
{
	const json_t *end;
	size_t i;

	json_array_foreach(ends, i, end)
	{
		CLEANUP(free) char *at = describe_time(end, "at");
		json_int_t pid = json_integer_value(json_object_get(end, "pid"));

		printf("           %s  %s", at, show_text(end, "text"));
		if (pid)
			printf(", process %lld", (long long)pid);
		puts(json_is_true(json_object_get(end, "asked")) ? ", as it was told to" : "");
		show_core(end);
	}
}

/* The end of @ends that is the same as @end; NULL: what is only away has not ended. */
static const json_t *find_last(const json_t *end, const json_t *ends)
{
	const json_t *last = json_array_get(ends, json_array_size(ends) - 1);

	return last && str_equal(show_text(last, "at"), show_text(end, "at")) ? last : NULL;
}

static void show_last_end(const json_t *end, const json_t *last, usec_t now)
{
	CLEANUP(free) char *age = show_age(end, "at", now);
	CLEANUP(free) char *at = describe_time(end, "at");
	bool was_asked = json_is_true(json_object_get(last, "asked"));

	printf("           last %s%s, %s ago (%s)\n", show_text(end, "text"),
		was_asked ? ", as it was told to" : "", age, at);
	show_core(last);
}

static void show_component(const json_t *component, const struct view *view)
{
	const json_t *end = json_object_get(component, "last_end"), *line;
	const json_t *ends = json_object_get(component, "ends"), *last;
	const struct colours *colours = &view->colours;
	const char *state = show_text(component, "state");
	CLEANUP(free) char *age = show_age(component, "since", view->now);
	json_int_t restarts = json_integer_value(json_object_get(component, "restarts"));
	json_int_t pid = json_integer_value(json_object_get(component, "pid"));
	size_t i;

	printf("  %-15s %s%-9s%s for %s", show_text(component, "name"),
		str_equal(state, "ready")         ? colours->good
			: str_equal(state, "off") ? colours->dim
						  : colours->bad,
		state, colours->off, age);
	if (pid)
		printf(", process %lld", (long long)pid);
	if (restarts)
		printf(", restarted %lld time%s", (long long)restarts,
			restarts == 1 ? "" : "s");
	if (*show_text(component, "next_try")) {
		CLEANUP(free) char *next_try = describe_time(component, "next_try");

		printf(", next try at %s", next_try);
	}
	putchar('\n');
	if (*show_text(component, "trouble"))
		printf("           %s%s%s\n", colours->bad, show_text(component, "trouble"),
			colours->off);
	if (!json_is_object(end))
		return;
	last = find_last(end, ends);
	if (view->verbose)
		show_ends(ends);
	if (!view->verbose || !last)
		show_last_end(end, last, view->now);
	if (str_equal(state, "ready") || str_equal(state, "off"))
		return;
	json_array_foreach(json_object_get(end, "log_tail"), i, line) printf(
		"           %s| %s%s\n", colours->dim, json_string_value(line), colours->off);
}

/* What is not needed here only takes room, unless there is a story to tell. */
static bool is_shown(const json_t *component, const struct view *view)
{
	if (view->component)
		return str_equal(show_text(component, "name"), view->component);
	return !str_equal(show_text(component, "state"), "off")
		|| json_is_object(json_object_get(component, "last_end"));
}

static void show_head(const json_t *status, const struct view *view)
{
	size_t n_viewers = json_array_size(json_object_get(status, "viewers"));
	CLEANUP(free) char *age = show_age(status, "since", view->now);

	printf("%s for %s", show_text(status, "state"), age);
	if (*show_text(status, "display"))
		printf(", display %s", show_text(status, "display"));
	printf(", %s, %zu viewer%s\n", show_text(status, "url"), n_viewers,
		n_viewers == 1 ? "" : "s");
}

/* Returns false when there is no such component. */
static bool show(const json_t *status, struct view *view)
{
	const json_t *component;
	bool any = false;
	size_t i;

	view->colours = show_colours();
	view->now = show_time(status, "now");
	if (!view->component)
		show_head(status, view);
	json_array_foreach(json_object_get(status, "components"), i, component)
	{
		if (!is_shown(component, view))
			continue;
		show_component(component, view);
		any = true;
	}
	return any || !view->component;
}

static void complain_of_component(const json_t *status, const char *name)
{
	CLEANUP(strbuf) struct strbuf names = { 0 };
	const json_t *component;
	size_t i;

	json_array_foreach(json_object_get(status, "components"), i, component)
		strbuf_printf(&names, "%s%s", i ? ", " : "", show_text(component, "name"));
	ctl_complain("there is no '%s': it has %s", name, names.text ? names.text : "nothing");
}

/* Returns 0 or -EINVAL, which has been told. */
static int parse(struct view *self, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (str_equal(argv[i], "--json")) {
			self->as_json = true;
		} else if (str_equal(argv[i], "--verbose") || str_equal(argv[i], "-v")) {
			self->verbose = true;
		} else if (argv[i][0] == '-' || !argv[i][0] || self->component) {
			ctl_complain("`afar status` takes no '%s': see `afar status --help`", argv[i]);
			return -EINVAL;
		} else {
			self->component = argv[i];
			self->verbose = true;
		}
	}
	if (!self->as_json || !self->verbose)
		return 0;
	ctl_complain("`afar status --json` tells all there is: it goes with nothing else");
	return -EINVAL;
}

int ctl_status(struct ctl *ctl, int argc, char **argv)
{
	const struct control_message request = { .type = CONTROL_GET_STATUS };
	CLEANUP(free) char *why = NULL;
	int error = 0, result = CTL_DONE;
	struct view view = { 0 };
	struct instance instance;
	json_t *status = NULL;

	if (parse(&view, argc, argv) < 0)
		return CTL_USAGE;
	switch (instance_lock(&ctl->paths, &instance, NULL, &error)) {
	case INSTANCE_FREE:
		puts(view.as_json ? "{\"state\":\"stopped\"}"
				  : "afar is not running; `afar start` starts it.");
		return CTL_NOT_RUNNING;
	case INSTANCE_ERROR:
		ctl_complain("cannot read %s: %s", ctl->paths.lock_file, strerror(-error));
		return CTL_FAILED;
	case INSTANCE_RUNNING:
		break;
	}
	if (call_daemon(&instance, &request, &status, &why) < 0) {
		ctl_complain("%s", why);
		return CTL_FAILED;
	}
	if (view.as_json && json_dumpf(status, stdout, JSON_INDENT(2)) < 0) {
		ctl_complain("the answer cannot be shown: out of memory");
		json_decref(status);
		return CTL_FAILED;
	}
	if (view.as_json) {
		putchar('\n');
	} else if (!show(status, &view)) {
		complain_of_component(status, view.component);
		result = CTL_FAILED;
	}
	json_decref(status);
	return result;
}
