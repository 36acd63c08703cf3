/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afar: the command. afar(1) describes it. Called by the name of the vendor's script it is that,
 * which chrome-remote-desktop(1) describes.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/contract/contract.h"
#include "ctl/ctl.h"
#include "version.h"
#include "wire/json-memory.h"

static const char help[] =
	"Usage: afar COMMAND [OPTIONS]\n"
	"\n"
	"A desktop that is always there, in any browser.\n"
	"\n"
	"Commands:\n"
	"  start         start the desktop, and wait until it is ready\n"
	"  stop          end it, and everything that runs in it\n"
	"  status        how each part of it does; --json for programs\n"
	"  stats         where the time goes; --watch repeats it, --json for programs\n"
	"  reload        read the configuration anew; --exec after an upgrade\n"
	"  link          print a new link that signs a browser in, once\n"
	"  pin           tell when the PIN was set; --new makes another\n"
	"  logs          print the log; --follow goes on, --since and --component choose\n"
	"  doctor        look at what a desktop needs, and say what to do\n"
	"  enable        start the desktop with the machine, by systemd; --now at once too\n"
	"  disable       no longer do so; --now ends it too\n"
	"\n"
	"  --help, --version\n"
	"\n"
	"`afar COMMAND --help` tells more, and afar(1) all.\n";

static const struct command {
	const char *name;
	int (*run)(struct ctl *ctl, int argc, char **argv);
	const char *help;
} commands[] = {
	{ "start", ctl_start,
		"Usage: afar start [OPTIONS] [-- X SERVER OPTIONS]\n"
		"\n"
		"Starts the desktop and waits until it is ready, or tells why it is not.\n"
		"\n"
		"  -f, --foreground         stay, end with Ctrl-C\n"
		"  -s, --size WxH           size of the screen; again for others to choose from\n"
		"      --display xorg|xvfb  the X server; otherwise the best that works\n"
		"      --display attach[:N] a display that is there already, such as :0\n"
		"      --session COMMAND    what to run as the desktop session\n"
		"      --listen ADDR:PORT   where browsers connect to (default 127.0.0.1:2327)\n" },
	{ "stop", ctl_stop,
		"Usage: afar stop\n\nEnds the desktop and everything in it; what does not end is killed "
		"after 10 seconds.\n" },
	{ "status", ctl_status,
		"Usage: afar status [--json | --verbose] [COMPONENT]\n"
		"\n"
		"Tells how each part of the desktop does. Exit status 3: it is not running.\n"
		"\n"
		"  -v, --verbose            how each has ended of late, not the last time only\n"
		"      --json               all of it, for programs\n"
		"  COMPONENT                that one alone, with its ends\n" },
	{ "stats", ctl_stats,
		"Usage: afar stats [--json] [--watch [SECONDS]]\n"
		"\n"
		"Shows what the host has counted, and where the time of the last frames went. Exit\n"
		"status 3: there is no desktop running.\n"
		"\n"
		"  -w, --watch [SECONDS]    again and again, until Ctrl-C; every second without a number\n"
		"      --json               all of it, for programs; with --watch a line each time\n" },
	{ "reload", ctl_reload,
		"Usage: afar reload [--exec [--now]]\n\nHas the daemon read its configuration anew. With "
		"--exec it becomes the program that is\ninstalled now, while the desktop goes on; a newer "
		"host takes over when nobody looks on,\nwith --now at once.\n" },
	{ "link", ctl_link,
		"Usage: afar link\n\nPrints a link for a browser on this machine. It signs in once, "
		"within an hour.\n" },
	{ "pin", ctl_pin, "Usage: afar pin [--new]\n\nTells when the PIN was set; --new makes another and shows it, once.\n" },
	{ "enable", ctl_enable,
		"Usage: afar enable [--now]\n\nHas systemd start your desktop with the machine; with "
		"--now at once too. Asks for root's rights.\n" },
	{ "disable", ctl_disable,
		"Usage: afar disable [--now]\n\nHas systemd start your desktop no longer; with --now it "
		"is ended too.\n" },
	{ "doctor", ctl_doctor,
		"Usage: afar doctor [--json]\n\nLooks at what a desktop needs on this machine, one line for "
		"each thing, and says\nwhat to do where it is lacking. Changes nothing. Exit status 1: there "
		"is a problem.\n" },
	{ "logs", ctl_logs,
		"Usage: afar logs [OPTIONS]\n"
		"\n"
		"Prints the log of the daemon and of all that it started.\n"
		"\n"
		"  -f, --follow             go on with what comes, end with Ctrl-C\n"
		"  -n, --lines N|all        only the last N lines; with --follow 10 without it\n"
		"      --since TIME         \"10 min ago\", 1h, today, \"2026-11-29 10:00\", ISO 8601\n"
		"      --component NAME     of session, display, host …; may be given again\n" },
};

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && !str_equal(argv[i], "--"); i++) {
		if (str_equal(argv[i], "--help") || str_equal(argv[i], "-h"))
			return true;
	}
	return false;
}

static int run(const struct command *command, int argc, char **argv)
{
	CLEANUP(free) char *why = NULL;
	struct ctl ctl;
	int status;

	if (wants_help(argc, argv)) {
		fputs(command->help, stdout);
		return CTL_DONE;
	}
	if (paths_init(&ctl.paths, &flavour_afar, NULL, &why) < 0) {
		ctl_complain("%s", why);
		return CTL_FAILED;
	}
	status = command->run(&ctl, argc, argv);
	paths_finish(&ctl.paths);
	return status;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	json_memory_init();
	if (flavour_of_command(argc ? argv[0] : NULL) == &flavour_contract)
		return contract_main(argc, argv);
	if (argc < 2) {
		fputs(help, stderr);
		return CTL_USAGE;
	}
	if (str_equal(argv[1], "--help") || str_equal(argv[1], "-h") || str_equal(argv[1], "help")) {
		fputs(help, stdout);
		return CTL_DONE;
	}
	if (str_equal(argv[1], "--version")) {
		printf("afar %s (%s)\n", AFAR_VERSION, AFAR_COMMIT);
		return CTL_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (str_equal(argv[1], commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
	}
	ctl_complain("'%s' is no command: see `afar --help`", argv[1]);
	return CTL_USAGE;
}
