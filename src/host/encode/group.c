/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/group.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/encode/frame.h"
#include "host/encode/group-inside.h"
#include "host/encode/lossy.h"
#include "host/encode/step.h"

#define THREADS_MAX 4
#define STACK_SIZE ((size_t)256 << 10)

/* --- groups --- */

/* One processor is for the main thread. */
static unsigned n_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN) - 1;

	return n < 1 ? 1 : n < THREADS_MAX ? (unsigned)n : THREADS_MAX;
}

void groups_init(struct groups *self, sd_event *event, struct scene *scene, struct video *video,
	const struct encode_impl *impl)
{
	*self = (struct groups){ .event = event, .scene = scene, .video = video, .impl = impl };
	list_init(&self->list);
	if (worker_create(&self->worker, event, n_threads(), STACK_SIZE) < 0)
		self->worker = NULL;
}

void groups_finish(struct groups *self)
{
	worker_destroy(TAKE_PTR(self->worker));
}

struct group *group_create(struct groups *groups, unsigned decodes)
{
	struct group *self = mem_new(struct group);

	if (!self)
		return NULL;
	self->groups = groups;
	self->decodes = decodes;
	list_init(&self->members);
	list_init(&self->pieces);
	if (scene_add_view(groups->scene, &self->view) < 0)
		goto fail;
	if (order_init(&self->order, &self->view.dirty) < 0)
		goto fail_view;
	list_append(&groups->list, &self->link);
	lossy_start(self);
	return self;
fail_view:
	scene_remove_view(&self->view);
fail:
	free(self);
	return NULL;
}

void group_destroy(struct group *self)
{
	struct piece *piece, *safe;

	encoder_destroy(self->encoder);
	frame_drop_coding(self);
	/* Some may still be held by those who have gone to another group. */
	list_for_each_safe(piece, safe, &self->pieces, link) {
		list_remove(&piece->link);
		list_init(&piece->link);
	}
	list_remove(&self->link);
	lossy_stop(self);
	order_finish(&self->order);
	scene_remove_view(&self->view);
	sd_event_source_disable_unref(self->grace);
	sd_event_source_disable_unref(self->rest);
	free(self);
}

void group_enter(struct group *self, struct member *member, usec_t now)
{
	member->group = self;
	member->since = now;
	list_append(&self->members, &member->link);
	self->n_members++;
}

static void drop_pieces(struct member *member)
{
	struct piece *piece = member->next;

	while (piece) {
		struct piece *next = piece_after(&member->group->pieces, piece);

		piece_unref(piece);
		piece = next;
	}
	member->next = NULL;
}

void group_leave(struct member *member)
{
	drop_pieces(member);
	list_remove(&member->link);
	member->group->n_members--;
	member->group = NULL;
}

bool group_is_ready(const struct member *member)
{
	return !member->open && member->events->is_ready(member);
}

bool group_all_ready(const struct group *self)
{
	const struct member *member;

	list_for_each(member, &self->members, link) {
		if (!group_is_ready(member))
			return false;
	}
	return true;
}

bool group_one_is_ready(const struct group *self)
{
	const struct member *member;

	list_for_each(member, &self->members, link) {
		if (group_is_ready(member))
			return true;
	}
	return false;
}

bool group_has_something(const struct group *self)
{
	return !scene_view_is_empty(&self->view)
		|| lossy_is_due(self);
}

static bool is_complete(const struct piece *piece)
{
	return piece && !piece->is_coding;
}

bool member_is_due(const struct member *self)
{
	const struct group *group = self->group;

	if (!group || group->lost || self->must_end || is_complete(self->next))
		return true;
	if (group->open)
		return frame_can_go_on(group);
	return !self->next && !group_scene(group)->is_settling && group_has_something(group)
	       && group_all_ready(group);
}

bool member_is_up_to_date(const struct member *self)
{
	const struct group *group = self->group;

	return group && !self->next && !group->open && scene_view_is_empty(&group->view);
}

void group_wake_all(struct group *self, const struct member *but)
{
	struct member *member;

	list_for_each(member, &self->members, link) {
		if (member != but && member_is_due(member))
			member->events->wake(member);
	}
}

void group_lose(struct group *self, const struct member *but)
{
	self->lost = true;
	group_wake_all(self, but);
}

void group_set_limits(struct group *self, const struct member *member, usec_t now)
{
	size_t frame, piece;

	member->events->get_limits(member, now, &frame, &piece);
	if (!self->frame_max || frame < self->frame_max)
		self->frame_max = frame;
	if (!self->piece_max || piece < self->piece_max)
		self->piece_max = piece;
}

int group_start_timer(struct group *self, sd_event_source **timer, usec_t delay,
	sd_event_time_handler_t handler)
{
	int enabled, r;

	if (!*timer)
		return sd_event_add_time_relative(
			self->groups->event, timer, CLOCK_MONOTONIC, delay, 1, handler, self);
	r = sd_event_source_get_enabled(*timer, &enabled);
	if (r < 0 || enabled != SD_EVENT_OFF)
		return r < 0 ? r : 0;
	r = sd_event_source_set_time_relative(*timer, delay);
	return r < 0 ? r : sd_event_source_set_enabled(*timer, SD_EVENT_ONESHOT);
}

/* --- pieces are taken --- */

/* What ends a frame whose rest is void: an empty stored block, of any deflate stream. */
static void take_end(struct member_piece *ret)
{
	static uint8_t bytes[ENCODE_HEADROOM + 1];
	static const struct stats_work nothing;

	bytes[ENCODE_HEADROOM] = 0x00;
	*ret = (struct member_piece){
		.bytes = bytes + ENCODE_HEADROOM, .n = 1, .work = &nothing
	};
}

static int encode_next(struct member *self)
{
	struct group *group = self->group;
	int r = frame_encode(group);

	if (r < 0) {
		group_lose(group, self);
		return r;
	}
	lossy_offer(group, clock_now());
	step_leave_slow_behind(group);
	/* Otherwise they are when it is complete; until then @self goes on for all. */
	if (is_complete(self->next))
		group_wake_all(group, self);
	return 0;
}

int member_take(struct member *self, struct member_piece *ret)
{
	struct piece *piece;
	int r;

	piece_unref(TAKE_PTR(self->held));
	if (!self->group || self->group->lost)
		return -ENOMEM;
	if (self->must_end) {
		self->must_end = false;
		self->open = false;
		take_end(ret);
		return 0;
	}
	if (!is_complete(self->next)) {
		r = encode_next(self);
		if (r < 0)
			return r;
	}
	if (!is_complete(self->next))
		return -EAGAIN;
	piece = self->held = self->next;
	self->next = piece_after(&self->group->pieces, piece);
	self->open = piece->more;
	*ret = (struct member_piece){
		.bytes = piece->body.block + ENCODE_HEADROOM,
		.n = piece->body.n,
		.cost = piece->body.cost,
		.more = piece->more,
		.codec = piece->codec,
		.key = piece->key,
		.half = piece->half,
		.at = piece->at,
		.work = &piece->work,
	};
	return 0;
}

/* --- beside frames --- */

void member_exclude_films(const struct member *self, struct region *dirty)
{
	if (self->group && self->group->has_video)
		video_viewer_exclude(&self->group->video, dirty);
}

void member_forget(struct member *self, const struct rect *rect)
{
	if (self->group && self->group->encoder)
		encoder_forget(self->group->encoder, rect);
}

/* --- what happens --- */

void member_handle_damage(struct member *self)
{
	struct group *group = self->group;

	if (group)
		lossy_exclude(group);
	if (member_is_due(self))
		self->events->wake(self);
	else
		step_wait_for_others(group);
}

void member_handle_ready(struct member *self)
{
	if (!self->group)
		return;
	lossy_offer(self->group, clock_now());
	group_wake_all(self->group, NULL);
	step_wait_for_others(self->group);
}

int member_handle_resize(struct member *self)
{
	struct group *group = self->group;
	const struct scene *scene;
	int r;

	if (!group || group->lost || group->view.lost)
		return -ENOMEM;
	scene = group_scene(group);
	drop_pieces(self);
	video_picture_unref(TAKE_PTR(group->picture));
	photo_handle_resize(&group->photo);
	group->tiles_done = false;
	self->must_end = self->open && !group->open;
	order_finish(&group->order);
	if (order_init(&group->order, &group->view.dirty) < 0)
		return -ENOMEM;
	if (group->open)
		order_begin(&group->order, &group->view.dirty);
	group->moved_px = 0;
	if (!group->encoder)
		return 0;
	r = encoder_resize(group->encoder, scene->width, scene->height);
	frame_drop_coding(group);
	return r;
}

/* --- life --- */

int member_init(struct member *self, struct groups *groups, unsigned decodes,
	const struct member_events *events)
{
	struct group *group = group_create(groups, decodes);

	if (!group)
		return -ENOMEM;
	*self = (struct member){ .events = events };
	group_enter(group, self, clock_now());
	return 0;
}

void member_finish(struct member *self)
{
	struct group *group = self->group;

	piece_unref(TAKE_PTR(self->held));
	if (!group)
		return;
	group_leave(self);
	if (group->n_members > 0)
		group_wake_all(group, NULL);
	else
		group_destroy(group);
}

unsigned member_n_in_step(const struct member *self)
{
	return self->group ? self->group->n_members : 0;
}
