/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/audio.h"

#include "supervisor/supervisor.h"

int audio_create(struct audio **ret, struct supervisor *supervisor)
{
	(void)supervisor;
	*ret = NULL;
	return 0;
}

void audio_destroy(struct audio *self)
{
	(void)self;
}

int audio_start(struct supervisor *supervisor, char *text, size_t size)
{
	(void)text;
	(void)size;
	supervisor_event(supervisor, POLICY_IS_ABSENT, POLICY_AUDIO, false);
	return 0;
}

void audio_stop(struct supervisor *supervisor)
{
	(void)supervisor;
}

pid_t audio_pid(const struct supervisor *supervisor)
{
	(void)supervisor;
	return 0;
}

bool audio_is_settled(const struct audio *self)
{
	(void)self;
	return true;
}

int audio_make_env(const struct audio *self, struct spawn_env *env)
{
	(void)self;
	(void)env;
	return 0;
}

const char *audio_fifo(const struct audio *self)
{
	(void)self;
	return NULL;
}

pid_t audio_pid_of(const struct supervisor *supervisor, enum audio_part part)
{
	(void)supervisor;
	(void)part;
	return 0;
}
