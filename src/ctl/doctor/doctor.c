/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/doctor/doctor.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "ctl/ctl.h"
#include "ctl/instance.h"
#include "version.h"
#include "wire/json-memory.h"
#include "wire/text.h"

static const struct doctor_check *const groups[] = {
	doctor_files_checks,
	doctor_desktop_checks,
	doctor_sound_checks,
	doctor_system_checks,
};

static const char *const state_names[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_NOTE] = "note",
	[DOCTOR_PROBLEM] = "problem",
};

/* What takes the results: each once, then the end. */
struct printer {
	json_t *checks; /* NULL: for people */
	bool colours;
	unsigned n_of[ARRAY_SIZE(state_names)];
};

static void print(
	const struct printer *self, const char *name, const struct doctor_result *result)
{
	static const char *const colours[] = {
		[DOCTOR_OK] = "\033[32m",
		[DOCTOR_NOTE] = "\033[33m",
		[DOCTOR_PROBLEM] = "\033[31m",
	};

	printf("%s%-8s%s %-15s %s%s%s\n", self->colours ? colours[result->state] : "",
		state_names[result->state], self->colours ? "\033[0m" : "", name, result->text,
		result->advice[0] ? ": " : "", result->advice);
	fflush(stdout);
}

static void take(struct printer *self, const char *name, struct doctor_result *result)
{
	self->n_of[result->state]++;
	/* Paths and the output of programs may hold anything; a result is one line. */
	for (char *at = result->text; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	}
	if (!self->checks) {
		print(self, name, result);
		return;
	}
	json_array_append_new(self->checks,
		json_pack("{s:s, s:s, s:o, s:o}", "name", name, "state",
			state_names[result->state], "text", text_to_json(result->text),
			"advice",
			result->advice[0] ? text_to_json(result->advice) : json_null()));
}

static void finish(struct printer *self)
{
	CLEANUP(free) char *text = NULL;
	json_t *document;

	if (!self->checks) {
		printf("%u problem%s, %u note%s\n", self->n_of[DOCTOR_PROBLEM],
			self->n_of[DOCTOR_PROBLEM] == 1 ? "" : "s", self->n_of[DOCTOR_NOTE],
			self->n_of[DOCTOR_NOTE] == 1 ? "" : "s");
		return;
	}
	document = json_pack("{s:s, s:i, s:i, s:o}", "version", AFAR_VERSION, "problems",
		(int)self->n_of[DOCTOR_PROBLEM], "notes", (int)self->n_of[DOCTOR_NOTE],
		"checks", self->checks);
	text = document ? json_memory_dump(document, JSON_INDENT(2)) : NULL;
	if (text)
		puts(text);
	json_decref(document);
}

static void read_settings(struct doctor *self)
{
	CLEANUP(free) char *own = xprintf("%s/afar.conf", self->paths->config_dir);
	const char *const files[] = { "/etc/afar/afar.conf", own };

	settings_init(&self->settings, &flavour_afar);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(free) char *text = NULL;
		char why[SETTINGS_WHY_MAX];
		unsigned line;
		size_t n;

		/* What is wrong with them a check of its own tells. */
		if (sys_read_file(files[i], 256 * 1024, &text, &n) == 0)
			settings_read(&self->settings, text, NULL, NULL, &line, why);
	}
}

int ctl_doctor(struct ctl *ctl, int argc, char **argv)
{
	struct doctor doctor = { .paths = &ctl->paths };
	struct printer printer = { .colours = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") };
	struct instance instance;
	int error;

	if (argc == 2 && str_equal(argv[1], "--json")) {
		printer.checks = json_array();
	} else if (argc > 1) {
		ctl_complain("'%s' is no option of `afar doctor`: it has --json only", argv[1]);
		return CTL_USAGE;
	}
	read_settings(&doctor);
	doctor.runs = instance_lock(&ctl->paths, &instance, NULL, &error) == INSTANCE_RUNNING;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		for (const struct doctor_check *check = groups[i]; check->name; check++) {
			struct doctor_result result = { .state = DOCTOR_OK };

			check->run(&doctor, &result);
			take(&printer, check->name, &result);
		}
	}
	finish(&printer);
	return printer.n_of[DOCTOR_PROBLEM] ? CTL_FAILED : CTL_DONE;
}
