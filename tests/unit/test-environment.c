/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The environment of everything in a desktop. What it asks its neighbours for (the display, the
 * bus, sound) is said here, in their place.
 */
#include <pwd.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "supervisor/audio/audio.h"
#include "supervisor/bus.h"
#include "supervisor/display/display.h"
#include "supervisor/supervisor.h"
#include "unit/test.h"

extern char **environ;

struct display {
	const char *name;
};

struct bus {
	const char *address;
};

struct audio {
	const char *name, *value;
};

const char *display_name(const struct display *self)
{
	return self->name;
}

const char *display_authority(const struct display *self)
{
	(void)self;
	return "/home/u/.Xauthority";
}

const char *bus_address(const struct bus *self)
{
	return self->address;
}

int audio_make_env(const struct audio *self, struct spawn_env *env)
{
	return spawn_env_set(env, self->name, self->value);
}

static struct supervisor supervisor;
static struct spawn_env env;
static char directory[64];
static char *empty[] = { NULL };
static char **original;

static int begin(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test-environment-XXXXXX");
	assert_non_null(mkdtemp(directory));
	supervisor = (struct supervisor){
		.flavour = &flavour_afar,
		.ssh_socket = "/the/host's/socket",
		.paths = {
			.home = "/home/u",
			.config_dir = directory,
			.runtime_base = "/run/user/7",
			.runtime_dir = "/run/user/7/afar",
		},
	};
	original = environ;
	environ = empty;
	return 0;
}

static int end(void **state)
{
	(void)state;
	spawn_env_finish(&env);
	environ = original;
	sys_remove_tree(directory);
	return 0;
}

static void make(void)
{
	spawn_env_finish(&env);
	env = (struct spawn_env){ 0 };
	assert_int_equal(supervisor_make_env(&supervisor, &env), 0);
}

/* NULL: it is not to be there. */
static void check_var(const char *name, const char *value)
{
	const char *found = spawn_env_get(&env, name);

	if (value) {
		assert_non_null(found);
		assert_string_equal(found, value);
	} else {
		assert_null(found);
	}
}

/* ENV-1, ENV-4 */
static void test_it_is_ours_with_a_mark_and_the_kind_of_display(void **state)
{
	(void)state;
	char *ours[] = { "PATH=/bin", "LANG=C", "ODD=a=b\nc", "GDK_BACKEND=wayland", NULL };

	environ = ours;
	make();
	check_var("PATH", "/bin");
	check_var("LANG", "C");
	check_var("ODD", "a=b\nc");
	check_var("GDK_BACKEND", "x11");
	check_var("XDG_SESSION_TYPE", "x11");
	check_var("HOME", "/home/u");
	check_var("XDG_RUNTIME_DIR", "/run/user/7");
	check_var("AFAR_SESSION", "1");
	check_var("CHROME_REMOTE_DESKTOP_SESSION", NULL);
	supervisor.flavour = &flavour_contract;
	make();
	check_var("CHROME_REMOTE_DESKTOP_SESSION", "1");
	check_var("AFAR_SESSION", NULL);
	check_var("ODD", "a=b\nc");
}

/* ENV-4 */
static void test_the_display_is_named_once_it_is_there_and_never_anothers(void **state)
{
	(void)state;
	char *ours[] = { "DISPLAY=:0", "WAYLAND_DISPLAY=wayland-0", "WINDOWID=7",
		"SESSION_MANAGER=local/x", NULL };
	struct display display = { .name = ":20" };

	environ = ours;
	make();
	check_var("DISPLAY", NULL);
	check_var("WAYLAND_DISPLAY", NULL);
	check_var("WINDOWID", NULL);
	check_var("SESSION_MANAGER", NULL);
	supervisor.display = &display;
	make();
	check_var("DISPLAY", ":20");
	check_var("XAUTHORITY", "/home/u/.Xauthority");
	display.name = NULL;
	make();
	check_var("DISPLAY", NULL);
}

static void test_what_systemd_told_us_is_not_for_children(void **state)
{
	(void)state;
	char *ours[] = { "NOTIFY_SOCKET=/run/n", "WATCHDOG_USEC=1", "WATCHDOG_PID=1", "LISTEN_FDS=1",
		"LISTEN_PID=1", "LISTEN_FDNAMES=a", NULL };

	environ = ours;
	make();
	for (char **var = ours; *var; var++) {
		CLEANUP(free) char *name = xstrdup(*var);

		*strchr(name, '=') = '\0';
		check_var(name, NULL);
	}
}

/* ENV-2 */
static void test_a_profile_of_the_browser_for_the_session_is_named(void **state)
{
	(void)state;
	static const struct flavour *const flavours[] = { &flavour_afar, &flavour_contract };
	CLEANUP(free) char *profile = xprintf("%s/chrome-profile", directory);
	CLEANUP(free) char *config = xprintf("%s/chrome-config", directory);

	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		supervisor.flavour = flavours[i];
		make();
		check_var("CHROME_USER_DATA_DIR", NULL);
		check_var("CHROME_CONFIG_HOME", NULL);
		assert_int_equal(sys_make_dirs(profile), 0);
		make();
		check_var("CHROME_USER_DATA_DIR", profile);
		check_var("CHROME_CONFIG_HOME", NULL);
		assert_int_equal(sys_make_dirs(config), 0);
		make();
		check_var("CHROME_USER_DATA_DIR", NULL);
		check_var("CHROME_CONFIG_HOME", config);
		assert_int_equal(rmdir(profile), 0);
		make();
		check_var("CHROME_USER_DATA_DIR", NULL);
		check_var("CHROME_CONFIG_HOME", config);
		assert_int_equal(rmdir(config), 0);
	}
}

/* ENV-3 */
static void test_by_the_contract_software_rendering_comes_first(void **state)
{
	(void)state;
	char *with[] = { "LD_LIBRARY_PATH=/a:/b", NULL };
	char *without[] = { "LD_LIBRARY_PATH=", NULL };
	CLEANUP(free) char *first = NULL;
	CLEANUP(free) char *both = NULL;
	struct utsname u;

	assert_int_equal(uname(&u), 0);
	first = xprintf("/usr/lib/mesa-diverted/%s-linux-gnu:/usr/lib/%s-linux-gnu/mesa:"
			"/usr/lib/%s-linux-gnu/dri:/usr/lib/%s-linux-gnu/gallium-pipe",
		u.machine, u.machine, u.machine, u.machine);
	both = xprintf("%s:/a:/b", first);
	make();
	check_var("LD_LIBRARY_PATH", NULL);
	environ = with;
	make();
	check_var("LD_LIBRARY_PATH", "/a:/b");
	supervisor.flavour = &flavour_contract;
	make();
	check_var("LD_LIBRARY_PATH", both);
	environ = without;
	make();
	check_var("LD_LIBRARY_PATH", first);
	environ = empty;
	make();
	check_var("LD_LIBRARY_PATH", first);
}

/* ENV-5, D-12 */
static void test_the_agents_socket_is_the_hosts_by_the_contract_alone(void **state)
{
	(void)state;
	char *ours[] = { "SSH_AUTH_SOCK=/tmp/ssh-x/agent.7", NULL };

	environ = ours;
	make();
	check_var("SSH_AUTH_SOCK", NULL);
	supervisor.flavour = &flavour_contract;
	make();
	check_var("SSH_AUTH_SOCK", "/the/host's/socket");
}

/* ENV-5, HL-1 */
static void test_that_socket_is_private_or_has_the_name_that_others_know(void **state)
{
	(void)state;
	char *ours[] = { "USER=somebody", NULL };
	char *blank[] = { "USER=", NULL };
	const struct passwd *account = getpwuid(getuid());
	CLEANUP(free) char *private = NULL;
	CLEANUP(free) char *known = NULL;
	CLEANUP(free) char *accounts = NULL;
	CLEANUP(free) char *found = NULL;

	environ = ours;
	private = supervisor_find_ssh_socket(&supervisor);
	assert_string_equal(private, "/run/user/7/afar/ssh_auth_sock");
	supervisor.flavour = &flavour_contract;
	known = supervisor_find_ssh_socket(&supervisor);
	assert_string_equal(known, "/tmp/chromoting.somebody.ssh_auth_sock");
	environ = blank;
	accounts = xprintf("/tmp/chromoting.%s.ssh_auth_sock", account ? account->pw_name : "");
	found = supervisor_find_ssh_socket(&supervisor);
	assert_string_equal(found, accounts);
}

/* ENV-6 */
static void test_sound_and_bus_add_what_they_have(void **state)
{
	(void)state;
	char *ours[] = { "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/7/bus", NULL };
	struct audio audio = { "PULSE_SINK", "chrome_remote_desktop_session" };
	struct bus bus = { NULL };

	environ = ours;
	make();
	check_var("PULSE_SINK", NULL);
	supervisor.audio = &audio;
	supervisor.bus = &bus;
	make();
	check_var("PULSE_SINK", "chrome_remote_desktop_session");
	check_var("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/7/bus");
	bus.address = "unix:path=/ours";
	make();
	check_var("DBUS_SESSION_BUS_ADDRESS", "unix:path=/ours");
}

/* ENV-7: TMPDIR is for all but the X server, which display.c sees to. */
static void test_the_sessions_temporary_directory_is_the_users(void **state)
{
	(void)state;
	char *ours[] = { "TMPDIR=/var/tmp", NULL };

	environ = ours;
	make();
	check_var("TMPDIR", "/var/tmp");
	check_var("ICEAUTHORITY", "/run/user/7/afar/iceauthority");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_it_is_ours_with_a_mark_and_the_kind_of_display),
		TEST(test_the_display_is_named_once_it_is_there_and_never_anothers),
		TEST(test_what_systemd_told_us_is_not_for_children),
		TEST(test_a_profile_of_the_browser_for_the_session_is_named),
		TEST(test_by_the_contract_software_rendering_comes_first),
		TEST(test_the_agents_socket_is_the_hosts_by_the_contract_alone),
		TEST(test_that_socket_is_private_or_has_the_name_that_others_know),
		TEST(test_sound_and_bus_add_what_they_have),
		TEST(test_the_sessions_temporary_directory_is_the_users),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
