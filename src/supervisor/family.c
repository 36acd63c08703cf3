/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/family.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "supervisor/child.h"

/* Of a number's bits: those of the guard, below those of the lock file. */
#define GUARD_BITS 22

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash(const char *text, size_t length)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		value = (value ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return value;
}

uint64_t family_number(const char *desktop)
{
	const char *blank = strrchr(desktop, ' ');
	uint64_t lock_file = hash(desktop, (size_t)(blank - desktop));
	uint64_t guard = hash(blank, strlen(blank)) >> (64 - GUARD_BITS);

	return PROC_MARK_MIN | ((lock_file << GUARD_BITS | guard) & (PROC_MARK_MIN - 1));
}

void family_init(
	struct family *self, sd_event *event, struct keeper *keeper, const char *lock_file)
{
	*self = (struct family){ .event = event, .keeper = keeper };
	list_init(&self->children);
	if (!lock_file)
		return;
	self->desktop = xprintf("%s %d.%llu", lock_file, (int)getppid(),
		(unsigned long long)proc_start_time(getppid()));
	self->mark = family_number(self->desktop);
}

void family_finish(struct family *self)
{
	free(self->desktop);
	self->desktop = NULL;
}

struct child *family_find(const struct family *self, pid_t pid)
{
	struct child *child;

	list_for_each(child, &self->children, link)
	{
		if (child->pid == pid)
			return child;
	}
	return NULL;
}

struct child *family_find_name(const struct family *self, const char *name)
{
	struct child *child;

	list_for_each(child, &self->children, link)
	{
		if (str_equal(child->name, name))
			return child;
	}
	return NULL;
}

char *family_mark(const struct family *self, const char *name, uint64_t run)
{
	/* The names have blanks; nobody needs them apart. */
	return mem_printf("%s %s.%llu", self->desktop, name, (unsigned long long)run);
}

/* --- looking for processes --- */

struct search {
	const struct family *family;
	uint64_t last_run;
	char own_name[PROC_NAME_MAX];
};

/* The number of its run, if it is one of this desktop's; else 0. */
static uint64_t run_of(const struct family *self, const char *mark)
{
	size_t length = strlen(self->desktop);
	const char *dot;

	if (strncmp(mark, self->desktop, length) != 0 || mark[length] != ' ')
		return 0;
	dot = strrchr(mark, '.');
	return dot ? strtoull(dot + 1, NULL, 10) : 0;
}

static bool leaves_files(const struct family *self, const char *mark)
{
	const struct child *child;

	list_for_each(child, &self->children, link)
	{
		size_t length = strlen(child->name), at = strlen(self->desktop) + 1;

		if (child->leaves_files && strncmp(mark + at, child->name, length) == 0
			&& mark[at + length] == '.')
			return true;
	}
	return false;
}

void family_end(const struct family *self, pid_t pid)
{
	CLEANUP(free) char *mark = NULL;
	bool asks = self->desktop && proc_variable(pid, FAMILY_VARIABLE, &mark) == 0
		&& run_of(self, mark) && leaves_files(self, mark);

	kill(-pid, asks ? SIGTERM : SIGKILL);
}

/* Forked, and still as we are: it was to become somebody, and nobody knows whom. */
static bool is_copy(const struct search *self, pid_t pid)
{
	char name[PROC_NAME_MAX];
	struct proc_stat stat;

	return pid != getpid() && proc_stat_read(pid, &stat) == 0 && stat.parent == getppid()
		&& proc_name(pid, name) == 0 && str_equal(name, self->own_name);
}

static bool end_unknown(void *data, pid_t pid)
{
	struct search *self = data;
	CLEANUP(free) char *mark = NULL;

	if (is_copy(self, pid))
		kill(pid, SIGKILL);
	else if (proc_variable(pid, FAMILY_VARIABLE, &mark) == 0
		&& run_of(self->family, mark) > self->last_run)
		kill(pid, leaves_files(self->family, mark) ? SIGTERM : SIGKILL);
	return false;
}

void family_end_unknown(const struct family *self, uint64_t last_run)
{
	struct search search = { .family = self, .last_run = last_run };

	if (self->desktop && proc_name(getpid(), search.own_name) == 0)
		proc_find(end_unknown, &search);
}

/* The same lock file, and another guard's. */
static bool is_strays(const struct family *self, const char *mark)
{
	const char *blank = strrchr(self->desktop, ' ');
	size_t length = (size_t)(blank - self->desktop) + 1;

	return strncmp(mark, self->desktop, length) == 0 && !run_of(self, mark);
}

static bool is_strays_number(const struct family *self, uint64_t mark)
{
	return mark >> GUARD_BITS == self->mark >> GUARD_BITS && mark != self->mark;
}

/* A shell of that desktop may be where this one was started. */
static bool is_above_us(pid_t pid)
{
	struct proc_stat stat;

	for (pid_t at = getpid(); at > 1; at = stat.parent) {
		if (at == pid)
			return true;
		if (proc_stat_read(at, &stat) < 0)
			return false;
	}
	return false;
}

bool family_is_stray(const struct family *self, pid_t pid)
{
	CLEANUP(free) char *mark = NULL;
	struct proc_stat stat;

	if (!self->desktop)
		return false;
	if (proc_variable(pid, FAMILY_VARIABLE, &mark) == 0
			? !is_strays(self, mark)
			: !is_strays_number(self, proc_mark(pid)))
		return false;
	return proc_stat_read(pid, &stat) == 0 && stat.state != 'Z' && !is_above_us(pid);
}
