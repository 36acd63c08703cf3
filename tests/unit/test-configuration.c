/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "base/sys.h"
#include "supervisor/audio/place.h"
#include "supervisor/supervisor.h"
#include "unit/test.h"

#define NAME "crd_audio#Kvk3HMqLQy"

struct fixture {
	char directory[64];
	struct supervisor supervisor;
	struct place place;
};

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);
	const char *build = getenv("AFAR_BUILD");

	assert_non_null(build);
	snprintf(f->directory, sizeof(f->directory), "/tmp/test-configuration-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	f->supervisor.flavour = &flavour_contract;
	f->supervisor.program_dir = xprintf("%s/src", build);
	f->supervisor.script_dir = xstrdup(f->directory);
	f->supervisor.paths.runtime_base = f->directory;
	assert_int_equal(place_init(&f->place, f->supervisor.flavour, &f->supervisor.paths,
				 "11112222-3333-4444-5555-666677778888"),
		0);
	assert_int_equal(place_make(&f->place), 0);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	sys_remove_tree(f->directory);
	free(f->supervisor.program_dir);
	free(f->supervisor.script_dir);
	free(f);
	return 0;
}

/* The file's text; NULL: there is none. */
static char *read_it(const struct fixture *f, const char *name)
{
	CLEANUP(free) char *path = xprintf("%s/%s", f->place.directory, name);
	char *text = NULL;
	size_t n;
	int r = sys_read_file(path, 65536, &text, &n);

	assert_true(r == 0 || r == -ENOENT);
	return text;
}

/* All of @parts stand in the file, in this order, and no variable is left. */
static void check(const struct fixture *f, const char *name, const char *const *parts)
{
	CLEANUP(free) char *text = read_it(f, name);
	const char *at = text;

	assert_non_null(text);
	for (; *parts; parts++) {
		at = strstr(at, *parts);
		if (!at)
			fail_msg("%s: \"%s\" is missing, or out of order", name, *parts);
	}
	assert_null(strchr(text, '$'));
}

/* PWT-1 */
static const char *const pipewire_parts[] = {
	"core.daemon = true",
	"core.name   = \"" NAME "/pipewire\"",
	"audio.convert.*",
	"support.*",
	"module-protocol-native",
	"module-metadata",
	"module-spa-device-factory",
	"module-spa-node-factory",
	"module-client-node",
	"module-client-device",
	"module-portal, flags = [ ifexists, nofail ]",
	"module-access",
	"module-adapter",
	"module-link-factory",
	"module-session-manager",
	"module-x11-bell, flags = [ ifexists, nofail ]",
	"support.node.driver",
	"Dummy-Driver",
	"pipewire.dummy",
	"20000",
	"Freewheel-Driver",
	"pipewire.freewheel",
	"node.freewheel  = true",
	"19000",
	NULL,
};

/* AUDIO-6, PWT-1..4 */
static void test_everybody_gets_a_configuration(void **state)
{
	struct fixture *f = *state;
	static const char *const pulse[] = {
		"remote.name = \"" NAME "/pipewire\"",
		"module-protocol-native",
		"module-client-node",
		"module-adapter",
		"module-metadata",
		"module-protocol-pulse",
		"module-always-sink",
		"module-pipe-sink sink_name=\\\"chrome_remote_desktop_session\\\" "
		"file=\\\"/tmp/",
		NAME "/fifo_output\\\" rate=48000 channels=2 format=s16le",
		"server.address = [ \"unix:native\" ]",
		"pulse.min.quantum = 1024/48000",
		"teams",
		"force-s16-info",
		"firefox",
		"remove-capture-dont-move",
		"~speech-dispatcher.*",
		"512/48000",
		NULL,
	};
	static const char *const wireplumber[] = {
		"log.level                 = 2",
		"wireplumber.script-engine = lua-scripting",
		"remote.name               = \"" NAME "/pipewire\"",
		"libwireplumber-module-lua-scripting, type = module",
		NAME "/sink-first.lua\", type = script/lua",
		"main.lua, type = config/lua",
		"policy.lua, type = config/lua",
		NULL,
	};
	static const char *const doorman[] = { "\"chrome_remote_desktop_session\"", NULL };
	static const char *const media_session[] = {
		"remote.name = \"" NAME "/pipewire\"",
		"session.modules = {",
		"default = [",
		"flatpak",
		"portal",
		"suspend-node",
		"policy-node",
		"metadata",
		"streams-follow-default",
		NULL,
	};

	assert_int_equal(configuration_write(&f->supervisor, &f->place, PROBE_WIREPLUMBER), 0);
	check(f, "pipewire.conf", pipewire_parts);
	check(f, "pipewire-pulse.conf", pulse);
	check(f, "wireplumber.conf", wireplumber);
	check(f, "sink-first.lua", doorman);
	assert_null(read_it(f, "pipewire-media-session.conf"));
	assert_int_equal(
		configuration_write(&f->supervisor, &f->place, PROBE_MEDIA_SESSION), 0);
	check(f, "pipewire.conf", pipewire_parts);
	check(f, "pipewire-media-session.conf", media_session);
}

/* N-7 */
static void test_profiles_have_the_flavour_s_name(void **state)
{
	struct fixture *f = *state;
	static const char *const profile[] = {
		"wireplumber.profiles = {",
		"chrome-remote-desktop = {",
		"inherits = [ main ]",
		"hardware.audio         = disabled",
		NULL,
	};

	assert_int_equal(
		configuration_write(&f->supervisor, &f->place, PROBE_WIREPLUMBER_PROFILES), 0);
	check(f, "wireplumber/wireplumber.conf.d/profile.conf", profile);
	check(f, "pipewire.conf", pipewire_parts);
	assert_null(read_it(f, "wireplumber.conf"));
	/* Also when it is there already. */
	assert_int_equal(
		configuration_write(&f->supervisor, &f->place, PROBE_WIREPLUMBER_PROFILES), 0);
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	CLEANUP(free) char *path = xprintf("%s/%s.template", f->directory, name);

	assert_int_equal(sys_save_file(path, text, strlen(text), SYS_SAVE_REPLACE), 0);
}

static void check_text(const struct fixture *f, const char *name, const char *expected)
{
	CLEANUP(free) char *text = read_it(f, name);

	assert_non_null(text);
	assert_string_equal(text, expected);
}

/* AUDIO-6, CONST-7 */
static void test_templates_beside_the_command_come_first(void **state)
{
	struct fixture *f = *state;

	put(f, "pipewire-pulse.conf", "theirs: $instance_name $sink_name $$ $access.");
	assert_int_equal(configuration_write(&f->supervisor, &f->place, PROBE_WIREPLUMBER), 0);
	check_text(f, "pipewire-pulse.conf",
		"theirs: " NAME "/pipewire chrome_remote_desktop_session $ "
		"access.allowed = [ wireplumber ] access.force = waiting.");
	check(f, "pipewire.conf", pipewire_parts);
}

/* Whoever asks clients to wait must know of somebody who lets them in. */
static void test_clients_wait_only_where_somebody_lets_them_in(void **state)
{
	struct fixture *f = *state;

	put(f, "pipewire.conf", "[$access]");
	assert_int_equal(configuration_write(&f->supervisor, &f->place, PROBE_WIREPLUMBER), 0);
	check_text(f, "pipewire.conf",
		"[access.allowed = [ wireplumber ] access.force = waiting]");
	assert_int_equal(
		configuration_write(&f->supervisor, &f->place, PROBE_MEDIA_SESSION), 0);
	check_text(f, "pipewire.conf", "[]");
	assert_int_equal(
		configuration_write(&f->supervisor, &f->place, PROBE_WIREPLUMBER_PROFILES), 0);
	check_text(f, "pipewire.conf", "[]");
	put(f, "wireplumber.conf", "theirs");
	assert_int_equal(configuration_write(&f->supervisor, &f->place, PROBE_WIREPLUMBER), 0);
	check_text(f, "pipewire.conf", "[]");
}

static void test_what_cannot_be_written_is_an_error(void **state)
{
	struct fixture *f = *state;

	place_remove(&f->place);
	assert_int_equal(
		configuration_write(&f->supervisor, &f->place, PROBE_WIREPLUMBER), -ENOENT);
	free(f->supervisor.program_dir);
	f->supervisor.program_dir = xstrdup("/nowhere/at/all");
	assert_int_equal(place_make(&f->place), 0);
	assert_int_equal(
		configuration_write(&f->supervisor, &f->place, PROBE_WIREPLUMBER), -ENOENT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_everybody_gets_a_configuration),
		TEST(test_profiles_have_the_flavour_s_name),
		TEST(test_templates_beside_the_command_come_first),
		TEST(test_clients_wait_only_where_somebody_lets_them_in),
		TEST(test_what_cannot_be_written_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
