/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file-lock.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "base/trusted.h"
#include "wire/host-config.h"

/* Making a PIN takes a tenth of a second, on a machine out of breath a few. */
#define LOCK_LIMIT_MSEC 30000

int identity_read(const struct paths *paths, json_t **ret, char **ret_why)
{
	CLEANUP(free) char *text = NULL;
	char why[SETTINGS_WHY_MAX] = "";
	const char *missing;
	json_t *config;
	size_t n;
	int r;

	r = trusted_read(paths->config_file, HOST_CONFIG_MAX, &text, &n);
	if (r == -ENOENT)
		return r;
	if (r < 0) {
		*ret_why = mem_printf("%s is not heeded: %s%s", paths->config_file, trusted_why(r),
			r == -EPERM ? "; chown it to yourself and chmod it to 600" : "");
		return r;
	}
	r = host_config_parse(text, n, &config, why);
	explicit_bzero(text, n);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		*ret_why = mem_printf("%s is broken (%s): mend it, or remove it to get a new identity "
				   "and PIN",
			paths->config_file, why);
		return r;
	}
	missing = host_config_missing(config);
	if (missing) {
		*ret_why = mem_printf("%s lacks \"%s\": mend it, or remove it to get a new identity and PIN",
			paths->config_file, missing);
		json_decref(config);
		return -EBADMSG;
	}
	*ret = config;
	return 0;
}

/* @old as a file to read from, or /dev/null. */
static int input_fd(const json_t *old)
{
	CLEANUP(free) char *text = NULL;
	CLEANUP(close) int fd = -1;
	size_t n;
	int r;

	if (!old)
		return sys_open("/dev/null", O_RDONLY, 0);
	r = host_config_text(old, &text, &n);
	if (r < 0)
		return r;
	fd = memfd_create("host-config", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = sys_write_all(fd, text, n);
	explicit_bzero(text, n);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return r < 0 ? r : -errno;
	return TAKE_FD(fd);
}

/* Runs afar-host and reads what it made: {"config": {…}, "pin": "12345678"}. */
static int run_maker(const char *program_dir, const json_t *old, json_t **ret)
{
	CLEANUP(free) char *program = mem_printf("%s/afar-host", program_dir);
	const char *argv[] = { "afar-host", old ? "--new-pin" : "--make-identity", NULL };
	struct spawn spawn = { .argv = argv, .path = program };
	CLEANUP(free) char *text = NULL;
	CLEANUP(close) int input = -1;
	CLEANUP(close) int output = -1;
	CLEANUP(close) int write_end = -1;
	char why[SETTINGS_WHY_MAX];
	int fds[2], status = 0, r;
	size_t n = 0;
	pid_t pid;

	if (!program)
		return -ENOMEM;
	input = input_fd(old);
	if (input < 0)
		return input;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	output = fds[0];
	write_end = fds[1];
	spawn_map(&spawn, input, STDIN_FILENO);
	spawn_map(&spawn, write_end, STDOUT_FILENO);
	spawn_map(&spawn, STDERR_FILENO, STDERR_FILENO);
	pid = spawn_start(&spawn);
	if (pid < 0)
		return (int)pid;
	write_end = fd_close(write_end);
	r = sys_read_fd(output, HOST_CONFIG_MAX, &text, &n);
	output = fd_close(output);
	waitpid(pid, &status, 0);
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		r = -EIO;
	if (r == 0)
		r = host_config_parse(text, n, ret, why);
	if (text)
		explicit_bzero(text, n);
	return r;
}

static int make(const struct paths *paths, const char *program_dir, const json_t *old,
	char ret_pin[IDENTITY_PIN_SIZE], char **ret_why)
{
	CLEANUP(free) char *text = NULL;
	json_t *made = NULL;
	const char *pin;
	size_t n = 0;
	int r;

	r = run_maker(program_dir, old, &made);
	pin = json_string_value(json_object_get(made, "pin"));
	if (r == 0 && (!pin || strlen(pin) >= IDENTITY_PIN_SIZE))
		r = -EBADMSG;
	if (r == 0)
		r = host_config_text(json_object_get(made, "config"), &text, &n);
	if (r < 0) {
		*ret_why = mem_printf("afar-host could not make an identity: %s", strerror(-r));
		json_decref(made);
		return r;
	}
	r = sys_save_file(
		paths->config_file, text, n, old ? SYS_SAVE_REPLACE : SYS_SAVE_NEW);
	if (r == 0)
		snprintf(ret_pin, IDENTITY_PIN_SIZE, "%s", pin);
	else if (r != -EEXIST)
		*ret_why = mem_printf("cannot write %s: %s", paths->config_file, strerror(-r));
	explicit_bzero(text, n);
	json_decref(made);
	return r;
}

int identity_load(const struct paths *paths, const char *program_dir, json_t **ret,
	char ret_pin[IDENTITY_PIN_SIZE], char **ret_why)
{
	int r;

	ret_pin[0] = '\0';
	r = identity_read(paths, ret, ret_why);
	if (r != -ENOENT)
		return r;
	r = make(paths, program_dir, NULL, ret_pin, ret_why);
	if (r < 0 && r != -EEXIST)
		return r;
	r = identity_read(paths, ret, ret_why);
	if (r == -ENOENT)
		*ret_why = mem_printf("%s was removed as soon as it was made", paths->config_file);
	return r;
}

int identity_renew_pin(const struct paths *paths, const char *program_dir,
	char ret_pin[IDENTITY_PIN_SIZE], char **ret_why)
{
	struct file_lock lock;
	json_t *old = NULL;
	int r;

	/* Two at once would each show a PIN, of which one is lost. */
	r = file_lock_take(&lock, paths->config_file, LOCK_LIMIT_MSEC);
	if (r < 0) {
		*ret_why = r == -EBUSY ? mem_printf("%s is being changed by another program, which does "
						 "not finish: try again",
						 paths->config_file)
				       : mem_printf("cannot lock %s: %s", paths->config_file,
						 strerror(-r));
		return r;
	}
	r = identity_load(paths, program_dir, &old, ret_pin, ret_why);
	if (r == 0 && !ret_pin[0])
		r = make(paths, program_dir, old, ret_pin, ret_why);
	json_decref(old);
	file_lock_release(&lock);
	return r;
}
