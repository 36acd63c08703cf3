/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/access/verifier.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "base/mem.h"

#define STACK_SIZE ((size_t)256 * 1024)

struct verifier {
	verifier_done_fn done;
	void *data;
	sd_event_source *source;
	int result_fd; /* eventfd: 1 = wrong, 2 = right */
	bool busy;     /* the main thread's view */

	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	bool has_job;
	bool stop;
	char hash[crypto_pwhash_STRBYTES];
	char pin[VERIFIER_PIN_MAX];
};

static bool verify(const char *hash, const char *pin)
{
	return crypto_pwhash_str_verify(hash, pin, strlen(pin)) == 0;
}

static void *work(void *data)
{
	struct verifier *self = data;
	char hash[sizeof(self->hash)];
	char pin[sizeof(self->pin)];

	pthread_mutex_lock(&self->lock);
	for (;;) {
		while (!self->has_job && !self->stop)
			pthread_cond_wait(&self->changed, &self->lock);
		if (self->stop)
			break;
		self->has_job = false;
		memcpy(hash, self->hash, sizeof(hash));
		memcpy(pin, self->pin, sizeof(pin));
		sodium_memzero(self->pin, sizeof(self->pin));
		pthread_mutex_unlock(&self->lock);

		eventfd_write(self->result_fd, verify(hash, pin) ? 2 : 1);
		sodium_memzero(pin, sizeof(pin));
		pthread_mutex_lock(&self->lock);
	}
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

static int handle_result(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct verifier *self = userdata;
	eventfd_t result;

	(void)source;
	(void)revents;
	if (eventfd_read(fd, &result) < 0)
		return 0;
	self->busy = false;
	self->done(self->data, result == 2);
	return 0;
}

/* Signals are blocked in it, as they are here: they belong to the loop. */
static int start_thread(struct verifier *self)
{
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);

	if (r == 0) {
		pthread_attr_setstacksize(&attributes, STACK_SIZE);
		r = pthread_create(&self->thread, &attributes, work, self);
		pthread_attr_destroy(&attributes);
	}
	self->has_thread = r == 0;
	return -r;
}

int verifier_create(
	struct verifier **ret, sd_event *event, verifier_done_fn done, void *data)
{
	struct verifier *self = mem_new(struct verifier);
	int r;

	if (!self)
		return -ENOMEM;
	*self = (struct verifier){ .done = done, .data = data };
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->changed, NULL);
	self->result_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = self->result_fd < 0 ? -errno : 0;
	if (r >= 0)
		r = sd_event_add_io(
			event, &self->source, self->result_fd, EPOLLIN, handle_result, self);
	if (r >= 0)
		r = start_thread(self);
	if (r < 0) {
		verifier_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

bool verifier_is_busy(const struct verifier *self)
{
	return self->busy;
}

void verifier_start(struct verifier *self, const char *hash, const char *pin)
{
	assert(!self->busy);
	self->busy = true;
	pthread_mutex_lock(&self->lock);
	snprintf(self->hash, sizeof(self->hash), "%s", hash);
	snprintf(self->pin, sizeof(self->pin), "%s", pin);
	self->has_job = true;
	pthread_cond_signal(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

void verifier_destroy(struct verifier *self)
{
	if (!self)
		return;
	if (self->has_thread) {
		pthread_mutex_lock(&self->lock);
		self->stop = true;
		pthread_cond_signal(&self->changed);
		pthread_mutex_unlock(&self->lock);
		pthread_join(self->thread, NULL);
	}
	sd_event_source_disable_unref(self->source);
	fd_close(self->result_fd);
	pthread_cond_destroy(&self->changed);
	pthread_mutex_destroy(&self->lock);
	sodium_memzero(self, sizeof(*self));
	free(self);
}
