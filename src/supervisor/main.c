/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afar-supervisor: started by afar-guard with the options of `afar start`;
 * with --new-pin alone by `afar pin --new`.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "supervisor/host-process.h"
#include "supervisor/identity.h"
#include "supervisor/supervisor.h"

#define SETTINGS_FILE_MAX (256 * 1024)

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

struct settings_file {
	struct supervisor *supervisor;
	const char *path;
};

static void warn_unknown_key(void *data, const char *section, const char *key)
{
	const struct settings_file *file = data;

	report_error(&file->supervisor->report, "%s: ignoring \"%s\" in [%s], there is no such setting",
		file->path, key, section);
}

static int read_settings_file(struct supervisor *self, const char *path)
{
	struct settings_file file = { self, path };
	CLEANUP(free) char *text = NULL;
	char why[SETTINGS_WHY_MAX];
	unsigned line = 0;
	size_t n;
	int r;

	r = sys_read_file(path, SETTINGS_FILE_MAX, &text, &n);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		report_error(&self->report, "cannot read %s: %s", path, strerror(-r));
		return r;
	}
	r = settings_read(&self->settings, text, warn_unknown_key, &file, &line, why);
	if (r < 0)
		report_error(&self->report, "%s, line %u: %s", path, line, why);
	return r;
}

static int read_settings(struct supervisor *self)
{
	CLEANUP(free) char *own = xprintf("%s/afar.conf", self->paths.config_dir);
	int r;

	settings_init(&self->settings);
	r = read_settings_file(self, "/etc/afar/afar.conf");
	if (r == 0)
		r = read_settings_file(self, own);
	return r;
}

struct options {
	bool foreground;
	bool new_pin;
	/* Values of options that lay over the settings, in order. */
	struct {
		const char *section, *key, *value;
	} set[64];
	size_t n_set;
	struct strbuf sizes, listen; /* comma-separated; no text: not given */
};

static void keep(struct options *self, const char *section, const char *key, const char *value)
{
	if (self->n_set < ARRAY_SIZE(self->set)) {
		self->set[self->n_set].section = section;
		self->set[self->n_set].key = key;
		self->set[self->n_set++].value = value;
	}
}

/* Repeatable options are lists in the settings. */
static void add_item(struct strbuf *list, const char *item)
{
	strbuf_printf(list, "%s%s", list->text ? "," : "", item);
}

static int parse_options(struct options *self, int argc, char **argv, char **ret_why)
{
	static const struct option options[] = {
		{ "foreground", no_argument, NULL, 'f' },
		{ "size", required_argument, NULL, 's' },
		{ "display", required_argument, NULL, 'd' },
		{ "session", required_argument, NULL, 'S' },
		{ "listen", required_argument, NULL, 'l' },
		{ "new-pin", no_argument, NULL, 'N' },
		{ 0 },
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+fs:", options, NULL)) >= 0) {
		switch (c) {
		case 'f':
			self->foreground = true;
			break;
		case 's':
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
		default:
			*ret_why = xprintf("'%s' is no option of `afar start`, or lacks its value: see "
					   "`afar start --help`",
				argv[optind - 1]);
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
	return 0;
}

static int apply_options(struct supervisor *self, const struct options *options, char **ret_why)
{
	char why[SETTINGS_WHY_MAX];

	for (size_t i = 0; i < options->n_set; i++) {
		if (settings_set(&self->settings, options->set[i].section, options->set[i].key,
			    options->set[i].value, why)
			== 0)
			continue;
		*ret_why = xstrdup(why);
		return -EINVAL;
	}
	return 0;
}

static int handle_stop_signal(
	sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	(void)source;
	log_info("caught signal %u", info->ssi_signo);
	supervisor_stop(data);
	return 0;
}

static int handle_reload_signal(
	sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	CLEANUP(free) char *why = NULL;

	(void)source;
	(void)info;
	supervisor_reload(data, &why);
	return 0;
}

static int handle_host_signal(
	sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct supervisor *self = data;

	(void)source;
	host_process_handle_signal(self->host, (pid_t)info->ssi_pid);
	return 0;
}

static int init_loop(struct supervisor *self)
{
	static const struct {
		int signo;
		sd_event_signal_handler_t handle;
	} handlers[] = {
		{ SIGTERM, handle_stop_signal },
		{ SIGINT, handle_stop_signal },
		{ SIGHUP, handle_reload_signal },
		{ SIGUSR1, handle_host_signal },
	};
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++)
		sigaddset(&set, handlers[i].signo);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_new(&self->event);
	for (size_t i = 0; i < ARRAY_SIZE(handlers) && r >= 0; i++)
		r = sd_event_add_signal(
			self->event, NULL, handlers[i].signo, handlers[i].handle, self);
	return r < 0 ? r : 0;
}

/* All that can be wrong from the outset is found here, before anything is started. */
static int prepare(struct supervisor *self, char **ret_why)
{
	char pin[IDENTITY_PIN_SIZE];
	int r;

	r = outlog_create(&self->log, self->event, self->paths.log_file);
	if (r < 0) {
		*ret_why = xprintf(
			"cannot write the log %s: %s", self->paths.log_file, strerror(-r));
		return r;
	}
	r = listen_open(&self->listen, &self->settings, ret_why);
	if (r < 0)
		return r;
	self->url = xprintf("http://%s/", self->listen.names[0]);
	r = identity_load(&self->paths, self->program_dir, &self->config, pin, ret_why);
	if (r < 0)
		return r;
	if (pin[0])
		report_line(&self->report,
			"The PIN of this desktop is %s: write it down, it is not shown again.",
			pin);
	explicit_bzero(pin, sizeof(pin));
	return 0;
}

static int run(struct supervisor *self)
{
	CLEANUP(free) char *why = NULL;
	int r = init_loop(self);

	if (r == 0)
		r = prepare(self, &why);
	if (r == 0)
		r = supervisor_init(self, &why);
	if (r < 0) {
		log_error("%s", why ? why : strerror(-r));
		report_error(&self->report, "%s", why ? why : strerror(-r));
		return EXIT_FAILED;
	}
	r = sd_event_loop(self->event);
	if (self->report.plain)
		report_line(&self->report, "The desktop has ended.");
	log_info("the desktop has ended");
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int renew_pin(struct supervisor *self)
{
	CLEANUP(free) char *why = NULL;
	char pin[IDENTITY_PIN_SIZE];

	if (paths_make(&self->paths, &why) < 0
		|| identity_renew_pin(&self->paths, self->program_dir, pin, &why) < 0) {
		fprintf(stderr, "afar: %s\n", why);
		return EXIT_FAILED;
	}
	printf("%s\n", pin);
	explicit_bzero(pin, sizeof(pin));
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	static struct supervisor self = { .flavour = &flavour_afar };
	CLEANUP(free) char *why = NULL;
	struct options options = { 0 };
	int status = EXIT_USAGE, r;

	log_init("supervisor");
	prctl(PR_SET_DUMPABLE, 0); /* the configuration has a private key */
	r = parse_options(&options, argc, argv, &why);
	report_init(&self.report, options.foreground);
	if (r == 0) {
		self.x_options = (const char *const *)argv + optind;
		self.program_dir = proc_program_dir();
		r = self.program_dir ? paths_init(&self.paths, &flavour_afar, NULL, &why) : -ENOENT;
		status = EXIT_FAILED;
	}
	if (r == 0 && options.new_pin)
		return renew_pin(&self);
	if (r == 0)
		r = read_settings(&self);
	if (r == 0) {
		status = EXIT_USAGE;
		r = apply_options(&self, &options, &why);
	}
	if (r == 0)
		status = run(&self);
	else if (why)
		report_error(&self.report, "%s", why);
	supervisor_finish(&self);
	sd_event_unref(self.event);
	strbuf_finish(&options.sizes);
	strbuf_finish(&options.listen);
	return status;
}
