/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "base/str.h"

int settings_parse_size(
	const char *text, struct settings_size *ret, char why[SETTINGS_WHY_MAX])
{
	char width[8], height[8];
	unsigned long w, h;
	char rest;

	if (sscanf(text, "%7[0-9]x%7[0-9]%c", width, height, &rest) != 2
		|| str_to_uint(width, 0, 99999999, &w) < 0
		|| str_to_uint(height, 0, 99999999, &h) < 0) {
		snprintf(why, SETTINGS_WHY_MAX,
			"Incorrect size format '%.60s', should be WIDTHxHEIGHT", text);
		return -EINVAL;
	}
	if (w < SETTINGS_SIZE_MIN_PX || h < SETTINGS_SIZE_MIN_PX) {
		snprintf(why, SETTINGS_WHY_MAX,
			"Width and height should be %d pixels or greater", SETTINGS_SIZE_MIN_PX);
		return -EINVAL;
	}
	if (w > SETTINGS_SIZE_MAX_PX || h > SETTINGS_SIZE_MAX_PX) {
		snprintf(why, SETTINGS_WHY_MAX, "Width and height should be %d pixels or less",
			SETTINGS_SIZE_MAX_PX);
		return -EINVAL;
	}
	*ret = (struct settings_size){ (unsigned)w, (unsigned)h };
	return 0;
}

static bool is_loopback(const char *host)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* Cuts "host", "host:port", "[host]:port" or a bare IPv6 address in two. */
static int split_address(char *text, const char **ret_host, const char **ret_port)
{
	char *end = strrchr(text, ':');

	*ret_port = NULL;
	*ret_host = text;
	if (text[0] == '[') {
		char *bracket = strchr(text, ']');

		if (!bracket)
			return -EINVAL;
		*ret_host = text + 1;
		*bracket = '\0';
		if (bracket[1] == ':')
			*ret_port = bracket + 2;
		else if (bracket[1])
			return -EINVAL;
	} else if (end && strchr(text, ':') == end) {
		*end = '\0';
		*ret_port = end + 1;
	}
	return 0;
}

int settings_parse_address(
	const char *text, struct settings_address *ret, char why[SETTINGS_WHY_MAX])
{
	const char *host, *port;
	char copy[80];
	unsigned long number = 0;

	if (strlen(text) >= sizeof(copy))
		goto malformed;
	memcpy(copy, text, strlen(text) + 1);
	if (split_address(copy, &host, &port) < 0)
		goto malformed;
	if (port && str_to_uint(port, 1, 65535, &number) < 0)
		goto malformed;
	if (str_equal(host, "localhost"))
		host = "127.0.0.1";
	if (!is_loopback(host)) {
		snprintf(why, SETTINGS_WHY_MAX,
			"'%.60s' is not a loopback address: others need TLS, which is not there yet; "
			"use 127.0.0.1 and reach it through ssh -L",
			text);
		return -EINVAL;
	}
	*ret = (struct settings_address){ .port = (uint16_t)number };
	snprintf(ret->host, sizeof(ret->host), "%.63s", host);
	return 0;

malformed:
	snprintf(why, SETTINGS_WHY_MAX, "'%.60s' should be ADDRESS:PORT", text);
	return -EINVAL;
}

/* Calls @add for each comma-separated item of @value, blanks around it removed. */
static int each_item(const char *value, char why[SETTINGS_WHY_MAX],
	int (*add)(struct settings *, const char *, char *), struct settings *self)
{
	char item[300];
	int r = 0;

	while (r == 0 && *value) {
		size_t n = strcspn(value, ",");
		size_t lead = strspn(value, " \t");
		size_t tail = n;

		while (tail > lead && strchr(" \t", value[tail - 1]))
			tail--;
		if (lead > n)
			lead = n;
		snprintf(item, sizeof(item), "%.*s", (int)(tail > lead ? tail - lead : 0),
			value + lead);
		r = add(self, item, why);
		value += n + (value[n] == ',');
	}
	return r;
}

static int too_many(char why[SETTINGS_WHY_MAX], int limit)
{
	snprintf(why, SETTINGS_WHY_MAX, "at most %d are possible", limit);
	return -EINVAL;
}

static int add_size(struct settings *self, const char *item, char *why)
{
	if (self->n_sizes == SETTINGS_N_SIZES)
		return too_many(why, SETTINGS_N_SIZES);
	return settings_parse_size(item, &self->sizes[self->n_sizes], why) < 0
		? -EINVAL
		: (self->n_sizes++, 0);
}

static int add_listen(struct settings *self, const char *item, char *why)
{
	if (self->n_listen == SETTINGS_N_LISTEN)
		return too_many(why, SETTINGS_N_LISTEN);
	return settings_parse_address(item, &self->listen[self->n_listen], why) < 0
		? -EINVAL
		: (self->n_listen++, 0);
}

static int add_name(struct settings *self, const char *item, char *why)
{
	if (self->n_names == SETTINGS_N_NAMES)
		return too_many(why, SETTINGS_N_NAMES);
	if (!*item || strlen(item) >= sizeof(self->names[0])
		|| strspn(item, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")
			!= strlen(item)) {
		snprintf(why, SETTINGS_WHY_MAX, "'%.60s' is not a host name", item);
		return -EINVAL;
	}
	snprintf(self->names[self->n_names++], sizeof(self->names[0]), "%s", item);
	return 0;
}

static int set_sizes(struct settings *self, const char *value, char *why)
{
	struct settings with = *self;
	int r;

	if (!*value) {
		snprintf(why, SETTINGS_WHY_MAX, "at least one size is needed");
		return -EINVAL;
	}
	with.n_sizes = 0;
	r = each_item(value, why, add_size, &with);
	if (r == 0)
		*self = with;
	return r;
}

static int set_listen(struct settings *self, const char *value, char *why)
{
	self->n_listen = 0;
	if (!*value) {
		snprintf(why, SETTINGS_WHY_MAX, "at least one address is needed");
		return -EINVAL;
	}
	return each_item(value, why, add_listen, self);
}

static int set_names(struct settings *self, const char *value, char *why)
{
	self->n_names = 0;
	return each_item(value, why, add_name, self);
}

/* "attach" and "attach:0" */
static bool parse_attach(const char *value, unsigned *ret)
{
	unsigned long number;

	if (!str_starts(value, "attach"))
		return false;
	value += strlen("attach");
	if (!*value) {
		*ret = SETTINGS_DISPLAY_ANY;
		return true;
	}
	if (*value != ':' || str_to_uint(value + 1, 0, 65535, &number) < 0)
		return false;
	*ret = (unsigned)number;
	return true;
}

static int set_display(struct settings *self, const char *value, char *why)
{
	static const char *const names[] = {
		[SETTINGS_DISPLAY_AUTO] = "auto",
		[SETTINGS_DISPLAY_XORG] = "xorg",
		[SETTINGS_DISPLAY_XVFB] = "xvfb",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_equal(value, names[i])) {
			self->display = (enum settings_display)i;
			return 0;
		}
	}
	if (parse_attach(value, &self->attach_display)) {
		self->display = SETTINGS_DISPLAY_ATTACH;
		return 0;
	}
	snprintf(why, SETTINGS_WHY_MAX,
		"'%.60s' should be auto, xorg, xvfb, attach or attach:NUMBER", value);
	return -EINVAL;
}

static int set_lock_on_leave(struct settings *self, const char *value, char *why)
{
	if (str_equal(value, "no"))
		value = "";
	if (strlen(value) >= sizeof(self->lock_on_leave)) {
		snprintf(why, SETTINGS_WHY_MAX, "a command that locks has at most %zu bytes",
			sizeof(self->lock_on_leave) - 1);
		return -EINVAL;
	}
	snprintf(self->lock_on_leave, sizeof(self->lock_on_leave), "%s", value);
	return 0;
}

static int set_session(struct settings *self, const char *value, char *why)
{
	if (strlen(value) >= sizeof(self->session)) {
		snprintf(why, SETTINGS_WHY_MAX, "a session command has at most %zu bytes",
			sizeof(self->session) - 1);
		return -EINVAL;
	}
	snprintf(self->session, sizeof(self->session), "%s", value);
	return 0;
}

/* Seconds with up to three decimals, 0 to a day. */
static int parse_seconds(const char *value, usec_t *ret, char *why)
{
	unsigned long seconds, msec = 0;
	char whole[8], part[4] = "", rest;
	int n = sscanf(value, "%7[0-9].%3[0-9]%c", whole, part, &rest);
	bool dotted = strchr(value, '.');

	if ((dotted ? n != 2 : sscanf(value, "%7[0-9]%c", whole, &rest) != 1)
		|| str_to_uint(whole, 0, 86400, &seconds) < 0) {
		snprintf(why, SETTINGS_WHY_MAX, "'%.60s' should be seconds, 0 to 86400", value);
		return -EINVAL;
	}
	if (dotted) {
		while (strlen(part) < 3)
			strcat(part, "0");
		str_to_uint(part, 0, 999, &msec);
	}
	*ret = seconds * USEC_PER_SEC + msec * USEC_PER_MSEC;
	return 0;
}

static int parse_count(const char *value, unsigned *ret, char *why)
{
	unsigned long number;

	if (str_to_uint(value, 0, 1000000, &number) < 0) {
		snprintf(why, SETTINGS_WHY_MAX, "'%.60s' should be a number, 0 to 1000000", value);
		return -EINVAL;
	}
	*ret = (unsigned)number;
	return 0;
}

static int set_healthy_after(struct settings *self, const char *value, char *why)
{
	return parse_seconds(value, &self->healthy_after, why);
}

static int set_fast_delay(struct settings *self, const char *value, char *why)
{
	return parse_seconds(value, &self->fast_delay, why);
}

static int set_slow_delay(struct settings *self, const char *value, char *why)
{
	return parse_seconds(value, &self->slow_delay, why);
}

static int set_slow_after(struct settings *self, const char *value, char *why)
{
	return parse_count(value, &self->slow_after, why);
}

static int set_give_up_after(struct settings *self, const char *value, char *why)
{
	return parse_count(value, &self->give_up_after, why);
}

static const struct {
	const char *section, *key;
	int (*set)(struct settings *, const char *value, char *why);
} keys[] = {
	{ "server", "listen", set_listen },
	{ "server", "names", set_names },
	{ "display", "type", set_display },
	{ "display", "sizes", set_sizes },
	{ "display", "lock_on_leave", set_lock_on_leave },
	{ "session", "command", set_session },
	{ "relaunch", "healthy_after", set_healthy_after },
	{ "relaunch", "fast_delay", set_fast_delay },
	{ "relaunch", "slow_delay", set_slow_delay },
	{ "relaunch", "slow_after", set_slow_after },
	{ "relaunch", "give_up_after", set_give_up_after },
};

int settings_set(struct settings *self, const char *section, const char *key, const char *value,
	char why[SETTINGS_WHY_MAX])
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (str_equal(keys[i].section, section) && str_equal(keys[i].key, key))
			return keys[i].set(self, value, why);
	}
	return -ENOENT;
}

struct reading {
	struct settings *settings;
	settings_warn_fn warn;
	void *data;
	char *why;
};

/* inih: 1 goes on, 0 marks this line as wrong. */
static int handle_key(void *data, const char *section, const char *key, const char *value)
{
	struct reading *reading = data;
	int r = settings_set(reading->settings, section, key, value ? value : "", reading->why);

	if (r == -ENOENT && reading->warn)
		reading->warn(reading->data, section, key);
	return r != -EINVAL;
}

int settings_read(struct settings *self, const char *text, settings_warn_fn warn, void *data,
	unsigned *ret_line, char why[SETTINGS_WHY_MAX])
{
	CLEANUP(free) struct settings *laid = mem_new(struct settings);
	struct reading reading = { laid, warn, data, why };
	int line;

	if (!laid)
		return -ENOMEM;
	*laid = *self;
	snprintf(why, SETTINGS_WHY_MAX, "should be [section] or key = value");
	line = ini_parse_string(text, handle_key, &reading);
	if (line) {
		*ret_line = line > 0 ? (unsigned)line : 0;
		return -EINVAL;
	}
	*self = *laid;
	return 0;
}

void settings_init(struct settings *self, const struct flavour *flavour)
{
	char why[SETTINGS_WHY_MAX];

	*self = (struct settings){
		.healthy_after = flavour->healthy_after,
		.fast_delay = flavour->fast_delay,
		.slow_delay = flavour->slow_delay,
		.slow_after = flavour->slow_after,
		.give_up_after = flavour->give_up_after,
	};
	settings_set(self, "display", "sizes", flavour->default_sizes, why);
}
