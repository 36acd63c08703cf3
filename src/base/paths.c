/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/paths.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config-path.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

/* An environment variable that names an absolute path; NULL otherwise. */
static const char *absolute_env(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] == '/' ? value : NULL;
}

char *paths_home(void)
{
	const char *home = absolute_env("HOME");
	const struct passwd *entry;

	if (home)
		return xstrdup(home);
	entry = getpwuid(getuid());
	return entry && entry->pw_dir && entry->pw_dir[0] == '/' ? xstrdup(entry->pw_dir) : NULL;
}

static bool is_private_dir(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid()
		&& (st.st_mode & 0777) == 0700;
}

/* After su(1) the variable often names another user's. */
static bool is_own_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid();
}

static void find_runtime_base(struct paths *self, const char *name)
{
	const char *given = absolute_env("XDG_RUNTIME_DIR");

	if (given && is_own_dir(given)) {
		self->runtime_base = xstrdup(given);
		return;
	}
	self->runtime_base = xprintf("/run/user/%u", (unsigned)getuid());
	if (is_private_dir(self->runtime_base))
		return;
	free(self->runtime_base);
	self->runtime_base = xprintf("/tmp/%s-%u", name, (unsigned)getuid());
	self->runtime_is_ours = true;
}

/* What tells the files of one configuration from those of another; "" for the usual one. */
static char *suffix_of(const struct flavour *flavour, const char *home, const char *config)
{
	CLEANUP(config_path) struct config_path usual = { 0 };
	char hash[CONFIG_PATH_HASH_MAX];

	if (flavour->config_file || config_path_find(flavour, home, NULL, &usual) < 0
		|| str_equal(usual.path, config))
		return xstrdup("");
	return xprintf("#%.10s", config_path_hash(config, hash));
}

int paths_init(
	struct paths *self, const struct flavour *flavour, const char *config, char **ret_why)
{
	const char *state = absolute_env("XDG_STATE_HOME");
	CLEANUP(free) char *suffix = NULL, *name = NULL;

	*self = (struct paths){ 0 };
	self->home = paths_home();
	if (!self->home) {
		*ret_why = xstrdup("HOME is not set and your account has no home directory: set HOME");
		return -ENOENT;
	}
	suffix = suffix_of(flavour, self->home, config);
	name = xprintf("%s%s", flavour->runtime_name, suffix);
	self->config_dir = xprintf("%s/%s", self->home, flavour->config_dir);
	self->config_file = config ? xstrdup(config)
				   : xprintf("%s/%s", self->config_dir, flavour->config_file);
	self->lock_file = xprintf("%s/lock%s", self->config_dir, suffix);
	if (!flavour->logs_to_stderr) {
		self->state_dir = state ? xprintf("%s/%s", state, flavour->name)
					: xprintf("%s/.local/state/%s", self->home, flavour->name);
		self->log_file = xprintf("%s/%s.log", self->state_dir, flavour->name);
	}
	find_runtime_base(self, name);
	self->runtime_dir = xprintf("%s/%s", self->runtime_base, name);
	return 0;
}

static int make(const char *path, char **ret_why)
{
	int r = sys_make_dirs(path);

	if (r < 0)
		*ret_why = xprintf("cannot make the directory %s: %s", path, strerror(-r));
	else if (access(path, W_OK) < 0) {
		r = -errno;
		*ret_why = xprintf("cannot write in %s: %s", path, strerror(-r));
	}
	return r;
}

int paths_make_config(const struct paths *self, char **ret_why)
{
	return make(self->config_dir, ret_why);
}

int paths_make(const struct paths *self, char **ret_why)
{
	int r = paths_make_config(self, ret_why);

	if (r == 0 && self->state_dir)
		r = make(self->state_dir, ret_why);
	if (r < 0)
		return r;
	if (self->runtime_is_ours) {
		/* /tmp is everybody's: what is there already must be ours and private. */
		if (mkdir(self->runtime_base, 0700) < 0 && errno != EEXIST) {
			r = -errno;
			*ret_why = xprintf("cannot make %s: %s", self->runtime_base, strerror(-r));
			return r;
		}
		if (!is_private_dir(self->runtime_base)) {
			*ret_why = xprintf("%s is not a private directory of yours: remove it, or set "
					   "XDG_RUNTIME_DIR to one that is",
				self->runtime_base);
			return -EPERM;
		}
	}
	r = make(self->runtime_dir, ret_why);
	if (r == 0 && !is_private_dir(self->runtime_dir)) {
		*ret_why = xprintf("%s is not a private directory of yours: remove it",
			self->runtime_dir);
		r = -EPERM;
	}
	return r;
}

void paths_finish(struct paths *self)
{
	free(self->home);
	free(self->config_dir);
	free(self->config_file);
	free(self->lock_file);
	free(self->state_dir);
	free(self->log_file);
	free(self->runtime_base);
	free(self->runtime_dir);
	*self = (struct paths){ 0 };
}
