/* SPDX-License-Identifier: BSD-3-Clause */
/* The display, the session bus, and what runs as the session: D-3, D-4, D-8, SESS-1. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/flavour.h"
#include "base/mem.h"
#include "base/program.h"
#include "base/str.h"
#include "base/sys.h"
#include "ctl/doctor/doctor.h"
#include "loop/x-socket.h"

#define XORG "/usr/lib/xorg/Xorg"
#define SCRIPT_MAX (1024 * 1024)
#define N_NUMBERS 1000

static bool has_dummy(void)
{
	static const char *const drivers[] = {
		"/usr/lib/xorg/modules/drivers/dummy_drv.so",
		"/usr/lib64/xorg/modules/drivers/dummy_drv.so",
	};

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (access(drivers[i], R_OK) == 0)
			return access(XORG, X_OK) == 0 || program_exists("Xorg");
	}
	return false;
}

static void check_x_server(const struct doctor *doctor, struct doctor_result *result)
{
	static const char advice[] = "apt install xserver-xorg-core xserver-xorg-video-dummy";
	bool xorg = has_dummy(), xvfb = program_exists("Xvfb");
	enum settings_display wish = doctor->settings.display;

	if (wish == SETTINGS_DISPLAY_ATTACH)
		doctor_say(result, DOCTOR_OK, NULL, "none is needed to attach to a display");
	else if (wish == SETTINGS_DISPLAY_XORG && !xorg)
		doctor_say(result, DOCTOR_PROBLEM, advice,
			"Xorg with the dummy driver is asked for and not installed");
	else if (wish == SETTINGS_DISPLAY_XVFB && !xvfb)
		doctor_say(result, DOCTOR_PROBLEM, "apt install xvfb",
			"Xvfb is asked for and not installed");
	else if (!xorg && !xvfb)
		doctor_say(result, DOCTOR_PROBLEM, advice,
			"no X server is installed that would do");
	else if (!xorg)
		doctor_say(result, DOCTOR_NOTE, advice,
			"there is only Xvfb, which has one monitor");
	else if (!xvfb)
		doctor_say(result, DOCTOR_NOTE, "apt install xvfb",
			"Xvfb is not there to stand in when Xorg cannot start");
	else
		doctor_say(result, DOCTOR_OK, NULL, "Xorg with the dummy driver, and Xvfb");
}

static void check_keymap(const struct doctor *doctor, struct doctor_result *result)
{
	bool needed = doctor->settings.display != SETTINGS_DISPLAY_ATTACH;

	/* The servers call it by the path that they were built with. */
	if (needed && access("/usr/bin/xkbcomp", X_OK) < 0 && !program_exists("xkbcomp"))
		doctor_say(result, DOCTOR_PROBLEM, "apt install x11-xkb-utils",
			"xkbcomp is missing, without which no X server starts");
	if (needed && access("/usr/share/X11/xkb/rules/evdev", R_OK) < 0)
		doctor_say(result, DOCTOR_PROBLEM, "apt install xkb-data",
			"/usr/share/X11/xkb has no keyboard layouts");
	doctor_say(result, DOCTOR_OK, NULL, "xkbcomp and the keyboard layouts are there");
}

/* Anybody may listen on a name there, so nobody may take away another's. */
static void check_sockets(const struct doctor *doctor, struct doctor_result *result)
{
	struct stat st;

	(void)doctor;
	if (lstat(X_SOCKET_DIRECTORY, &st) < 0) {
		if (geteuid() == 0)
			doctor_say(result, DOCTOR_OK, NULL,
				X_SOCKET_DIRECTORY " is made with the first display");
		else
			doctor_say(result, DOCTOR_NOTE,
				"mkdir -m 1777 " X_SOCKET_DIRECTORY ", as root",
				X_SOCKET_DIRECTORY
				" is not there, and a user's X server makes it his own");
	} else if (!S_ISDIR(st.st_mode)) {
		doctor_say(result, DOCTOR_PROBLEM, "remove it, as root",
			X_SOCKET_DIRECTORY " is no directory");
	} else if (st.st_uid != 0 && st.st_uid != geteuid()) {
		doctor_say(result, DOCTOR_PROBLEM, "chown root " X_SOCKET_DIRECTORY ", as root",
			X_SOCKET_DIRECTORY " belongs to another user");
	} else if ((st.st_mode & 07777) != 01777) {
		doctor_say(result, DOCTOR_PROBLEM, "chmod 1777 " X_SOCKET_DIRECTORY ", as root",
			X_SOCKET_DIRECTORY " has the mode %o", (unsigned)st.st_mode & 07777);
	} else {
		doctor_say(result, DOCTOR_OK, NULL,
			X_SOCKET_DIRECTORY " is open to all and sticky");
	}
}

/* Does a server listen there, or lie something in the way? */
static bool number_is_taken(unsigned number)
{
	CLEANUP(close) int fd = x_socket_connect(number, NULL);
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), X_SOCKET_DIRECTORY "/X%u", number);
	return fd >= 0 || fd == -EAGAIN
		|| (lstat(path, &st) == 0 && (st.st_uid != geteuid() || !S_ISSOCK(st.st_mode)));
}

static void check_attached(const struct settings *settings, struct doctor_result *result)
{
	CLEANUP(close) int fd = -1;
	struct ucred peer;

	if (settings->attach_display == SETTINGS_DISPLAY_ANY) {
		doctor_say(result, DOCTOR_OK, NULL, "afar attaches to the first that is there");
		return;
	}
	fd = x_socket_connect(settings->attach_display, &peer);
	if (fd < 0)
		doctor_say(result, DOCTOR_NOTE, "afar waits for it",
			"display :%u, to attach to, is not there", settings->attach_display);
	else if (!x_socket_is_trusted(&peer))
		doctor_say(result, DOCTOR_PROBLEM, "run afar as that user",
			"display :%u belongs to another user", settings->attach_display);
	else
		doctor_say(result, DOCTOR_OK, NULL, "display :%u, to attach to, is there",
			settings->attach_display);
}

static void check_display(const struct doctor *doctor, struct doctor_result *result)
{
	unsigned first = flavour_afar.first_display, number = first;

	if (doctor->settings.display == SETTINGS_DISPLAY_ATTACH) {
		check_attached(&doctor->settings, result);
		return;
	}
	while (number < first + N_NUMBERS && number_is_taken(number))
		number++;
	if (number == first + N_NUMBERS)
		doctor_say(result, DOCTOR_PROBLEM,
			"end X servers, or clear " X_SOCKET_DIRECTORY,
			"no display number from :%u on is free", first);
	else
		doctor_say(result, DOCTOR_OK, NULL, "display :%u is free", number);
}

static void check_bus(const struct doctor *doctor, struct doctor_result *result)
{
	CLEANUP(free) char *path = xprintf("%s/bus", doctor->paths->runtime_base);
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	struct stat st;

	if (!str_empty(address))
		doctor_say(result, DOCTOR_OK, NULL,
			"the session bus is that of your login, %.200s", address);
	else if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		doctor_say(result, DOCTOR_OK, NULL, "the session bus is %s", path);
	else if (!program_exists("dbus-daemon"))
		doctor_say(result, DOCTOR_PROBLEM, "apt install dbus",
			"there is no session bus, which most desktops need, and no "
			"dbus-daemon");
	else if (!program_exists("dbus-launch") && !program_exists("dbus-run-session"))
		doctor_say(result, DOCTOR_NOTE, "apt install dbus-x11",
			"dbus-launch is missing, which some sessions call");
	else
		doctor_say(result, DOCTOR_OK, NULL, "dbus-daemon is started with the desktop");
}

/* --- the session --- */

static bool is_shell(const char *interpreter)
{
	static const char *const names[] = { "sh", "dash", "bash", "ksh" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_equal(str_basename(interpreter), names[i]))
			return true;
	}
	return false;
}

/* The first word of the #! line, and the next one when that is env(1); "": it has none. */
static void read_interpreter(const char *text, char ret[256])
{
	char line[256], *word, *save;

	ret[0] = '\0';
	if (!str_starts(text, "#!"))
		return;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
	word = strtok_r(line + 2, " \t\r", &save);
	if (word && str_equal(str_basename(word), "env"))
		word = strtok_r(NULL, " \t\r", &save);
	if (word)
		snprintf(ret, 256, "%s", word);
}

/* What a shell says of the syntax. @more: "-c" before a command; NULL: @script is a file. */
static void check_syntax(
	struct doctor_result *result, const char *shell, const char *more, const char *script)
{
	const char *argv[] = { shell, "-n", more ? more : script, more ? script : NULL, NULL };
	CLEANUP(free) char *said = NULL;
	int r = doctor_run(argv, &said);

	if (r == -ETIMEDOUT)
		doctor_say(result, DOCTOR_NOTE, NULL, "%s takes too long to read %.200s", shell,
			script);
	else if (r > 0)
		doctor_say(result, DOCTOR_PROBLEM, "mend it", "%.200s",
			said[0] ? strtok(said, "\n") : "the session is no shell script");
}

/* As the supervisor starts it: an executable by itself, any other by sh(1). */
static void check_script(struct doctor_result *result, const char *path)
{
	CLEANUP(free) char *text = NULL;
	char interpreter[256];
	struct stat st;
	size_t n;
	int r;

	if (stat(path, &st) < 0) {
		doctor_say(result, DOCTOR_PROBLEM, "remove it", "%s leads nowhere (%s)", path,
			strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		doctor_say(
			result, DOCTOR_PROBLEM, "move it away", "%s is no regular file", path);
		return;
	}
	if (st.st_uid != geteuid() && st.st_uid != 0)
		doctor_say(result, DOCTOR_PROBLEM, "chown it to yourself",
			"%s belongs to another user", path);
	if (st.st_mode & 0022)
		doctor_say(
			result, DOCTOR_PROBLEM, "chmod go-w", "others may write to %s", path);
	r = sys_read_file(path, SCRIPT_MAX, &text, &n);
	if (r == -EFBIG)
		return; /* a program */
	if (r < 0) {
		doctor_say(result, DOCTOR_PROBLEM, "make it readable", "%s cannot be read (%s)",
			path, strerror(-r));
		return;
	}
	if (memchr(text, '\0', n) && access(path, X_OK) == 0)
		return;
	read_interpreter(text, interpreter);
	if (access(path, X_OK) < 0 || !interpreter[0])
		check_syntax(result, "/bin/sh", NULL, path);
	else if (!program_exists(interpreter))
		doctor_say(result, DOCTOR_PROBLEM, "correct its first line, or install that",
			"%s is for %s, which is not there", path, interpreter);
	else if (is_shell(interpreter))
		check_syntax(result, interpreter, NULL, path);
}

/* Debian's openbox registers itself, bare; then ours serves better: supervisor/session.c. */
static bool find_default(char *path, size_t size)
{
	char real[PATH_MAX];

	if (!program_find("x-session-manager", path, size))
		return false;
	return realpath(path, real) && !str_equal(str_basename(real), "openbox-session");
}

static void check_session(const struct doctor *doctor, struct doctor_result *result)
{
	const char *const *file = flavour_afar.session_files;
	char path[4096];
	struct stat st;

	if (doctor->settings.display == SETTINGS_DISPLAY_ATTACH) {
		doctor_say(
			result, DOCTOR_OK, NULL, "the session is that of the attached display");
		return;
	}
	if (str_equal(doctor->settings.session, SETTINGS_SESSION_CHOOSE)) {
		doctor_say(result, DOCTOR_OK, NULL, "the session is chosen at its start");
		return;
	}
	if (doctor->settings.session[0]) {
		check_syntax(result, "/bin/sh", "-c", doctor->settings.session);
		doctor_say(result, DOCTOR_OK, NULL, "the session is %.200s",
			doctor->settings.session);
		return;
	}
	for (; *file; file++) {
		snprintf(path, sizeof(path), "%s%s%s", **file == '/' ? "" : doctor->paths->home,
			**file == '/' ? "" : "/", *file);
		if (lstat(path, &st) < 0)
			continue;
		check_script(result, path);
		doctor_say(result, DOCTOR_OK, NULL, "the session is %s", path);
		return;
	}
	if (find_default(path, sizeof(path)))
		doctor_say(
			result, DOCTOR_OK, NULL, "the session is the distribution's, %s", path);
	else if (program_exists("openbox"))
		doctor_say(result, DOCTOR_OK, NULL, "the session is afar's own, with openbox");
	else
		doctor_say(result, DOCTOR_PROBLEM,
			"install a desktop such as xfce4, or openbox",
			"there is no session to start");
}

static void check_pre_session(const struct doctor *doctor, struct doctor_result *result)
{
	const char *path = flavour_afar.pre_session_file;
	struct stat st;

	(void)doctor;
	if (lstat(path, &st) < 0) {
		doctor_say(result, DOCTOR_OK, NULL, "there is none");
		return;
	}
	check_script(result, path);
	doctor_say(result, DOCTOR_OK, NULL, "%s runs before each session", path);
}

const struct doctor_check doctor_desktop_checks[] = {
	{ .name = "x-server", .run = check_x_server },
	{ .name = "keymap", .run = check_keymap },
	{ .name = "x-sockets", .run = check_sockets },
	{ .name = "display", .run = check_display },
	{ .name = "bus", .run = check_bus },
	{ .name = "session", .run = check_session },
	{ .name = "pre-session", .run = check_pre_session },
	{ 0 },
};
