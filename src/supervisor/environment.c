/* SPDX-License-Identifier: BSD-3-Clause */
/* The environment of everything in a desktop: ENV-1..7. */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "supervisor/audio/audio.h"
#include "supervisor/bus.h"
#include "supervisor/display/display.h"
#include "supervisor/supervisor.h"

extern char **environ;

/* Sets @name to a text that is made here. -ENOMEM. */
__attribute__((format(printf, 3, 4))) static int set_text(
	struct spawn_env *env, const char *name, const char *format, ...)
{
	CLEANUP(free) char *text = NULL;
	va_list args;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	return text ? spawn_env_set(env, name, text) : -ENOMEM;
}

/* A browser's profile of its own for the session, where the user has made one (ENV-2). */
static int set_browser_profile(const struct supervisor *self, struct spawn_env *env)
{
	CLEANUP(free) char *profile = mem_printf("%s/chrome-profile", self->paths.config_dir);
	CLEANUP(free) char *config = mem_printf("%s/chrome-config", self->paths.config_dir);

	if (!profile || !config)
		return -ENOMEM;
	if (access(config, F_OK) == 0)
		return spawn_env_set(env, "CHROME_CONFIG_HOME", config);
	if (access(profile, F_OK) == 0)
		return spawn_env_set(env, "CHROME_USER_DATA_DIR", profile);
	return 0;
}

/* Software rendering before whatever a graphics driver installed (ENV-3). */
static int set_library_path(struct spawn_env *env)
{
	const char *old = spawn_env_get(env, "LD_LIBRARY_PATH");
	CLEANUP(free) char *copy = old && *old ? mem_dup(old, strlen(old)) : NULL;
	struct utsname machine;
	const char *m;

	if (old && *old && !copy)
		return -ENOMEM;
	if (uname(&machine) < 0)
		return -errno;
	m = machine.machine;
	return set_text(env, "LD_LIBRARY_PATH",
		"/usr/lib/mesa-diverted/%s-linux-gnu:/usr/lib/%s-linux-gnu/mesa:"
		"/usr/lib/%s-linux-gnu/dri:/usr/lib/%s-linux-gnu/gallium-pipe%s%s",
		m, m, m, m, copy ? ":" : "", copy ? copy : "");
}

static int set_by_rules(const struct supervisor *self, struct spawn_env *env)
{
	int r = 0;

	if (self->flavour->forces_software_gl)
		r = set_library_path(env);
	/*
	 * A socket that the host serves for security keys is no agent (D-12): in our own flavour
	 * the variable is left to the session, which starts an agent of its own, and never names
	 * one that ends with the login from which we were started.
	 */
	if (r == 0)
		r = spawn_env_set(env, "SSH_AUTH_SOCK",
			self->flavour->exports_ssh_socket ? self->ssh_socket : NULL);
	return r;
}

int supervisor_make_env(const struct supervisor *self, struct spawn_env *ret)
{
	const struct display *display = self->display;
	const char *bus = self->bus ? bus_address(self->bus) : NULL;
	struct {
		const char *name, *value;
	} vars[] = {
		{ self->flavour->session_mark, "1" },
		{ "XDG_SESSION_TYPE", "x11" },
		{ "GDK_BACKEND", "x11" },
		{ "XDG_RUNTIME_DIR", self->paths.runtime_base },
		{ "HOME", self->paths.home },
		{ "DISPLAY", display ? display_name(display) : NULL },
		{ "XAUTHORITY", display ? display_authority(display) : NULL },
		/* What was meant for us, or belongs to where we were started. */
		{ "NOTIFY_SOCKET", NULL },
		{ "WATCHDOG_USEC", NULL },
		{ "WATCHDOG_PID", NULL },
		{ "LISTEN_FDS", NULL },
		{ "LISTEN_PID", NULL },
		{ "LISTEN_FDNAMES", NULL },
		{ "WAYLAND_DISPLAY", NULL },
		{ "WINDOWID", NULL },
		{ "SESSION_MANAGER", NULL },
	};
	int r = spawn_env_init(ret, environ);

	for (size_t i = 0; i < ARRAY_SIZE(vars) && r == 0; i++)
		r = spawn_env_set(ret, vars[i].name, vars[i].value);
	/* Session managers leave their entries in it when they are killed. */
	if (r == 0)
		r = set_text(ret, "ICEAUTHORITY", "%s/iceauthority", self->paths.runtime_dir);
	if (r == 0 && bus)
		r = spawn_env_set(ret, "DBUS_SESSION_BUS_ADDRESS", bus);
	if (r == 0)
		r = set_browser_profile(self, ret);
	if (r == 0)
		r = set_by_rules(self, ret);
	if (r == 0 && self->audio)
		r = audio_make_env(self->audio, ret);
	return r;
}

char *supervisor_find_ssh_socket(const struct supervisor *self)
{
	const struct passwd *user;
	const char *name = getenv("USER");

	if (!self->flavour->exports_ssh_socket)
		return xprintf("%s/ssh_auth_sock", self->paths.runtime_dir);
	if (str_empty(name)) {
		user = getpwuid(getuid());
		name = user ? user->pw_name : "";
	}
	/* ENV-5: a name that others know. */
	return xprintf("/tmp/chromoting.%s.ssh_auth_sock", name);
}
