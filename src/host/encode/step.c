/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/step.h"

#include <string.h>

#include "host/encode/lossy.h"

/*
 * So much more than the other one a group may have to send to become one with it, in tiles: a
 * newcomer's whole picture is not for all.
 */
#define APART_MAX 8

/* --- falling out of step --- */

static void copy_view(struct group *to, const struct member *member)
{
	const struct group *from = member->group;

	region_clear(&to->view.dirty);
	region_add_region(&to->view.dirty, &from->view.dirty);
	memcpy(to->view.moves, from->view.moves, sizeof(to->view.moves));
	to->view.n_moves = from->view.n_moves;
	lossy_add_to(from, &to->view);
	if (member->next)
		scene_view_flatten(&to->view, 0);
	for (const struct piece *piece = member->next; piece;
		piece = piece_after(&from->pieces, piece)) {
		for (size_t i = 0; i < piece->n_boxes; i++)
			region_add(&to->view.dirty, &piece->boxes[i]);
	}
}

static void be_patient(struct member *member, usec_t now)
{
	usec_t patience = 2 * member->patience;

	if (!patience || now - member->since >= GROUP_PATIENCE_MAX_USEC)
		patience = GROUP_PATIENCE_USEC;
	member->patience =
		patience < GROUP_PATIENCE_MAX_USEC ? patience : GROUP_PATIENCE_MAX_USEC;
}

/* @member, one of several, goes on by itself from where it stands, in a frame or between two.
 */
static void leave_behind(struct member *member, usec_t now)
{
	struct group *old = member->group, *own = group_create(old->groups, old->decodes);

	if (own) {
		copy_view(own, member);
		own->open = member->open && !member->must_end;
		own->n_frame = old->n_frame;
		if (own->open) {
			order_begin(&own->order, &own->view.dirty);
			group_set_limits(own, member, now);
		}
		own->moved_px = old->moved_px;
	}
	group_leave(member);
	be_patient(member, now);
	if (own)
		group_enter(own, member, now);
	if (member_is_due(member))
		member->events->wake(member);
}

static int handle_grace(sd_event_source *source, uint64_t usec, void *data)
{
	struct group *self = data;
	struct member *member, *safe;
	usec_t now = clock_now();

	(void)source;
	(void)usec;
	if (!group_has_something(self) || self->open || !group_one_is_ready(self))
		return 0;
	list_for_each_safe(member, safe, &self->members, link) {
		if (!group_is_ready(member))
			leave_behind(member, now);
	}
	group_wake_all(self, NULL);
	return 0;
}

void step_wait_for_others(struct group *self)
{
	if (group_has_something(self) && !self->open && group_one_is_ready(self)
		&& !group_all_ready(self)
		&& group_start_timer(self, &self->grace, GROUP_GRACE_USEC, handle_grace) < 0)
		group_lose(self, NULL);
}

void step_leave_slow_behind(struct group *self)
{
	struct member *member, *safe;
	usec_t now = clock_now();

	list_for_each_safe(member, safe, &self->members, link) {
		if (member->next && self->n_pieces - member->next->number >= GROUP_PIECES_MAX)
			leave_behind(member, now);
	}
}

/* --- coming into step --- */

static bool is_willing(const struct group *self, usec_t now)
{
	const struct member *member;

	list_for_each(member, &self->members, link) {
		if (self->n_members == 1 && now - member->since < member->patience)
			return false;
	}
	return !self->open && !self->lost && group_all_ready(self);
}

static bool same_moves(const struct scene_view *a, const struct scene_view *b)
{
	return a->n_moves == b->n_moves
		&& memcmp(a->moves, b->moves, a->n_moves * sizeof(*a->moves)) == 0;
}

static bool are_close(const struct group *a, const struct group *b)
{
	size_t n = a->view.dirty.n_dirty, m = b->view.dirty.n_dirty;

	return a->decodes == b->decodes && same_moves(&a->view, &b->view)
		&& n <= m + APART_MAX && m <= n + APART_MAX;
}

static void absorb(struct group *self, struct group *other, usec_t now)
{
	struct member *member, *safe;

	region_add_region(&self->view.dirty, &other->view.dirty);
	lossy_add_to(self, &self->view);
	lossy_add_to(other, &self->view);
	list_for_each_safe(member, safe, &other->members, link) {
		group_leave(member);
		group_enter(self, member, now);
	}
	group_destroy(other);
}

void step_gather(struct group *self, usec_t now)
{
	struct group *other, *safe;
	bool grown = false;

	if (!is_willing(self, now))
		return;
	list_for_each_safe(other, safe, &self->groups->list, link) {
		if (other == self || !are_close(self, other) || !is_willing(other, now))
			continue;
		absorb(self, other, now);
		grown = true;
	}
	if (!grown)
		return;
	if (self->encoder)
		encoder_restart(self->encoder);
	/* The newcomers have no part of a sequence that goes on. */
	lossy_stop(self);
	lossy_start(self);
}
