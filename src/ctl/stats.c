/* SPDX-License-Identifier: BSD-3-Clause */
/* afar stats: what the host has counted (host/stats.h), for people or as it is. */
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
#include "ctl/ctl.h"
#include "ctl/show.h"

#define INTERVAL_SECONDS 1.0
#define INTERVAL_MIN_SECONDS 0.2
#define INTERVAL_MAX_SECONDS 86400.0

/* What is wanted, and how it is shown. */
struct view {
	bool as_json;
	bool watches;
	double interval; /* seconds */
	struct colours colours;
	usec_t now; /* of the document */
	const json_t *before; /* the document before this one; NULL: none */
	double since_before;  /* seconds */
};

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* What grew by the second since the document before; negative: there is none. */
static double per_second(
	const json_t *object, const json_t *before, const char *key, const struct view *view)
{
	if (!before || view->since_before <= 0)
		return -1;
	return (double)(number_of(object, key) - number_of(before, key)) / view->since_before;
}

static char *describe_bytes(double n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	size_t unit = 0;

	for (; n >= 1000 && unit + 1 < ARRAY_SIZE(units); unit++)
		n /= 1000;
	return xprintf(unit && n < 100 ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

static void show_bytes(const char *before, double n, const char *behind)
{
	CLEANUP(free) char *text = describe_bytes(n);

	printf("%s%s%s", before, text, behind);
}

/* It comes from a host that faces the network: it is held to what an address is made of. */
static const char *address_of(const json_t *viewer)
{
	const char *address = show_text(viewer, "address");
	size_t n = strspn(address, "0123456789abcdefABCDEF.:%");

	return *address && !address[n] ? address : "unknown";
}

static void show_counters(const json_t *object, const json_t *before, const struct view *view)
{
	double frames = per_second(object, before, "frames", view);
	double down = per_second(object, before, "bytes_down", view);

	printf("  %lld frame%s", (long long)number_of(object, "frames"),
		number_of(object, "frames") == 1 ? "" : "s");
	if (frames >= 0)
		printf(" (%.1f/s)", frames);
	show_bytes(", ", (double)number_of(object, "bytes_down"), " down");
	if (down >= 0)
		show_bytes(" (", down, "/s)");
	show_bytes(", ", (double)number_of(object, "bytes_up"), " up");
	printf(", %lld inputs", (long long)number_of(object, "inputs"));
}

/* Only those that there were: few desktops have all. */
static void show_operations(const json_t *object)
{
	json_t *operations = json_object_get(object, "operations");
	const char *kind, *separator = "  ";
	json_t *n;

	json_object_foreach(operations, kind, n)
	{
		if (json_integer_value(n) <= 0
			|| kind[strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789")])
			continue;
		printf("%s%lld %s", separator, (long long)json_integer_value(n), kind);
		separator = ", ";
	}
	if (*separator == ',')
		putchar('\n');
}

static void show_cpu(
	const char *name, const json_t *value, const json_t *before, const struct view *view)
{
	double used = (double)json_integer_value(value);

	if (!json_is_integer(value))
		return;
	printf("%s %.2f s", name, used / (double)USEC_PER_SEC);
	if (before && view->since_before > 0)
		printf(" (%.1f %%)",
			(used - (double)json_integer_value(before)) * 100
				/ (view->since_before * (double)USEC_PER_SEC));
}

static void show_host(const json_t *document, const struct view *view)
{
	const json_t *host = json_object_get(document, "host");
	const json_t *cpu = json_object_get(document, "cpu");
	const json_t *host_before = json_object_get(view->before, "host");
	const json_t *cpu_before = json_object_get(view->before, "cpu");
	CLEANUP(free) char *age = show_age(host, "since", view->now);

	printf("host, process %lld, for %s, %lld viewer%s so far\n",
		(long long)number_of(host, "pid"), age,
		(long long)number_of(host, "viewers_so_far"),
		number_of(host, "viewers_so_far") == 1 ? "" : "s");
	show_cpu("  CPU time: host", json_object_get(host, "cpu"),
		json_object_get(host_before, "cpu"), view);
	show_cpu(", X server", json_object_get(cpu, "display"),
		json_object_get(cpu_before, "display"), view);
	show_cpu(", supervisor", json_object_get(cpu, "supervisor"),
		json_object_get(cpu_before, "supervisor"), view);
	putchar('\n');
	show_counters(host, host_before, view);
	printf(", %lld reads of the screen\n", (long long)number_of(host, "reads"));
	show_operations(host);
}

static void show_stages(const json_t *viewer, const struct view *view)
{
	static const char *const stages[] = { "input", "application", "damage", "capture",
		"analyse", "encode", "queue", "network", "decode", "paint", "echo" };
	const json_t *all = json_object_get(viewer, "stages");
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		const json_t *stage = json_object_get(all, stages[i]);

		if (!json_is_object(stage))
			continue;
		if (!any)
			printf("  %s%-12s%10s%10s%10s%9s%s\n", view->colours.dim, "ms",
				"median", "p99", "max", "frames", view->colours.off);
		any = true;
		printf("  %-12s%10.2f%10.2f%10.2f%9lld\n", stages[i],
			(double)number_of(stage, "median") / 1e3,
			(double)number_of(stage, "p99") / 1e3,
			(double)number_of(stage, "max") / 1e3,
			(long long)number_of(stage, "frames"));
	}
}

static const json_t *find_viewer(const json_t *document, json_int_t id)
{
	const json_t *viewer;
	size_t i;

	json_array_foreach(json_object_get(document, "viewers"), i, viewer)
	{
		if (number_of(viewer, "id") == id)
			return viewer;
	}
	return NULL;
}

static void show_viewer(const json_t *viewer, const struct view *view)
{
	const json_t *before = find_viewer(view->before, number_of(viewer, "id"));
	CLEANUP(free) char *age = show_age(viewer, "since", view->now);

	printf("\nviewer %lld (%s) for %s\n", (long long)number_of(viewer, "id"),
		address_of(viewer), age);
	show_counters(viewer, before, view);
	printf(", %lld under way", (long long)number_of(viewer, "under_way"));
	if (number_of(viewer, "rtt"))
		printf(", round trip %.2f ms (best %.2f)",
			(double)number_of(viewer, "rtt") / 1e3,
			(double)number_of(viewer, "rtt_best") / 1e3);
	if (number_of(viewer, "rate"))
		show_bytes(", link ", (double)number_of(viewer, "rate"), "/s");
	putchar('\n');
	show_operations(viewer);
	show_stages(viewer, view);
}

/* Another host has counted from 0. */
static bool is_same_host(const json_t *document, const json_t *before)
{
	return number_of(json_object_get(document, "host"), "pid")
		== number_of(json_object_get(before, "host"), "pid");
}

static void show_document(const json_t *document, struct view *view)
{
	json_int_t n_left_out = number_of(document, "viewers_left_out");
	usec_t now = show_time(document, "now"), then = view->now;
	const json_t *viewer;
	size_t i;

	view->colours = show_colours();
	if (view->before && !is_same_host(document, view->before))
		view->before = NULL;
	view->since_before =
		view->before && now > then ? (double)(now - then) / (double)USEC_PER_SEC : 0;
	view->now = now;
	if (view->watches && *view->colours.off)
		fputs("\033[H\033[J", stdout);
	else if (then)
		putchar('\n');
	show_host(document, view);
	json_array_foreach(json_object_get(document, "viewers"), i, viewer)
		show_viewer(viewer, view);
	if (n_left_out)
		printf("\nand %lld more viewers\n", (long long)n_left_out);
}

/* A document in one line each where several follow each other. */
static int show_as_json(const json_t *document, const struct view *view)
{
	if (json_dumpf(document, stdout, view->watches ? JSON_COMPACT : JSON_INDENT(2)) < 0)
		return -ENOMEM;
	putchar('\n');
	return 0;
}

/* Whether @text is an interval; complains if it is a bad one. */
static int parse_interval(struct view *self, const char *text)
{
	char *end = NULL;
	double seconds = text[0] >= '0' && text[0] <= '9' ? strtod(text, &end) : -1;

	if (end && !*end && seconds >= INTERVAL_MIN_SECONDS
		&& seconds <= INTERVAL_MAX_SECONDS) {
		self->interval = seconds;
		return 0;
	}
	ctl_complain("'%s' is no interval: it is a number of seconds, %.1f at least", text,
		INTERVAL_MIN_SECONDS);
	return -EINVAL;
}

/* Returns 0 or -EINVAL, which has been told. */
static int parse(struct view *self, int argc, char **argv)
{
	int r = 0;

	self->interval = INTERVAL_SECONDS;
	for (int i = 1; r == 0 && i < argc; i++) {
		if (str_equal(argv[i], "--json")) {
			self->as_json = true;
		} else if (str_equal(argv[i], "--watch") || str_equal(argv[i], "-w")) {
			self->watches = true;
			if (i + 1 < argc && argv[i + 1][0] != '-')
				r = parse_interval(self, argv[++i]);
		} else if (str_starts(argv[i], "--watch=")) {
			self->watches = true;
			r = parse_interval(self, argv[i] + strlen("--watch="));
		} else {
			ctl_complain(
				"`afar stats` takes no '%s': see `afar stats --help`", argv[i]);
			r = -EINVAL;
		}
	}
	return r;
}

static void pause_for(double seconds)
{
	struct timespec left = { .tv_sec = (time_t)seconds };

	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* Shows what there is now. */
static enum ctl_status show_once(const struct ctl *ctl, struct view *view, json_t **ret)
{
	const struct control_message request = { .type = CONTROL_GET_STATS };
	enum ctl_status status = ctl_ask(ctl, &request, ret);

	if (status != CTL_DONE)
		return status;
	if (view->as_json && show_as_json(*ret, view) < 0) {
		ctl_complain("the answer cannot be shown: out of memory");
		return CTL_FAILED;
	}
	if (!view->as_json)
		show_document(*ret, view);
	/* Nobody reads on: no more is to be said. */
	return fflush(stdout) == 0 ? CTL_DONE : CTL_FAILED;
}

int ctl_stats(struct ctl *ctl, int argc, char **argv)
{
	struct view view = { 0 };
	json_t *before = NULL;
	enum ctl_status status;

	if (parse(&view, argc, argv) < 0)
		return CTL_USAGE;
	for (;;) {
		json_t *document = NULL;

		view.before = before;
		status = show_once(ctl, &view, &document);
		json_decref(before);
		before = document;
		if (status != CTL_DONE || !view.watches)
			break;
		pause_for(view.interval);
	}
	json_decref(before);
	return status;
}
