/* SPDX-License-Identifier: BSD-3-Clause */
/* What else there is on the machine: ports, display managers, lockers, polkit: D-6, D-8..D-11. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/display-manager.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/program.h"
#include "base/str.h"
#include "base/sys.h"
#include "ctl/doctor/doctor.h"

#define RULE_MAX (256 * 1024)

/* Binds and lets go again; 0 or negative errno. */
static int try_port(const struct settings_address *address, uint16_t port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to = { 0 };
	bool v6 = strchr(address->host, ':');
	CLEANUP(close) int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (v6) {
		to.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		inet_pton(AF_INET6, address->host, &to.v6.sin6_addr);
	} else {
		to.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		inet_pton(AF_INET, address->host, &to.v4.sin_addr);
	}
	return bind(fd, &to.any, v6 ? sizeof(to.v6) : sizeof(to.v4)) < 0 ? -errno : 0;
}

static void check_port(const struct doctor *doctor, struct doctor_result *result)
{
	const struct settings *settings = &doctor->settings;
	static const struct settings_address usual = { .host = "127.0.0.1" };

	if (doctor->runs) {
		doctor_say(result, DOCTOR_OK, NULL, "afar is running: `afar status` tells the address");
		return;
	}
	for (size_t i = 0; i < settings->n_listen; i++) {
		const struct settings_address *address = &settings->listen[i];
		int r = try_port(address, address->port ? address->port : SETTINGS_PORT);

		if (r < 0 && (address->port || r != -EADDRINUSE))
			doctor_say(result, DOCTOR_PROBLEM, "name another in afar.conf(5), or end what uses it",
				"cannot listen on %s, port %u (%s)", address->host,
				(unsigned)address->port, strerror(-r));
	}
	if (settings->n_listen == 0 && try_port(&usual, SETTINGS_PORT) < 0)
		doctor_say(result, DOCTOR_OK, NULL,
			"port %d is in use, the next free one is taken instead", SETTINGS_PORT);
	doctor_say(result, DOCTOR_OK, NULL, "browsers can be listened for");
}

static void check_display_manager(const struct doctor *doctor, struct doctor_result *result)
{
	(void)doctor;
	if (display_manager_is_gdm()) /* CLI-8 */
		doctor_say(result, DOCTOR_NOTE, "`afar stop`, by ssh or on a text console, lets that user in again",
			"GDM may refuse to let a user log in at the machine while afar's desktop runs");
	else
		doctor_say(result, DOCTOR_OK, NULL, "no GDM, which would refuse a second session");
}

static void check_shell(const struct doctor *doctor, struct doctor_result *result)
{
	const struct passwd *entry = getpwuid(geteuid());

	(void)doctor;
	if (!entry) {
		doctor_say(result, DOCTOR_PROBLEM, "use an account that has one",
			"user %u is not in the user database", (unsigned)geteuid());
		return;
	}
	if (!entry->pw_shell[0] || access(entry->pw_shell, X_OK) < 0)
		doctor_say(result, DOCTOR_PROBLEM, "chsh -s /bin/bash",
			"the login shell \"%.100s\" cannot be run", entry->pw_shell);
	else if (str_equal(str_basename(entry->pw_shell), "nologin")
		|| str_equal(str_basename(entry->pw_shell), "false"))
		doctor_say(result, DOCTOR_NOTE, "chsh -s /bin/bash",
			"the login shell is %.100s, so that terminals and `afar enable` do not work",
			entry->pw_shell);
	else
		doctor_say(result, DOCTOR_OK, NULL, "the login shell is %.100s", entry->pw_shell);
}

static void check_locker(const struct doctor *doctor, struct doctor_result *result)
{
	(void)doctor;
	if (program_exists("light-locker"))
		doctor_say(result, DOCTOR_NOTE,
			"apt remove light-locker, or disable it in the session; xscreensaver works",
			"light-locker locks a desktop that only LightDM at the machine could open again");
	else
		doctor_say(result, DOCTOR_OK, NULL, "no screen locker is known to shut you out");
}

/* Does a file in the directory name this action? */
static bool is_mentioned(const char *path, const char *action)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		CLEANUP(free) char *file = xprintf("%s/%s", path, entry->d_name);
		CLEANUP(free) char *text = NULL;
		size_t n;

		found = sys_read_file(file, RULE_MAX, &text, &n) == 0 && strstr(text, action);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void check_polkit(const struct doctor *doctor, struct doctor_result *result)
{
	static const char action[] = "org.freedesktop.color-manager";
	static const char *const rules[] = { "/etc/polkit-1/rules.d",
		"/etc/polkit-1/localauthority/50-local.d", "/usr/local/share/polkit-1/rules.d" };
	bool allowed = access("/usr/share/polkit-1/actions/org.freedesktop.color.policy", F_OK) < 0
		|| geteuid() == 0;

	(void)doctor;
	for (size_t i = 0; i < ARRAY_SIZE(rules) && !allowed; i++)
		allowed = is_mentioned(rules[i], action);
	if (allowed)
		doctor_say(result, DOCTOR_OK, NULL, "no dialogue of colord's is to be expected");
	else
		doctor_say(result, DOCTOR_NOTE,
			"allow org.freedesktop.color-manager.* by a rule in /etc/polkit-1/rules.d, or "
			"apt remove colord",
			"colord may ask for an administrator's password whenever a session starts");
}

static void check_portal(const struct doctor *doctor, struct doctor_result *result)
{
	static const char portals[] = "/usr/share/xdg-desktop-portal/portals";
	DIR *dir = opendir(portals);
	struct dirent *entry;
	unsigned n = 0, n_gnome = 0;

	(void)doctor;
	while (dir && (entry = readdir(dir))) {
		if (!strstr(entry->d_name, ".portal"))
			continue;
		n++;
		n_gnome += str_starts(entry->d_name, "gnome");
	}
	if (dir)
		closedir(dir);
	if (access("/usr/libexec/xdg-desktop-portal", X_OK) < 0)
		doctor_say(result, DOCTOR_OK, NULL, "there is no xdg-desktop-portal");
	else if (n == n_gnome)
		doctor_say(result, DOCTOR_NOTE, "apt install xdg-desktop-portal-gtk",
			"xdg-desktop-portal has no backend for this desktop: programs wait for their "
			"file dialogues");
	else
		doctor_say(result, DOCTOR_OK, NULL, "xdg-desktop-portal has a backend");
}

const struct doctor_check doctor_system_checks[] = {
	{ .name = "port", .run = check_port },
	{ .name = "display-manager", .run = check_display_manager },
	{ .name = "shell", .run = check_shell },
	{ .name = "locker", .run = check_locker },
	{ .name = "polkit", .run = check_polkit },
	{ .name = "portal", .run = check_portal },
	{ 0 },
};
