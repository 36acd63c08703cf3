/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/news.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define READY "READY\n"

static void show(struct news *self, char c)
{
	bool moves = ((unsigned char)c < ' ' && c != '\n' && c != '\t') || c == 0x7f;

	putc(moves ? '?' : c, self->out);
	self->in_text = c != '\n';
}

static void show_unrecognised(struct news *self)
{
	fputs("Unrecognized command: ", self->out);
	for (size_t i = 0; i < self->n_head; i++)
		show(self, self->head[i]);
	self->n_head = 0;
}

/* Does the line begin with @word, or with the beginning of it? */
static bool may_be(const struct news *self, const char *word)
{
	size_t n = strlen(word);

	return memcmp(self->head, word, self->n_head < n ? self->n_head : n) == 0;
}

static void take(struct news *self, char c)
{
	const char *const words[] = { READY, "MSG:", self->error_prefix };
	bool is_open = false;

	if (self->in_text) {
		show(self, c);
		return;
	}
	self->head[self->n_head++] = c;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!may_be(self, words[i]))
			continue;
		is_open = true;
		if (self->n_head < strlen(words[i]))
			continue;
		self->n_head = 0;
		if (i == 0)
			self->ready = true;
		else
			self->in_text = true;
		return;
	}
	if (!is_open)
		show_unrecognised(self);
}

void news_feed(struct news *self, const char *bytes, size_t n)
{
	self->heard |= n > 0;
	for (size_t i = 0; i < n; i++)
		take(self, bytes[i]);
}

void news_end(struct news *self)
{
	if (self->n_head)
		show_unrecognised(self);
	if (self->in_text)
		show(self, '\n');
}

static volatile sig_atomic_t timeout_status;

/* From a handler; not when stderr is full, or it would never end. */
static void say(const char *text)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&out, 1, 0) == 1 && write(STDERR_FILENO, text, strlen(text)) < 0) {
		/* nowhere left to say so */
	}
}

static void handle_timeout(int signo)
{
	(void)signo;
	say("Timeout waiting for session to start. It may have crashed, or may still be running "
	    "in the background.\n");
	_exit(timeout_status);
}

static void handle_interrupt(int signo)
{
	say("Interrupted. The daemon is still running in the background.\n");
	raise(signo);
}

int news_relay(const struct flavour *flavour, int fd, unsigned limit_sec, const char *log)
{
	const struct sigaction timeout = { .sa_handler = handle_timeout };
	const struct sigaction interrupt = {
		.sa_handler = handle_interrupt,
		.sa_flags = (int)SA_RESETHAND | SA_NODEFER,
	};
	struct news news = { .out = stderr, .error_prefix = flavour->error_prefix };
	static char buffer[4096];
	char bytes[4096];
	ssize_t n;

	timeout_status = flavour->silence_is_success ? 0 : 1;
	setvbuf(stderr, buffer, _IOFBF, sizeof(buffer));
	sigaction(SIGALRM, &timeout, NULL);
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGTERM, &interrupt, NULL);
	signal(SIGPIPE, SIG_IGN); /* nobody may be listening: the status still counts */
	alarm(limit_sec);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR)) {
		news_feed(&news, bytes, n > 0 ? (size_t)n : 0);
		fflush(stderr);
	}
	news_end(&news);
	fflush(stderr);
	if (n < 0 || !news.heard) {
		log_warning("failed to read from message pipe: the log says whether it runs");
		news.ready |= flavour->silence_is_success;
	}
	if (log)
		fprintf(stderr, "Log file: %s\n", log);
	fflush(stderr);
	return news.ready ? 0 : 1;
}
