/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/stages.h"

/* Sequence numbers wrap. */
static bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

void stages_input(struct stages *self, usec_t arrived, usec_t within, uint32_t sequence)
{
	self->sent = (struct stages_input){
		.arrived = arrived, .within = within, .sequence = sequence
	};
}

void stages_input_had(struct stages *self, usec_t now)
{
	if (!self->sent.arrived)
		return;
	if (!self->sent.had) {
		self->sent.had = now;
		self->newest = self->sent;
	}
	self->sent = (struct stages_input){ 0 };
}

/* Events are dispatched before answers, so that damage may be the first news of it. */
static void look_for_answer(struct stages *self, uint32_t sequence, usec_t now)
{
	if (!self->sent.arrived || self->sent.had || is_before(sequence, self->sent.sequence))
		return;
	self->sent.had = now;
	self->newest = self->sent;
}

void stages_damage(struct stages *self, uint32_t sequence, usec_t now)
{
	struct stages_input *input = &self->newest;
	struct stages_batch *damage = &self->damage;

	look_for_answer(self, sequence, now);
	if (input->arrived && now - input->had > input->within)
		*input = (struct stages_input){ 0 };
	if (!input->arrived || is_before(sequence, input->sequence)) {
		if (!damage->damaged)
			damage->damaged = now;
		return;
	}
	if (!damage->input.arrived)
		*damage = (struct stages_batch){ .input = *input, .damaged = now };
	*input = (struct stages_input){ 0 };
}

/* One frame has both: one with an input stands for the other, and else the older. */
static void join(struct stages_batch *self, const struct stages_batch *other)
{
	bool is_known = self->damaged || self->analysed;

	if (!is_known || (other->input.arrived && !self->input.arrived))
		*self = *other;
}

void stages_asked(struct stages *self, usec_t now)
{
	self->damage.asked = now;
	join(&self->read, &self->damage);
	self->damage = (struct stages_batch){ 0 };
}

void stages_came(struct stages *self, usec_t now)
{
	self->read.came = now;
}

void stages_analysed(struct stages *self, bool changed, usec_t now)
{
	struct stages_batch batch = self->read;

	self->read = (struct stages_batch){ 0 };
	batch.analysed = now;
	if (changed)
		self->ready = batch;
	else if (batch.input.arrived && !self->newest.arrived)
		self->newest = batch.input;
}

void stages_frame_add(struct stages_frame *self, const struct stages_batch *ready)
{
	join(&self->next, ready);
}

void stages_frame_encoded(struct stages_frame *self, usec_t from, usec_t to)
{
	if (!self->begun) {
		self->begun = from;
		self->encode = 0;
		self->open = self->next;
		self->next = (struct stages_batch){ 0 };
	}
	self->encode += to - from;
}

static uint16_t between(usec_t from, usec_t to)
{
	return from && to ? stream_time(to > from ? to - from : 0) : 0;
}

void stages_frame_end(
	struct stages_frame *self, bool all, usec_t now, struct stream_times *ret)
{
	const struct stages_batch *batch = &self->open;
	usec_t sent_in;

	if (all) {
		join(&self->open, &self->next);
		self->next = (struct stages_batch){ 0 };
	}
	sent_in = now - (batch->analysed ? batch->analysed : self->begun);
	*ret = (struct stream_times){
		.input = between(batch->input.arrived, batch->input.had),
		.application = between(batch->input.had, batch->damaged),
		.damage = between(batch->damaged, batch->asked),
		.capture = between(batch->asked, batch->came),
		.analyse = between(batch->came, batch->analysed),
		.encode = stream_time(self->encode),
		.queue = stream_time(sent_in > self->encode ? sent_in - self->encode : 0),
	};
	self->begun = 0;
}
