/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define ENVIRON_MAX (256 * 1024)
#define LIMITS_MAX 4096

int proc_stat_read(pid_t pid, struct proc_stat *ret)
{
	CLEANUP(close) int fd = -1;
	unsigned long user, system;
	char path[32], text[512];
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = sys_open(path, O_RDONLY, 0);
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	at = strrchr(text, ')'); /* the name before it may hold anything */
	if (!at
		|| sscanf(at + 1,
			   " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d"
			   " %*d %*d %" SCNu64,
			   &ret->state, &ret->parent, &user, &system, &ret->start_time)
			!= 5)
		return -EBADMSG;
	ret->cpu_usec = (uint64_t)(user + system) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	return 0;
}

uint64_t proc_start_time(pid_t pid)
{
	struct proc_stat stat;

	return proc_stat_read(pid, &stat) == 0 ? stat.start_time : 0;
}

int proc_name(pid_t pid, char ret[PROC_NAME_MAX])
{
	CLEANUP(close) int fd = -1;
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = sys_open(path, O_RDONLY, 0);
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	n = read(fd, ret, PROC_NAME_MAX);
	if (n <= 0)
		return -ESRCH;
	ret[n - 1] = '\0'; /* in place of the newline */
	return 0;
}

int proc_variable(pid_t pid, const char *name, char **ret)
{
	CLEANUP(free) char *text = NULL;
	size_t length = strlen(name), n;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	r = sys_read_file(path, ENVIRON_MAX, &text, &n);
	if (r < 0)
		return r;
	for (const char *at = text; at < text + n; at += strlen(at) + 1) {
		if (strncmp(at, name, length) != 0 || at[length] != '=')
			continue;
		*ret = mem_dup(at + length + 1, strlen(at + length + 1));
		return *ret ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

uint64_t proc_mark(pid_t pid)
{
	static const char name[] = "Max realtime timeout";
	CLEANUP(free) char *text = NULL;
	uint64_t mark = 0;
	const char *at;
	char path[32];
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	if (sys_read_file(path, LIMITS_MAX, &text, &n) < 0)
		return 0;
	at = strstr(text, name);
	/* "unlimited" is no number. */
	if (!at || sscanf(at + strlen(name), " %" SCNu64, &mark) != 1)
		return 0;
	return mark >= PROC_MARK_MIN ? mark : 0;
}

pid_t proc_find(bool (*matches)(void *data, pid_t pid), void *data)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	if (!dir)
		return 0;
	while (!found && (entry = readdir(dir))) {
		unsigned long pid;

		if (str_to_uint(entry->d_name, 1, INT32_MAX, &pid) == 0
			&& matches(data, (pid_t)pid))
			found = (pid_t)pid;
	}
	closedir(dir);
	return found;
}

struct process {
	pid_t pid, parent;
	bool below; /* the root */
	bool spared;
};

static struct process *list_processes(size_t *ret_n)
{
	struct process *list = NULL;
	struct dirent *entry;
	size_t n = 0, size = 0;
	DIR *dir = opendir("/proc");

	if (!dir)
		return NULL;
	while ((entry = readdir(dir))) {
		struct proc_stat stat;
		unsigned long pid;

		if (str_to_uint(entry->d_name, 1, INT32_MAX, &pid) < 0)
			continue;
		if (proc_stat_read((pid_t)pid, &stat) < 0 || stat.state == 'Z')
			continue;
		if (n == size) {
			struct process *more = mem_resize(list, size ? size * 2 : 256, sizeof(*list));

			if (!more)
				break;
			list = more;
			size = size ? size * 2 : 256;
		}
		list[n++] = (struct process){ .pid = (pid_t)pid, .parent = stat.parent };
	}
	closedir(dir);
	*ret_n = n;
	return list;
}

static int compare(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static const struct process *find(const struct process *list, size_t n, pid_t pid)
{
	struct process key = { .pid = pid };

	return n ? bsearch(&key, list, n, sizeof(*list), compare) : NULL;
}

static bool outlives(pid_t pid)
{
	CLEANUP(free) char *value = NULL;

	return proc_variable(pid, PROC_OUTLIVES, &value) == 0;
}

unsigned proc_signal_descendants(pid_t root, pid_t spare, int signo)
{
	size_t n = 0;
	CLEANUP(free) struct process *list = list_processes(&n);
	unsigned n_signalled = 0;
	bool changed = true;

	if (n)
		qsort(list, n, sizeof(*list), compare);
	/* Pids wrap, so a child may stand before its parent: go round until nothing moves. */
	while (changed) {
		changed = false;
		for (size_t i = 0; i < n; i++) {
			struct process *p = &list[i];
			const struct process *parent;

			if (p->below)
				continue;
			parent = find(list, n, p->parent);
			if (p->parent != root && !(parent && parent->below))
				continue;
			p->below = true;
			p->spared = p->pid == spare || (parent && parent->spared)
				|| outlives(p->pid);
			changed = true;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (list[i].below && !list[i].spared && kill(list[i].pid, signo) == 0)
			n_signalled++;
	}
	return n_signalled;
}

char *proc_program_dir(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
	char *slash;

	if (n <= 0 || n == (ssize_t)sizeof(path))
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	return mem_dup(path, slash == path ? 1 : (size_t)(slash - path));
}
