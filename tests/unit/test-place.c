/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/place.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/flavour.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/sys.h"
#include "supervisor/audio/fallback.h"
#include "unit/test.h"

#define HOST_ID "11112222-3333-4444-5555-666677778888" /* PIN-3 */

/* AUDIO-1, AUDIO-4, PIN-3 */
static void test_the_contract_s_names_have_a_hash_of_the_host_s_id(void **state)
{
	(void)state;
	struct paths paths = { .runtime_base = (char[]){ "/run/user/1000" } };
	char suffix[PLACE_SUFFIX_SIZE];
	struct place place;

	place_suffix(HOST_ID, suffix);
	assert_string_equal(suffix, "Kvk3HMqLQy");
	place_suffix("", suffix);
	assert_string_equal(suffix, "47DEQpj8HB");
	assert_int_equal(place_init(&place, &flavour_contract, &paths, HOST_ID), 0);
	assert_string_equal(place.directory, "/run/user/1000/crd_audio#Kvk3HMqLQy");
	assert_string_equal(place.instance, "crd_audio#Kvk3HMqLQy/pipewire");
	assert_string_equal(place.socket, "/run/user/1000/crd_audio#Kvk3HMqLQy/pipewire");
	assert_string_equal(place.pulse_socket, "/run/user/1000/crd_audio#Kvk3HMqLQy/native");
	assert_string_equal(place.fifo, "/run/user/1000/crd_audio#Kvk3HMqLQy/fifo_output");
	assert_int_equal(place_init(&place, &flavour_contract, &paths, NULL), -EINVAL);
	assert_int_equal(place_init(&place, &flavour_contract, &paths, ""), -EINVAL);
}

static void test_our_own_is_in_our_runtime_directory(void **state)
{
	(void)state;
	struct paths paths = { .runtime_base = (char[]){ "/run/user/1000" } };
	struct place place;

	assert_int_equal(place_init(&place, &flavour_afar, &paths, NULL), 0);
	assert_string_equal(place.directory, "/run/user/1000/afar/audio");
	assert_string_equal(place.instance, "afar/audio/pipewire");
}

/* AUDIO-2 */
static void test_a_path_too_long_for_a_socket_is_refused(void **state)
{
	(void)state;
	size_t rest = strlen("/afar/audio/pipewire");
	char base[256] = "/";
	struct paths paths = { .runtime_base = base };
	struct place place;

	memset(base + 1, 'x', sizeof(base) - 2);
	base[107 - rest] = '\0';
	assert_int_equal(place_init(&place, &flavour_afar, &paths, NULL), 0);
	assert_int_equal(strlen(place.socket), 107);
	base[107 - rest] = 'x';
	base[108 - rest] = '\0';
	assert_int_equal(place_init(&place, &flavour_afar, &paths, NULL), -ENAMETOOLONG);
	base[108 - rest] = 'x';
	assert_int_equal(place_init(&place, &flavour_afar, &paths, NULL), -ENAMETOOLONG);
}

static void make(char directory[], struct paths *paths, struct place *place)
{
	assert_non_null(mkdtemp(directory));
	*paths = (struct paths){ .runtime_base = directory };
	assert_int_equal(place_init(place, &flavour_contract, paths, HOST_ID), 0);
}

/* AUDIO-3, and better: nobody else may look in */
static void test_the_directory_is_private_and_empty_and_goes(void **state)
{
	(void)state;
	char directory[] = "/tmp/test-place-XXXXXX";
	struct paths paths;
	struct place place;
	struct stat st;

	make(directory, &paths, &place);
	assert_int_equal(mkdir(place.directory, 0777), 0);
	assert_int_equal(place_write(&place, "old", "x", 1), 0);
	assert_int_equal(place_make(&place), 0);
	assert_int_equal(lstat(place.directory, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_nlink, 2);
	/* A link that somebody laid there is removed, not followed. */
	place_remove(&place);
	assert_int_equal(symlink(directory, place.directory), 0);
	assert_int_equal(place_make(&place), 0);
	assert_int_equal(lstat(place.directory, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	place_remove(&place);
	assert_int_equal(access(place.directory, F_OK), -1);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(place_make(&place), -ENOENT);
}

static void test_who_connects_before_anybody_accepts_waits(void **state)
{
	(void)state;
	char directory[] = "/tmp/test-place-XXXXXX";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct paths paths;
	struct place place;
	int listener, client, server;

	make(directory, &paths, &place);
	assert_int_equal(place_make(&place), 0);
	close(place_listen(place.pulse_socket)); /* a dead one in its place does not matter */
	listener = place_listen(place.pulse_socket);
	assert_true(listener >= 0);
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", place.pulse_socket);
	assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(client, "x", 1), 1);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(server >= 0);
	assert_int_equal(read(server, directory, 0), 0);
	close(server);
	close(client);
	close(listener);
	place_remove(&place);
	assert_int_equal(rmdir(directory), 0);
}

static void check_file(const struct place *place, const char *name, const char *expected)
{
	CLEANUP(free) char *path = xprintf("%s/%s", place->directory, name);
	CLEANUP(free) char *text = NULL;
	size_t n;

	assert_int_equal(sys_read_file(path, 4096, &text, &n), 0);
	assert_string_equal(text, expected);
}

/* AUDIO-10 */
static void test_pulseaudio_s_files_are_the_contract_s(void **state)
{
	(void)state;
	char directory[] = "/tmp/test-place-XXXXXX";
	CLEANUP(free) char *script = NULL;
	struct paths paths;
	struct place place;

	make(directory, &paths, &place);
	assert_int_equal(place_make(&place), 0);
	assert_int_equal(fallback_write(&place, flavour_contract.audio_sink), 0);
	check_file(&place, "daemon.conf",
		"default-sample-format = s16le\n"
		"default-sample-rate = 48000\n"
		"default-sample-channels = 2\n");
	script = xprintf("load-module module-native-protocol-unix\n"
			 "load-module module-pipe-sink sink_name=chrome_remote_desktop_session "
			 "file=\"%s/crd_audio#Kvk3HMqLQy/fifo_output\" rate=48000 channels=2 "
			 "format=s16le\n",
		directory);
	check_file(&place, "default.pa", script);
	place_remove(&place);
	assert_true(fallback_write(&place, "x") < 0);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_contract_s_names_have_a_hash_of_the_host_s_id),
		cmocka_unit_test(test_our_own_is_in_our_runtime_directory),
		cmocka_unit_test(test_a_path_too_long_for_a_socket_is_refused),
		cmocka_unit_test(test_the_directory_is_private_and_empty_and_goes),
		cmocka_unit_test(test_who_connects_before_anybody_accepts_waits),
		cmocka_unit_test(test_pulseaudio_s_files_are_the_contract_s),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
