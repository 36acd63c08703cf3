/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afar-host: serves one desktop to browsers. Started by the supervisor (spec
 * HL-1) with its configuration on standard input; it reads no file.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/flavour.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "host/exit.h"
#include "host/host.h"
#include "host/identity.h"
#include "version.h"
#include "wire/host-input.h"
#include "wire/json-memory.h"

#define CONFIG_MAX ((size_t)1 << 20)
#define FD_MAX 65535
#define MMAP_MIN_BYTES (128 << 10) /* as it is at first */
/* Far more than visitors and viewers need; libwebsockets sizes its tables by it. */
#define DESCRIPTORS_MAX 1024

enum option_id {
	OPTION_HELP = 'h',
	OPTION_HELP_TOO = '?', /* spec HOST-1; getopt's answer to what is unknown as well */
	OPTION_FIRST = 256,
	OPTION_VERSION,
	OPTION_TYPE,
	OPTION_HOST_CONFIG,
	OPTION_SIGNAL_PARENT,
	OPTION_OFFLINE_REASON,
	OPTION_CONTROL_FD,
	OPTION_LISTEN_FD,
	OPTION_MAKE_IDENTITY,
	OPTION_NEW_PIN,
	OPTION_HOST_NAME,
	OPTION_IGNORED,
};

/* The ignored ones belong to the contract (HL-1, HOST-5, HOST-6), and to work to come. */
static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "type", required_argument, NULL, OPTION_TYPE },
	{ "host-config", required_argument, NULL, OPTION_HOST_CONFIG },
	{ "signal-parent", no_argument, NULL, OPTION_SIGNAL_PARENT },
	{ "report-offline-reason", required_argument, NULL, OPTION_OFFLINE_REASON },
	{ "control-fd", required_argument, NULL, OPTION_CONTROL_FD },
	{ "listen-fd", required_argument, NULL, OPTION_LISTEN_FD },
	{ "make-identity", no_argument, NULL, OPTION_MAKE_IDENTITY },
	{ "new-pin", no_argument, NULL, OPTION_NEW_PIN },
	{ "host-name", required_argument, NULL, OPTION_HOST_NAME },
	{ "audio-pipe-name", required_argument, NULL, OPTION_IGNORED },
	{ "ssh-auth-sockname", required_argument, NULL, OPTION_IGNORED },
	{ "enable-utempter", no_argument, NULL, OPTION_IGNORED },
	{ "enable-wtmpdb", no_argument, NULL, OPTION_IGNORED },
	{ "enable-wayland", no_argument, NULL, OPTION_IGNORED },
	{ "webrtc-trace-event-file", required_argument, NULL, OPTION_IGNORED },
	{ 0 },
};

static const char usage[] =
	"Usage: afar-host --host-config=- --control-fd=N --listen-fd=N... [options]\n"
	"       afar-host --make-identity [--new-pin] [--host-name=NAME]\n"
	"       afar-host --new-pin\n"
	"\n"
	"Serves a desktop to browsers. `afar start` runs it; see afar(1).\n"
	"\n"
	"  --host-config=-             read the configuration, JSON, from standard input\n"
	"  --control-fd=N              socket to the supervisor\n"
	"  --listen-fd=N               a listening socket; may be repeated\n"
	"  --signal-parent             send SIGUSR1 to the parent when connections are accepted\n"
	"  --report-offline-reason=R   serve the status page only: the desktop was given up\n"
	"  --type=single_process_host  the default type\n"
	"  --type=xsession_chooser     become afar-chooser: ask which session is to run\n"
	"  --make-identity             complete the configuration on standard input, or a new one;\n"
	"                              print it and a PIN that was made\n"
	"  --new-pin                   make a new PIN for the configuration on standard input\n"
	"  --host-name=NAME            a new identity's name; else this machine's\n"
	"  --help, --version\n"
	"  --audio-pipe-name=, --ssh-auth-sockname=, --enable-utempter, --enable-wtmpdb,\n"
	"  --enable-wayland, --webrtc-trace-event-file=   accepted, without effect\n";

struct command_line {
	bool help;
	bool version;
	bool has_config;
	bool choose_session;
	struct host_options host;
	struct identity_options identity;
};

static int refuse(const char *what, const char *why)
{
	log_error("%s: %s (see --help)", what, why);
	return HOST_EXIT_COMMAND_LINE;
}

static int parse_fd(const char *name, const char *text, int *ret)
{
	unsigned long fd;

	if (str_to_uint(text, 3, FD_MAX, &fd) < 0 || !fd_is_open((int)fd))
		return refuse(name, "no open file descriptor");
	/* Whoever started us could not set it: nothing that we start may have it. */
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	*ret = (int)fd;
	return 0;
}

static int parse_listen_fd(struct host_options *host, const char *text)
{
	if (host->n_listen_fds == HOST_LISTEN_MAX)
		return refuse("--listen-fd", "too many");
	return parse_fd("--listen-fd", text, &host->listen_fds[host->n_listen_fds++]);
}

static int parse_type(struct command_line *self, const char *type)
{
	self->choose_session = str_equal(type, "xsession_chooser");
	return self->choose_session || str_equal(type, "single_process_host")
		       ? 0
		       : refuse("--type", "unknown");
}

/* 0, or an exit code. */
static int parse_option(struct command_line *self, int id, char **argv)
{
	switch (id) {
	case OPTION_HELP:
		self->help = true;
		return 0;
	case OPTION_HELP_TOO:
		if (!str_equal(argv[optind - 1], "-?"))
			return refuse(argv[optind - 1], "no such option, or its value is missing");
		self->help = true;
		return 0;
	case OPTION_VERSION:
		self->version = true;
		return 0;
	case OPTION_TYPE:
		return parse_type(self, optarg);
	case OPTION_HOST_CONFIG:
		self->has_config = true;
		return str_equal(optarg, "-")
			       ? 0
			       : refuse("--host-config", "only - is read, standard input");
	case OPTION_SIGNAL_PARENT:
		self->host.signal_parent = true;
		return 0;
	case OPTION_OFFLINE_REASON:
		self->host.offline_reason = optarg;
		return optarg[0] ? 0 : refuse("--report-offline-reason", "a reason is missing");
	case OPTION_CONTROL_FD:
		return parse_fd("--control-fd", optarg, &self->host.control_fd);
	case OPTION_LISTEN_FD:
		return parse_listen_fd(&self->host, optarg);
	case OPTION_MAKE_IDENTITY:
		self->identity.make = true;
		return 0;
	case OPTION_NEW_PIN:
		self->identity.new_pin = true;
		return 0;
	case OPTION_HOST_NAME:
		self->identity.host_name = optarg;
		return 0;
	default:
		return 0;
	}
}

static int parse_command_line(struct command_line *self, int argc, char **argv)
{
	int id;

	*self = (struct command_line){ .host.control_fd = -1 };
	opterr = 0;
	while ((id = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		int code = parse_option(self, id, argv);

		if (code)
			return code;
	}
	return optind < argc ? refuse(argv[optind], "no arguments are taken") : 0;
}

/* What a stranger's bytes or another program of the user could make of us. */
/*
 * Left to itself malloc(3) takes pictures for the heap once it has seen some freed, and a long life
 * of screens and viewers that come and go leaves holes there. So large blocks are mappings for
 * ever, and go back to the system when they are freed.
 */
static void set_up_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, MMAP_MIN_BYTES);
	mallopt(M_TRIM_THRESHOLD, MMAP_MIN_BYTES);
}

static void harden(void)
{
	const struct rlimit no_core = { 0, 0 };
	struct rlimit descriptors;

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0
		&& descriptors.rlim_cur > DESCRIPTORS_MAX) {
		descriptors.rlim_cur = DESCRIPTORS_MAX;
		setrlimit(RLIMIT_NOFILE, &descriptors);
	}
}

static int read_config(struct host_input *ret)
{
	CLEANUP(free) char *text = NULL;
	const char *why = "";
	size_t n = 0;
	int r = sys_read_fd(STDIN_FILENO, CONFIG_MAX, &text, &n);

	if (r >= 0) {
		r = host_input_parse(text, n, ret, &why);
		sodium_memzero(text, n);
	}
	if (r < 0)
		log_error("the configuration on standard input is invalid: %s",
			r == -EBADMSG ? why : strerror(-r));
	return r;
}

static int serve(struct command_line *self)
{
	struct host_input input = { 0 };
	sigset_t signals;
	int code;

	if (!self->has_config)
		return refuse("--host-config=-", "missing");
	if (self->host.control_fd < 0)
		return refuse("--control-fd", "missing: `afar start` runs this program");
	if (!self->host.n_listen_fds)
		return refuse("--listen-fd", "missing: `afar start` runs this program");

	/* Before there is a thread: they are handled by the loop. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (read_config(&input) < 0)
		return HOST_EXIT_INVALID_CONFIG;
	self->host.input = &input;
	code = host_run(&self->host);
	host_input_finish(&input);
	return code;
}

/* SESS-1: the contract's daemon has no other name for the chooser. */
static int choose_session(void)
{
	CLEANUP(free) char *directory = proc_program_dir();
	CLEANUP(free) char *program = xprintf("%s/afar-chooser", directory ? directory : ".");
	CLEANUP(free) char *flavour = xprintf("--flavour=%s", flavour_contract.name);
	char *argv[] = { program, flavour, NULL };

	execv(program, argv);
	log_error("%s cannot be started: %s", program, strerror(errno));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct command_line command_line;
	int code;

	log_init("host");
	json_memory_init();
	code = parse_command_line(&command_line, argc, argv);
	if (code)
		return code;
	if (command_line.help) {
		fputs(usage, stdout);
		return HOST_EXIT_SUCCESS;
	}
	if (command_line.version) {
		printf("afar-host %s (%s)\n", AFAR_VERSION, AFAR_COMMIT);
		return HOST_EXIT_SUCCESS;
	}
	if (command_line.choose_session)
		return choose_session();
	set_up_memory();
	harden();
	if (command_line.identity.make || command_line.identity.new_pin)
		return identity_run(&command_line.identity);
	return serve(&command_line);
}
