/* SPDX-License-Identifier: BSD-3-Clause */
/* afar enable, afar disable: have systemd start the desktop with the machine, as afar@USER. */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/ctl.h"
#include "ctl/instance.h"

#define SYSTEMD_RUNS "/run/systemd/system" /* sd_booted(3) */
#define ARGUMENTS_MAX 8

static bool unit_is_installed(void)
{
	static const char *const dirs[] = { "/etc/systemd/system", "/run/systemd/system",
		"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		CLEANUP(free) char *path = xprintf("%s/afar@.service", dirs[i]);

		if (access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/* Does a desktop run that systemd would find in the way of its own? */
static bool desktop_runs(const struct ctl *ctl)
{
	struct instance instance;
	int error;

	return instance_lock(&ctl->paths, &instance, NULL, &error) == INSTANCE_RUNNING;
}

/*
 * Who asks for root's rights: sudo where it can ask on a terminal, else pkexec's window where there
 * is a screen for it, and sudo again for those whom it does not ask (D-19).
 */
static const char *root_program(void)
{
	bool screen = !str_empty(getenv("DISPLAY")) || !str_empty(getenv("WAYLAND_DISPLAY"));

	return !isatty(STDIN_FILENO) && screen ? "pkexec" : "sudo";
}

/* Becomes systemctl; returns only when that fails. */
static int become_systemctl(const char *verb, bool now, const char *unit)
{
	const char *argv[ARGUMENTS_MAX] = { NULL };
	size_t n = 0;

	if (geteuid() != 0)
		argv[n++] = root_program();
	argv[n++] = "systemctl";
	argv[n++] = verb;
	if (now)
		argv[n++] = "--now";
	argv[n++] = unit;
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], (char *const *)argv);
	if (errno == ENOENT)
		ctl_complain("there is no %s; as root, run: systemctl %s %s%s", argv[0], verb,
			now ? "--now " : "", unit);
	else
		ctl_complain("cannot start %s: %s", argv[0], strerror(errno));
	return CTL_FAILED;
}

static int without_systemd(bool enable, const char *user)
{
	CLEANUP(free) char *login = ctl_program("afar-login");
	CLEANUP(free) char *command = ctl_program("afar");

	if (!enable)
		ctl_complain("systemd does not run here: what starts the desktop is a line in your "
			     "crontab (crontab -e), or a start-up script of the machine's");
	else if (access(login, F_OK) == 0)
		ctl_complain("systemd does not run here: let a start-up script of the machine's run "
			     "`%s start --user %s` as root, or put `@reboot %s start` into your "
			     "crontab (crontab -e)",
			login, user, command);
	else
		ctl_complain("systemd does not run here: put `@reboot %s start` into your crontab "
			     "(crontab -e)",
			command);
	return CTL_FAILED;
}

static int switch_unit(struct ctl *ctl, bool enable, int argc, char **argv)
{
	bool now = argc == 2 && str_equal(argv[1], "--now");
	const struct passwd *user = getpwuid(getuid());
	CLEANUP(free) char *unit = NULL;

	if (argc > 1 && !now) {
		ctl_complain("'%s' is no option of `afar %s`: it has --now only", argv[1], argv[0]);
		return CTL_USAGE;
	}
	if (!user) {
		ctl_complain("user %d has no name that systemd could know", (int)getuid());
		return CTL_FAILED;
	}
	if (access(SYSTEMD_RUNS, F_OK) < 0)
		return without_systemd(enable, user->pw_name);
	if (!unit_is_installed()) {
		ctl_complain("the unit afar@.service is not installed: build with "
			     "-Dsystemd_units=/lib/systemd/system -Dpam_dir=/etc/pam.d and install again");
		return CTL_FAILED;
	}
	if (enable && now && desktop_runs(ctl)) {
		puts("Your desktop runs already: systemd starts it from the next boot on.");
		fflush(stdout);
		now = false;
	}
	unit = xprintf("afar@%s.service", user->pw_name);
	return become_systemctl(argv[0], now, unit);
}

int ctl_enable(struct ctl *ctl, int argc, char **argv)
{
	return switch_unit(ctl, true, argc, argv);
}

int ctl_disable(struct ctl *ctl, int argc, char **argv)
{
	return switch_unit(ctl, false, argc, argv);
}
