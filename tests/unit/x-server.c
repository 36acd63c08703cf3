/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit/x-server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <X11/Xauth.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "loop/xcb-connect.h"
#include "unit/test.h"

#define READY_MSEC 20000

static const char xorg_config[] =
	"Section \"ServerFlags\"\n"
	"  Option \"AutoAddDevices\" \"false\"\n"
	"  Option \"DontVTSwitch\" \"true\"\n"
	"  Option \"PciForceNone\" \"true\"\n"
	"EndSection\n"
	"Section \"Device\"\n"
	"  Identifier \"card\"\n"
	"  Driver \"dummy\"\n"
	"  VideoRam 262144\n"
	"EndSection\n"
	"Section \"Screen\"\n"
	"  Identifier \"screen\"\n"
	"  Device \"card\"\n"
	"  DefaultDepth 24\n"
	"EndSection\n";

static void write_file(const char *path, const void *bytes, size_t n)
{
	assert_int_equal(sys_save_file(path, bytes, n, SYS_SAVE_REPLACE), 0);
}

/* A cookie for any host and any number: the number is not known yet. */
static void write_authority(const char *path)
{
	char name[] = "MIT-MAGIC-COOKIE-1";
	char cookie[16], *bytes = NULL;
	size_t n = 0;
	FILE *file = open_memstream(&bytes, &n);
	Xauth entry = {
		.family = FamilyWild,
		.name = name,
		.name_length = sizeof(name) - 1,
		.data = cookie,
		.data_length = sizeof(cookie),
	};

	assert_non_null(file);
	sys_random(cookie, sizeof(cookie));
	assert_int_equal(XauWriteAuth(file, &entry), 1);
	fclose(file);
	write_file(path, bytes, n);
	free(bytes);
}

/* Number and newline may come in two pieces. */
static void read_display(int fd, char display[16])
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t n = 1;

	display[0] = ':';
	while (n < 15) {
		assert_int_equal(poll(&pfd, 1, READY_MSEC), 1);
		assert_int_equal(read(fd, display + n, 1), 1);
		if (display[n] == '\n')
			break;
		n++;
	}
	display[n] = '\0';
}

static void make_directory(struct x_server *self)
{
	strcpy(self->directory, "/tmp/afar-test-XXXXXX");
	assert_non_null(mkdtemp(self->directory));
	snprintf(self->authority, sizeof(self->authority), "%s/authority", self->directory);
	write_authority(self->authority);
}

static void start(struct x_server *self, const char *const *argv)
{
	struct spawn spawn = { .argv = argv, .death_signal = SIGKILL };
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	spawn_map(&spawn, fds[1], 3);
	if (getenv("X_SERVER_DEBUG"))
		spawn_map(&spawn, 2, 2);
	self->pid = spawn_start(&spawn);
	assert_true(self->pid > 0);
	close(fds[1]);
	read_display(fds[0], self->display);
	close(fds[0]);
}

void x_server_start(struct x_server *self, unsigned width, unsigned height)
{
	char screen[32];

	*self = (struct x_server){ 0 };
	make_directory(self);
	snprintf(screen, sizeof(screen), "%ux%ux24", width, height);
	start(self, (const char *[]){ "Xvfb", "-displayfd", "3", "-screen", "0", screen,
			    "-auth", self->authority, "-nolisten", "tcp", "-noreset", NULL });
}

bool x_server_start_xorg(struct x_server *self)
{
	char config[128], log[128];

	*self = (struct x_server){ 0 };
	if (access("/usr/lib/xorg/modules/drivers/dummy_drv.so", F_OK) != 0)
		return false;
	make_directory(self);
	snprintf(config, sizeof(config), "%s/xorg.conf", self->directory);
	snprintf(log, sizeof(log), "%s/xorg.log", self->directory);
	write_file(config, xorg_config, sizeof(xorg_config) - 1);
	start(self, (const char *[]){ "/usr/lib/xorg/Xorg", "-displayfd", "3", "-config", config,
			    "-logfile", log, "-auth", self->authority, "-nolisten", "tcp",
			    "-noreset", NULL });
	return true;
}

xcb_connection_t *x_server_connect(const struct x_server *self)
{
	xcb_connection_t *connection = NULL;

	assert_int_equal(
		xcb_connect_file(self->display, self->authority, &connection, NULL), 0);
	return connection;
}

void x_server_kill(struct x_server *self)
{
	char path[64];

	kill(self->pid, SIGKILL);
	waitpid(self->pid, NULL, 0);
	self->pid = 0;
	sys_remove_tree(self->directory);
	/* What it could not remove itself. */
	snprintf(path, sizeof(path), "/tmp/.X11-unix/X%s", self->display + 1);
	unlink(path);
}

void x_server_stop(struct x_server *self)
{
	if (!self->pid)
		return;
	kill(self->pid, SIGTERM);
	waitpid(self->pid, NULL, 0);
	self->pid = 0;
	sys_remove_tree(self->directory);
}
