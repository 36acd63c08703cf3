/* SPDX-License-Identifier: BSD-3-Clause */
/* Directories and files of the user's, and what is told to afar there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "ctl/ctl.h"
#include "ctl/doctor/doctor.h"

#define SETTINGS_FILE_MAX (256 * 1024)
#define MEBI ((unsigned long long)1024 * 1024)
#define LITTLE_SPACE (512 * MEBI)
#define NO_SPACE (32 * MEBI)

static void check_programs(const struct doctor *doctor, struct doctor_result *result)
{
	static const char *const names[] = { "afar-guard", "afar-supervisor", "afar-host" };

	(void)doctor;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(free) char *path = ctl_program(names[i]);

		if (access(path, X_OK) < 0)
			doctor_say(result, DOCTOR_PROBLEM, "install afar anew",
				"%s cannot be run (%s)", path, strerror(errno));
	}
	doctor_say(result, DOCTOR_OK, NULL, "all programs of afar are there");
}

/* A directory in which we write, and nobody else. @what: "home directory" */
static void check_directory(struct doctor_result *result, const char *path, const char *what)
{
	struct stat st;

	if (stat(path, &st) < 0)
		doctor_say(result, DOCTOR_PROBLEM, "make it, or set HOME to the right one",
			"the %s %s is not there (%s)", what, path, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		doctor_say(result, DOCTOR_PROBLEM, "move it away", "%s is no directory", path);
	else if (st.st_uid != geteuid())
		doctor_say(result, DOCTOR_PROBLEM,
			"chown it to yourself, or set HOME to your own",
			"the %s %s belongs to another user", what, path);
	else if (access(path, W_OK | X_OK) < 0)
		doctor_say(result, DOCTOR_PROBLEM, "make it writable",
			"%s cannot be written to (%s)", path, strerror(errno));
	else if (st.st_mode & 0022)
		doctor_say(result, DOCTOR_NOTE, "chmod go-w", "others may write to %s", path);
}

static void check_home(const struct doctor *doctor, struct doctor_result *result)
{
	check_directory(result, doctor->paths->home, "home directory");
	doctor_say(result, DOCTOR_OK, NULL, "%s is yours", doctor->paths->home);
}

/* The file may be missing. @secret: nobody else may even read it. */
static void check_file(struct doctor_result *result, const char *path, bool secret)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno != ENOENT)
			doctor_say(result, DOCTOR_PROBLEM, "make it readable",
				"%s cannot be looked at (%s)", path, strerror(errno));
		return;
	}
	if (S_ISLNK(st.st_mode) && stat(path, &st) < 0)
		doctor_say(
			result, DOCTOR_PROBLEM, "remove it", "%s is a link to nowhere", path);
	else if (!S_ISREG(st.st_mode))
		doctor_say(
			result, DOCTOR_PROBLEM, "move it away", "%s is no regular file", path);
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		doctor_say(result, DOCTOR_PROBLEM, "chown it to yourself",
			"%s belongs to another user", path);
	else if (access(path, R_OK) < 0)
		doctor_say(result, DOCTOR_PROBLEM, "make it readable", "%s cannot be read (%s)",
			path, strerror(errno));
	else if (st.st_mode & 0022)
		doctor_say(
			result, DOCTOR_PROBLEM, "chmod go-w", "others may write to %s", path);
	else if (secret && (st.st_mode & 0077))
		doctor_say(result, DOCTOR_PROBLEM, "chmod 600, and `afar pin --new`",
			"others may read %s, which has a private key", path);
}

static void check_config(const struct doctor *doctor, struct doctor_result *result)
{
	CLEANUP(free) char *own = xprintf("%s/afar.conf", doctor->paths->config_dir);
	struct stat st;

	if (lstat(doctor->paths->config_dir, &st) < 0 && errno == ENOENT) {
		doctor_say(result, DOCTOR_OK, NULL, "%s is made at the first start",
			doctor->paths->config_dir);
		return;
	}
	check_directory(result, doctor->paths->config_dir, "configuration directory");
	check_file(result, doctor->paths->config_file, true);
	check_file(result, own, false);
	doctor_say(result, DOCTOR_OK, NULL, "%s is yours alone", doctor->paths->config_dir);
}

struct reading {
	struct doctor_result *result;
	const char *path;
};

static void note_unknown(void *data, const char *section, const char *key)
{
	const struct reading *reading = data;

	doctor_say(reading->result, DOCTOR_NOTE, "see afar.conf(5) for those that there are",
		"there is no setting \"%.60s\" in [%.60s], which %s has", key, section,
		reading->path);
}

static void check_settings(const struct doctor *doctor, struct doctor_result *result)
{
	CLEANUP(free) char *own = xprintf("%s/afar.conf", doctor->paths->config_dir);
	const char *const files[] = { "/etc/afar/afar.conf", own };
	CLEANUP(free) struct settings *settings = xnew(struct settings);

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct reading reading = { result, files[i] };
		CLEANUP(free) char *text = NULL;
		char why[SETTINGS_WHY_MAX];
		unsigned line = 0;
		size_t n;
		int r = sys_read_file(files[i], SETTINGS_FILE_MAX, &text, &n);

		if (r == -ENOENT)
			continue;
		settings_init(settings, &flavour_afar);
		if (r < 0)
			doctor_say(result, DOCTOR_PROBLEM, "make it a readable file",
				"%s cannot be read (%s)", files[i], strerror(-r));
		else if (strlen(text) != n)
			doctor_say(result, DOCTOR_PROBLEM, "write it anew",
				"%s has a NUL byte, and is not heeded", files[i]);
		else if (settings_read(settings, text, note_unknown, &reading, &line, why) < 0)
			doctor_say(result, DOCTOR_PROBLEM, "mend it, see afar.conf(5)",
				"%s, line %u: %s", files[i], line, why);
	}
	doctor_say(result, DOCTOR_OK, NULL, "the settings make sense");
}

/* @path, or what there is of it. */
static char *existing_part(const char *path)
{
	char *copy = xstrdup(path), *slash;

	while (access(copy, F_OK) < 0 && (slash = strrchr(copy, '/')) && slash != copy)
		*slash = '\0';
	return copy;
}

static void check_state(const struct doctor *doctor, struct doctor_result *result)
{
	CLEANUP(free) char *there = existing_part(doctor->paths->state_dir);
	struct stat st;

	if (stat(there, &st) < 0 || !S_ISDIR(st.st_mode))
		doctor_say(result, DOCTOR_PROBLEM, "move it away", "%s is no directory", there);
	else if (access(there, W_OK | X_OK) < 0)
		doctor_say(result, DOCTOR_PROBLEM, "make it writable, or set XDG_STATE_HOME",
			"the log cannot be written below %s (%s)", there, strerror(errno));
	if (lstat(doctor->paths->log_file, &st) == 0
		&& (!S_ISREG(st.st_mode) || access(doctor->paths->log_file, W_OK) < 0))
		doctor_say(result, DOCTOR_PROBLEM, "remove it",
			"the log %s cannot be written to", doctor->paths->log_file);
	doctor_say(result, DOCTOR_OK, NULL, "the log is %s", doctor->paths->log_file);
}

static void check_runtime(const struct doctor *doctor, struct doctor_result *result)
{
	const struct paths *paths = doctor->paths;
	const char *given = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (lstat(paths->runtime_base, &st) < 0) {
		if (!paths->runtime_is_ours)
			doctor_say(result, DOCTOR_PROBLEM,
				"make it, 0700, or unset XDG_RUNTIME_DIR", "%s is not there",
				paths->runtime_base);
	} else if (paths->runtime_is_ours
		&& (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()
			|| (st.st_mode & 0777) != 0700)) {
		doctor_say(result, DOCTOR_PROBLEM,
			"remove it, or set XDG_RUNTIME_DIR to one that is",
			"%s is not a private directory of yours", paths->runtime_base);
	} else if (st.st_mode & 0077) {
		doctor_say(result, DOCTOR_NOTE, "chmod 700", "%s is open to others",
			paths->runtime_base);
	}
	if (lstat(paths->runtime_dir, &st) == 0
		&& (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 0777) != 0700))
		doctor_say(result, DOCTOR_PROBLEM, "remove it",
			"%s is not a private directory of yours", paths->runtime_dir);
	if (!str_empty(given) && !str_equal(given, paths->runtime_base))
		doctor_say(result, DOCTOR_NOTE,
			"after su(1), log in instead: ssh, or machinectl shell",
			"XDG_RUNTIME_DIR is %s, which is not yours; %s is used", given,
			paths->runtime_base);
	doctor_say(result, DOCTOR_OK, NULL, "sockets are in %s", paths->runtime_dir);
}

static void check_space(const struct doctor *doctor, struct doctor_result *result)
{
	const char *const paths[] = { doctor->paths->state_dir, doctor->paths->config_dir,
		doctor->paths->runtime_base, "/tmp" };
	unsigned long long least = ~0ULL;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		CLEANUP(free) char *there = existing_part(paths[i]);
		struct statvfs fs;
		unsigned long long space;

		if (statvfs(there, &fs) < 0)
			continue;
		space = (unsigned long long)fs.f_bavail * fs.f_frsize;
		least = space < least ? space : least;
		if (space < NO_SPACE || (fs.f_files > 0 && fs.f_favail < 100))
			doctor_say(result, DOCTOR_PROBLEM, "free some",
				"%llu MiB and %llu files are left where %s is", space / MEBI,
				(unsigned long long)fs.f_favail, there);
		/* A runtime directory is small. */
		else if (space < LITTLE_SPACE
			&& !str_equal(paths[i], doctor->paths->runtime_base))
			doctor_say(result, DOCTOR_NOTE, "free some, or programs may fail",
				"only %llu MiB are left where %s is", space / MEBI, there);
	}
	doctor_say(result, DOCTOR_OK, NULL, "at least %llu MiB are free", least / MEBI);
}

const struct doctor_check doctor_files_checks[] = {
	{ .name = "programs", .run = check_programs },
	{ .name = "home", .run = check_home },
	{ .name = "config", .run = check_config },
	{ .name = "settings", .run = check_settings },
	{ .name = "log", .run = check_state },
	{ .name = "runtime", .run = check_runtime },
	{ .name = "space", .run = check_space },
	{ 0 },
};
