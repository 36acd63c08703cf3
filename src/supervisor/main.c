/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afar-supervisor: started by afar-guard with the options of `afar start`;
 * with --new-pin alone by `afar pin --new`.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/display-manager.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/trusted.h"
#include "supervisor/contract-config.h"
#include "supervisor/gdm-warning.h"
#include "supervisor/host-process.h"
#include "supervisor/identity.h"
#include "supervisor/options.h"
#include "supervisor/strays.h"
#include "supervisor/supervisor.h"
#include "wire/json-memory.h"

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

/* What a desktop was started with holds as long as it lives, whoever supervises it. */
static int read_settings_text(
	struct supervisor *self, const char *path, const char *kept_as, char **ret, size_t *ret_n)
{
	int r;

	if (self->handover.legacy)
		return handover_take_text(&self->handover, kept_as, ret, ret_n);
	r = trusted_read(path, SETTINGS_FILE_MAX, ret, ret_n);
	if (r == 0)
		handover_keep_text(&self->handover, kept_as, *ret, *ret_n);
	return r;
}

static int read_settings_file(struct supervisor *self, const char *path, const char *kept_as)
{
	struct settings_file file = { self, path };
	CLEANUP(free) char *text = NULL;
	char why[SETTINGS_WHY_MAX];
	unsigned line = 0;
	size_t n;
	int r;

	r = read_settings_text(self, path, kept_as, &text, &n);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		report_error(&self->report, "%s is not heeded: %s%s", path, trusted_why(r),
			r == -EPERM ? "; chown it to yourself and chmod it to go-w" : "");
		return r;
	}
	/* The parser would take what stands before it for the whole. */
	if (memchr(text, '\0', n)) {
		report_error(&self->report, "%s is not heeded: it has a NUL in it, so it is no text",
			path);
		return -EINVAL;
	}
	r = settings_read(&self->settings, text, warn_unknown_key, &file, &line, why);
	if (r < 0)
		report_error(&self->report, "%s, line %u: %s", path, line, why);
	return r;
}

/* N-3: a variable that makes no sense is no reason not to start. */
static void read_sizes_from_environment(struct supervisor *self)
{
	const char *sizes = getenv(self->flavour->sizes_env);
	char why[SETTINGS_WHY_MAX];

	if (!sizes || settings_set(&self->settings, "display", "sizes", sizes, why) == 0)
		return;
	log_error("%s is not heeded: %s", self->flavour->sizes_env, why);
	report_error(&self->report, "%s is not heeded: %s", self->flavour->sizes_env, why);
}

/* For tests: the back-off of minutes in seconds. */
static void scale_time(struct settings *settings)
{
	const char *text = getenv("AFAR_TEST_TIME_SCALE");
	unsigned long divisor;

	if (!text || str_to_uint(text, 1, 1000000, &divisor) < 0)
		return;
	settings->healthy_after /= divisor;
	settings->fast_delay /= divisor;
	settings->slow_delay /= divisor;
}

/* Built-in < the system's file < the user's < the environment; options come after. */
static int read_settings(struct supervisor *self)
{
	CLEANUP(free) char *own = xprintf("%s/afar.conf", self->paths.config_dir);
	int r = 0;

	settings_init(&self->settings, self->flavour);
	if (self->flavour->host_is_ours) {
		r = read_settings_file(self, "/etc/afar/afar.conf", "settings-system");
		if (r == 0)
			r = read_settings_file(self, own, "settings-own");
	}
	read_sizes_from_environment(self);
	if (getenv(self->flavour->xvfb_env)) /* XCH-1 */
		self->settings.display = SETTINGS_DISPLAY_XVFB;
	scale_time(&self->settings);
	return r;
}

static int handle_stop_signal(
	sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct supervisor *self = data;

	(void)source;
	/* The guard passes it on, and ends all below itself as well: one is enough to tell. */
	if (!self->policy.stopping)
		log_info("Caught signal: %u", info->ssi_signo);
	supervisor_stop(self);
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

/* From the guard, which passes it on: as `afar reload --exec`. */
static int handle_exec_signal(
	sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	int r = handover_prepare_exec(data, false);

	(void)source;
	(void)info;
	if (r < 0)
		log_error("the supervisor cannot be replaced: %s", strerror(-r));
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
		{ SIGUSR2, handle_exec_signal },
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

/* Our own host's: sockets, and an identity that is made when there is none. */
static int prepare_own(struct supervisor *self, char **ret_why)
{
	char pin[IDENTITY_PIN_SIZE];
	int r;

	r = listen_open(&self->listen, &self->settings, ret_why);
	if (r < 0)
		return r;
	listen_keep(&self->listen, self->handover.keeper);
	self->url = xprintf("http://%s/", self->listen.names[0]);
	r = identity_load(&self->paths, self->program_dir, &self->config, pin, ret_why);
	if (r < 0)
		return r;
	if (pin[0] && report_is_journal(&self->report))
		report_line(&self->report, "`afar pin --new` shows a PIN to sign in with.");
	else if (pin[0])
		report_line(&self->report,
			"The PIN of this desktop is %s: write it down, it is not shown again.",
			pin);
	explicit_bzero(pin, sizeof(pin));
	return 0;
}

/* START-9: better no desktop than one of another kind than was asked for. */
static bool wants_wayland(const struct flavour *flavour)
{
	const char *text = getenv(flavour->host_params_env);
	CLEANUP(free) char *copy = text ? xstrdup(text) : NULL;

	for (char *save, *word = copy ? strtok_r(copy, " \t\n\v\f\r", &save) : NULL; word;
		word = strtok_r(NULL, " \t\n\v\f\r", &save)) {
		if (str_equal(word, "--enable-wayland"))
			return true;
	}
	return false;
}

/* The vendor's: CFG-2, CFG-3, CFG-5. */
static int prepare_contract(struct supervisor *self, char **ret_why)
{
	CLEANUP(free) char *why = NULL;
	int r;

	if (display_manager_is_gdm())
		gdm_warning_tell(self->flavour);
	r = contract_config_load(self->paths.config_file, &self->config, &why);
	if (r < 0) {
		/* Plainly, and not to whoever waits (CFG-2). */
		fprintf(stderr, "Failed to load config: %s\n", why ? why : strerror(-r));
		return -ECANCELED;
	}
	if (!contract_config_is_valid(self->config)) {
		*ret_why = xstrdup("Failed to load host configuration.");
		return -EBADMSG;
	}
	if (wants_wayland(self->flavour)) {
		*ret_why = xprintf("%s has --enable-wayland, and there is no Wayland desktop yet: "
				   "remove it there",
			self->flavour->host_params_env);
		return -ENOTSUP;
	}
	log_info("Using host_id: %s",
		json_string_value(json_object_get(self->config, "host_id")));
	return 0;
}

/* Nothing is read anew: what lies there now may be broken, and is for a reload. */
static int prepare_from_legacy(struct supervisor *self, char **ret_why)
{
	json_t *config = handover_legacy(&self->handover, "config");
	int r = -EBADMSG;

	if (json_is_object(config)) {
		self->config = json_incref(config);
		r = 0;
	}
	if (r == 0 && self->flavour->host_is_ours)
		r = listen_adopt(&self->listen, self->handover.keeper,
			handover_legacy(&self->handover, "listen"));
	if (r < 0) {
		*ret_why = xprintf("the desktop cannot be taken over: %s", strerror(-r));
		return r;
	}
	if (self->flavour->host_is_ours)
		self->url = xprintf("http://%s/", self->listen.names[0]);
	return 0;
}

/* A control socket that is still there says that nobody came to clean up after the last desktop. */
static void end_strays(struct supervisor *self)
{
	CLEANUP(free) char *socket = xprintf("%s/control", self->paths.runtime_dir);
	int r;

	if (access(socket, F_OK) < 0)
		return;
	report_line(&self->report, "Ending what is left of a desktop that was killed …");
	r = strays_end(&self->family);
	if (r < 0)
		log_warning("cannot look for what an earlier desktop left: %s", strerror(-r));
}

/*
 * All that can be wrong from the outset is found here, before anything is started. -ECANCELED: it
 * has been said already.
 */
static int prepare(struct supervisor *self, char **ret_why)
{
	bool to_stderr = self->flavour->logs_to_stderr;
	int r = outlog_create(&self->log, self->event, to_stderr ? NULL : self->paths.log_file);

	if (r < 0 && !to_stderr)
		*ret_why = xprintf(
			"cannot write the log %s: %s", self->paths.log_file, strerror(-r));
	if (r < 0)
		return r;
	outlog_set_keeper(self->log, self->handover.keeper);
	family_init(&self->family, self->event, self->handover.keeper,
		self->handover.keeper ? self->paths.lock_file : NULL);
	self->ssh_socket = supervisor_find_ssh_socket(self);
	if (self->handover.legacy)
		return prepare_from_legacy(self, ret_why);
	end_strays(self);
	return self->flavour->host_is_ours ? prepare_own(self, ret_why)
					   : prepare_contract(self, ret_why);
}

static int run(struct supervisor *self)
{
	CLEANUP(free) char *why = NULL;
	int r = init_loop(self);

	if (r == 0)
		r = prepare(self, &why);
	if (r == 0)
		r = supervisor_init(self, &why);
	if (r < 0 && r != -ECANCELED) {
		log_error("%s", why ? why : strerror(-r));
		report_error(&self->report, "%s", why ? why : strerror(-r));
	}
	if (r < 0) {
		if (self->flavour->logs_to_stderr)
			log_info("Cleanup."); /* TERM-3 */
		return EXIT_FAILED;
	}
	r = sd_event_loop(self->event);
	if (self->report.plain)
		report_line(&self->report, "The desktop has ended.");
	log_info("the desktop has ended");
	return r < 0 ? EXIT_FAILED : r;
}

static int renew_pin(struct supervisor *self)
{
	CLEANUP(free) char *why = NULL;
	char pin[IDENTITY_PIN_SIZE];
	int r = paths_make_config(&self->paths, &why);

	if (r == 0)
		r = identity_renew_pin(&self->paths, self->program_dir, pin, &why);
	if (r < 0) {
		fprintf(stderr, "afar: %s\n", why ? why : strerror(-r));
		return EXIT_FAILED;
	}
	printf("The new PIN is %s\n", pin);
	explicit_bzero(pin, sizeof(pin));
	return EXIT_DONE;
}

/* To whoever waits, and by the contract to the log, which is the same. */
static void complain(struct supervisor *self, const char *why)
{
	if (self->report.is_log)
		log_error("%s", why);
	else
		report_error(&self->report, "%s", why);
}

static int find_places(struct supervisor *self, const struct options *options, char **ret_why)
{
	self->program_dir = proc_program_dir();
	if (!self->program_dir) {
		*ret_why = xprintf("it cannot be found out where afar's programs are");
		return -ENOENT;
	}
	self->script_dir = options->script && strrchr(options->script, '/')
		? xprintf("%.*s", (int)(strrchr(options->script, '/') - options->script),
			options->script)
		: xstrdup(self->program_dir);
	return paths_init(&self->paths, self->flavour, options->config, ret_why);
}

int main(int argc, char **argv)
{
	static struct supervisor self;
	CLEANUP(free) char *why = NULL;
	struct options options = { 0 };
	int status = EXIT_USAGE, r;

	log_init("supervisor");
	json_memory_init();
	spawn_raise_limit();
	prctl(PR_SET_DUMPABLE, 0); /* the configuration has a private key */
	self.argv = (const char *const *)argv;
	r = handover_open(&self.handover);
	if (r == -ENOMEM)
		log_error("out of memory");
	if (r < 0)
		return EXIT_FAILED; /* else the guard is gone, and nobody listens */
	r = options_parse(&options, argc, argv, &why);
	self.flavour = options.flavour;
	if (self.flavour->logs_to_stderr) {
		log_use_contract_format();
		report_init_log(&self.report);
	} else {
		report_init(&self.report, options.foreground || options.new_pin);
	}
	handover_keep_report(&self);
	if (r == 0) {
		self.x_options = (const char *const *)argv + options.first_argument;
		r = find_places(&self, &options, &why);
		status = EXIT_FAILED;
	}
	if (r == 0 && options.new_pin)
		return renew_pin(&self);
	if (r == 0)
		r = read_settings(&self);
	if (r == 0) {
		status = EXIT_USAGE;
		r = options_apply(&options, &self.settings, &why);
	}
	if (r == 0)
		status = run(&self);
	else if (why || r == -ENOMEM)
		complain(&self, why ? why : "out of memory");
	supervisor_finish(&self);
	sd_event_unref(self.event);
	options_finish(&options);
	return status;
}
