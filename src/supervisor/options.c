/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "base/mem.h"

/* Of several values of one option the last counts. */
static void keep(struct options *self, const char *section, const char *key, const char *value)
{
	size_t i = 0;

	while (i < self->n_set
		&& !(str_equal(self->set[i].section, section) && str_equal(self->set[i].key, key)))
		i++;
	if (i == ARRAY_SIZE(self->set))
		return;
	if (i == self->n_set)
		self->n_set++;
	self->set[i].section = section;
	self->set[i].key = key;
	self->set[i].value = value;
}

/* Repeatable options are lists in the settings. */
static void add_item(struct strbuf *list, const char *item)
{
	strbuf_printf(list, "%s%s", list->text ? "," : "", item);
}

int options_parse(struct options *self, int argc, char **argv, char **ret_why)
{
	static const struct option options[] = {
		{ "foreground", no_argument, NULL, 'f' },
		{ "size", required_argument, NULL, 's' },
		{ "display", required_argument, NULL, 'd' },
		{ "session", required_argument, NULL, 'S' },
		{ "listen", required_argument, NULL, 'l' },
		{ "new-pin", no_argument, NULL, 'N' },
		{ "flavour", required_argument, NULL, 'F' },
		{ "script", required_argument, NULL, 'P' },
		{ "config", required_argument, NULL, 'c' },
		{ 0 },
	};
	int at = 1, c;

	self->flavour = &flavour_afar;
	opterr = 0;
	for (; (c = getopt_long(argc, argv, "+fs:", options, NULL)) >= 0; at = optind) {
		switch (c) {
		case 'f':
			self->foreground = true;
			break;
		case 's':
			/* One only: in the list of all it would be two, or none. */
			if (!*optarg || strchr(optarg, ',')) {
				*ret_why = xprintf("Incorrect size format '%.60s', should be WIDTHxHEIGHT",
					optarg);
				return -EINVAL;
			}
			add_item(&self->sizes, optarg);
			break;
		case 'd':
			keep(self, "display", "type", optarg);
			break;
		case 'S':
			keep(self, "session", "command", optarg);
			break;
		case 'l':
			add_item(&self->listen, optarg);
			break;
		case 'N':
			self->new_pin = true;
			break;
		case 'F':
			self->flavour = flavour_by_name(optarg);
			if (self->flavour)
				break;
			*ret_why = xprintf("there is no flavour '%s'", optarg);
			return -EINVAL;
		case 'P':
			self->script = optarg;
			break;
		case 'c':
			self->config = optarg;
			break;
		default:
			*ret_why = xprintf("'%s' is no option of `afar start`, or lacks its value: see "
					   "`afar start --help`",
				argv[at]);
			return -EINVAL;
		}
	}
	if (optind < argc && !str_equal(argv[optind - 1], "--")) {
		*ret_why = xprintf("'%s' is not understood; options of the X server stand after --",
			argv[optind]);
		return -EINVAL;
	}
	if (self->sizes.text)
		keep(self, "display", "sizes", self->sizes.text);
	if (self->listen.text)
		keep(self, "server", "listen", self->listen.text);
	self->first_argument = optind;
	return 0;
}

int options_apply(const struct options *self, struct settings *settings, char **ret_why)
{
	char why[SETTINGS_WHY_MAX];

	for (size_t i = 0; i < self->n_set; i++) {
		if (settings_set(settings, self->set[i].section, self->set[i].key,
			    self->set[i].value, why)
			== 0)
			continue;
		*ret_why = xstrdup(why);
		return -EINVAL;
	}
	return 0;
}

void options_finish(struct options *self)
{
	strbuf_finish(&self->sizes);
	strbuf_finish(&self->listen);
}
