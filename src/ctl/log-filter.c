/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/log-filter.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define TIME_LENGTH 24 /* of clock_format() */

void log_filter_init(
	struct log_filter *self, usec_t since, const char *const *names, size_t n_names)
{
	*self = (struct log_filter){ .names = names, .n_names = n_names, .is_wanted = !since };
	if (since)
		clock_format(since, self->since);
}

static bool has_time(const char *line)
{
	static const char form[] = "0000-00-00T00:00:00.000Z ";

	for (size_t i = 0; form[i]; i++) {
		bool is_digit = line[i] >= '0' && line[i] <= '9';

		if (form[i] == '0' ? !is_digit : line[i] != form[i])
			return false;
	}
	return true;
}

/* Who wrote it: the word before the colon. Returns false when there is none. */
static bool find_name(const char *line, char name[LOG_FILTER_NAME_MAX])
{
	static const char *const levels[] = { "error ", "warning ", "info ", "debug " };
	const char *at = line + TIME_LENGTH + 1;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (!str_starts(at, levels[i]))
			continue;
		at += strlen(levels[i]);
		break;
	}
	n = strcspn(at, ":");
	if (n == 0 || n >= LOG_FILTER_NAME_MAX || at[n] != ':')
		return false;
	memcpy(name, at, n);
	name[n] = '\0';
	return true;
}

bool log_filter_has_seen(const struct log_filter *self, const char *name)
{
	for (size_t i = 0; i < self->n_seen; i++) {
		if (str_equal(self->seen[i], name))
			return true;
	}
	return false;
}

static bool is_named(const struct log_filter *self, const char *name)
{
	for (size_t i = 0; i < self->n_names; i++) {
		if (str_equal(self->names[i], name))
			return true;
	}
	return self->n_names == 0;
}

bool log_filter_wants(struct log_filter *self, const char *line)
{
	char name[LOG_FILTER_NAME_MAX];

	if (!has_time(line) || !find_name(line, name))
		return self->is_wanted;
	if (!log_filter_has_seen(self, name) && self->n_seen < LOG_FILTER_N_SEEN)
		snprintf(self->seen[self->n_seen++], LOG_FILTER_NAME_MAX, "%s", name);
	/* Times of one length and one zone are in order as texts. */
	self->is_wanted = is_named(self, name) && strncmp(line, self->since, TIME_LENGTH) >= 0;
	return self->is_wanted;
}
