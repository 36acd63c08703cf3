/* SPDX-License-Identifier: BSD-3-Clause */
/* Viewers in step and out of it, by their pacers; what they are sent is decoded and compared. */
#include <errno.h>

#include "unit/group-fixture.h"

/* All have the whole picture, and one change more: then they are one group. */
static void bring_into_step(struct fixture *f, unsigned n)
{
	struct rect dot = { 0, 0, 1, 1 };

	watch_all(f, n);
	settle(f, n);
	for (unsigned i = 0; i < n; i++)
		f->watchers[i].pacer.member.patience = 0;
	fill(f, &dot, 1);
	settle(f, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(member_n_in_step(&f->watchers[i].pacer.member), n);
		assert_exact(f, &f->watchers[i]);
	}
}

static void wait_until_alone(struct fixture *f, const struct watcher *w)
{
	while (member_n_in_step(&w->pacer.member) > 1)
		run(f);
}

static struct rect box_at(int i)
{
	return rect_sized(i % 10 * 80, i / 10 % 3 * 90, 20, 20);
}

/* --- in step --- */

static void test_viewers_in_step_are_sent_the_same_bytes(void **state) /* LOD-02 */
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];

	fill_all(f, 40);
	bring_into_step(f, 2);
	for (int i = 0; i < 20; i++) {
		struct rect box = box_at(i);

		fill(f, &box, 4);
		assert_true(take(f, a));
		assert_true(take(f, b));
		assert_ptr_equal(a->body, b->body); /* not only equal */
		assert_false(a->more);
		ack(a);
		ack(b);
		assert_exact(f, a);
		assert_exact(f, b);
	}
}

static void test_who_has_taken_all_is_up_to_date_until_something_changes(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(0);

	bring_into_step(f, 2);
	assert_true(member_is_up_to_date(&a->pacer.member));
	fill(f, &box, 4);
	assert_false(member_is_up_to_date(&a->pacer.member));
	assert_true(take(f, a));
	assert_true(member_is_up_to_date(&a->pacer.member));
	assert_false(member_is_up_to_date(&b->pacer.member)); /* encoded, and not taken */
	assert_true(take(f, b));
	assert_true(member_is_up_to_date(&b->pacer.member));
	fill_all(f, 300); /* many pieces */
	ack(a);
	ack(b);
	assert_true(take(f, a));
	assert_true(a->more);
	assert_false(member_is_up_to_date(&a->pacer.member));
	settle(f, 2);
	assert_true(member_is_up_to_date(&a->pacer.member));
}

static void test_no_frame_begins_while_the_scene_settles(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect box = box_at(7);

	watch_all(f, 1);
	settle(f, 1);
	f->scene.is_settling = true;
	fill(f, &box, 4);
	assert_false(take(f, w));
	f->scene.is_settling = false;
	tell_damage(f);
	fill_all(f, 300); /* many pieces */
	assert_true(take(f, w));
	f->scene.is_settling = true;
	while (w->more) /* one that is open goes on */
		assert_true(take(f, w));
	ack(w);
	f->scene.is_settling = false;
	settle(f, 1);
	assert_exact(f, w);
}

static void test_viewers_who_decode_other_things_are_apart(void **state)
{
	struct fixture *f = *state;
	struct rect box = box_at(3);

	watch(f, &f->watchers[0], 1 << STREAM_JPEG);
	watch(f, &f->watchers[1], 1 << STREAM_VP9);
	f->n_watchers = 2;
	settle(f, 2);
	fill(f, &box, 4);
	settle(f, 2);
	assert_int_equal(member_n_in_step(&f->watchers[0].pacer.member), 1);
	assert_int_equal(member_n_in_step(&f->watchers[1].pacer.member), 1);
	assert_exact(f, &f->watchers[1]);
}

/* --- out of step --- */

static void test_who_is_not_ready_is_left_behind_after_a_moment(void **state) /* LOD-01 */
{
	struct fixture *f = *state;
	struct watcher *fast = &f->watchers[0], *slow = &f->watchers[1];

	fill_all(f, 40);
	bring_into_step(f, 3);
	for (int i = 0; i < 30; i++) {
		struct rect box = box_at(i);

		fill(f, &box, 4);
		if (i == 1) { /* two are ready, one is not */
			assert_false(pacer_is_due(&fast->pacer));
			assert_true(f->watchers[2].pacer.acked == f->watchers[2].seq);
			wait_until_alone(f, slow);
			assert_int_equal(member_n_in_step(&fast->pacer.member), 2);
			assert_int_equal(member_n_in_step(&slow->pacer.member), 1);
		}
		assert_true(take(f, fast));
		assert_true(take(f, &f->watchers[2]));
		if (i == 0)
			assert_true(take(f, slow));
		assert_false(take(f, slow));
		ack(fast);
		ack(&f->watchers[2]);
		assert_exact(f, fast);
	}
	/* One frame brings him the newest state. */
	ack(slow);
	assert_true(take(f, slow));
	assert_false(slow->more);
	assert_exact(f, slow);
}

static void test_who_is_ready_in_time_stays(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(5);

	bring_into_step(f, 2);
	fill(f, &box, 4);
	assert_true(take(f, a));
	assert_true(take(f, b));
	ack(a);
	fill(f, &box, 4);
	assert_false(take(f, a)); /* it waits for b */
	a->woken = false;
	ack(b);
	assert_true(a->woken);
	assert_true(take(f, a));
	assert_true(take(f, b));
	assert_ptr_equal(a->body, b->body);
	/* And the time limit is off: nobody is left behind. */
	fill(f, &box, 4);
	sd_event_run(f->event, 3 * GROUP_GRACE_USEC);
	assert_int_equal(member_n_in_step(&a->pacer.member), 2);
}

static void test_who_comes_into_step_again_shares_again(void **state)
{
	struct fixture *f = *state;
	struct watcher *fast = &f->watchers[0], *slow = &f->watchers[1];
	struct rect box = box_at(7);

	fill_all(f, 40);
	bring_into_step(f, 2);
	fill(f, &box, 4);
	assert_true(take(f, fast));
	assert_true(take(f, slow));
	ack(fast);
	fill(f, &box, 4);
	wait_until_alone(f, slow);
	assert_int_equal(slow->pacer.member.patience, GROUP_PATIENCE_USEC);
	settle(f, 2);
	fill(f, &box, 4); /* too early */
	settle(f, 2);
	assert_int_equal(member_n_in_step(&slow->pacer.member), 1);
	bring_into_step(f, 2); /* as if time had passed */
	fill(f, &box, 4);
	assert_true(take(f, fast));
	assert_true(take(f, slow));
	assert_ptr_equal(fast->body, slow->body);
	settle(f, 2);
	assert_exact(f, fast);
	assert_exact(f, slow);
}

static void test_patience_is_doubled_up_to_a_limit(void **state)
{
	struct fixture *f = *state;
	struct watcher *fast = &f->watchers[0], *slow = &f->watchers[1];
	struct rect box = box_at(7);
	usec_t patience = 0;

	bring_into_step(f, 2);
	for (int i = 0; i < 9; i++) {
		fill(f, &box, 4);
		assert_true(take(f, fast));
		assert_true(take(f, slow));
		ack(fast);
		fill(f, &box, 4);
		slow->pacer.member.patience = patience;
		wait_until_alone(f, slow);
		patience = slow->pacer.member.patience;
		assert_int_equal(patience,
			i < 6 ? GROUP_PATIENCE_USEC << i : GROUP_PATIENCE_MAX_USEC);
		settle(f, 2);
		bring_into_step(f, 2);
	}
}

static void test_late_joiner_gets_all_and_the_others_nothing_of_it(void **state)
{
	struct fixture *f = *state;
	struct watcher *late = &f->watchers[2];
	struct rect box = box_at(4);
	size_t n;

	fill_all(f, 200);
	bring_into_step(f, 2);
	watch_all(f, 3);
	fill(f, &box, 4);
	assert_true(take(f, &f->watchers[0]));
	n = f->watchers[0].n_body;
	assert_true(n < 500);
	assert_true(take(f, late));
	assert_true(late->n_body > 20 * n);
	settle(f, 3);
	assert_exact(f, late);
	bring_into_step(f, 3);
}

/* --- frames in pieces --- */

static void test_members_take_the_pieces_of_a_frame_at_their_own_pace(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	unsigned n_pieces = 0;

	bring_into_step(f, 2);
	fill_all(f, 300);
	do {
		assert_true(take(f, a));
		if (++n_pieces == 4) {
			assert_true(take(f, b));
			assert_true(take(f, b));
		}
	} while (a->more);
	assert_true(n_pieces > 4 && n_pieces < GROUP_PIECES_MAX);
	ack(a);
	while (take(f, b))
		;
	assert_int_equal(member_n_in_step(&b->pacer.member), 2);
	assert_exact(f, a);
	assert_exact(f, b);
	ack(b);
}

static void test_who_is_many_pieces_behind_goes_on_alone(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];

	resize(f, 1900, 900);
	bring_into_step(f, 2);
	fill_all(f, 300);
	assert_true(take(f, b));
	while (take(f, a))
		;
	assert_int_equal(member_n_in_step(&b->pacer.member), 1);
	assert_true(b->more);
	ack(a);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);
}

static void test_leaving_in_the_middle_of_a_frame_is_nobodys_business(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];

	bring_into_step(f, 3);
	fill_all(f, 300);
	assert_true(take(f, a));
	assert_true(take(f, b));
	assert_true(take(f, &f->watchers[2]));
	assert_true(take(f, &f->watchers[2]));
	unwatch(&f->watchers[2]);
	f->n_watchers = 2;
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);
	assert_int_equal(member_n_in_step(&a->pacer.member), 2);
}

/* Some have the whole frame, some a part of it: each is told of its end exactly once. */
static void test_new_screen_between_the_pieces(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(2);

	bring_into_step(f, 2);
	fill_all(f, 300);
	while (take(f, a))
		;
	assert_false(a->more);
	assert_true(take(f, b));
	assert_true(b->more);
	resize(f, 333, 222);
	assert_true(take(f, b));
	assert_false(b->more);
	assert_false(take(f, b));
	fill(f, &box, 9);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);

	/* And when nobody has all of it. */
	resize(f, WIDTH, HEIGHT);
	fill_all(f, 300);
	assert_true(take(f, a));
	resize(f, 0, 0);
	settle(f, 2);
	assert_false(a->more);
	assert_false(b->more);
	resize(f, 64, 64);
	fill_all(f, 3);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);
}

static size_t produce(struct fixture *f, struct watcher *w)
{
	struct member_piece piece;
	int r;

	do {
		while (!pacer_is_due(&w->pacer))
			run(f);
		r = pacer_produce(&w->pacer, &piece);
	} while (r == -EAGAIN);
	assert_int_equal(r, 0);
	w->more = piece.more;
	w->seq = w->pacer.seq;
	return piece.n;
}

/* Not decoded: that would take a gigabyte. The scene's own is never written to, so not there. */
static void test_the_largest_screen_comes_in_pieces_and_the_smallest_in_one(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect corner = { 16383, 16383, 16384, 16384 }, dot = { 0, 0, 1, 1 };
	unsigned n_pieces = 0;

	watch_all(f, 1);
	assert_int_equal(scene_resize(&f->scene, 16384, 16384), 0);
	assert_int_equal(pacer_handle_resize(&w->pacer), 0);
	region_add_all(&list_first(&f->scene.views, struct scene_view, link)->dirty);
	do {
		produce(f, w);
		n_pieces++;
	} while (w->more);
	assert_in_range(n_pieces, 2, 1100); /* of 64 tiles */
	ack(w);
	fill(f, &corner, 1);
	assert_true(produce(f, w) < 60);
	assert_false(w->more);
	ack(w);
	resize(f, 1, 1);
	fill(f, &dot, 1);
	settle(f, 1);
	assert_exact(f, w);
}

/* Text: of few bytes, but it takes time to look at it all. */
static void test_no_piece_keeps_the_others_waiting_for_long(void **state) /* LOD-04 */
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	unsigned n_pieces = 0;

	resize(f, 1920, 1080);
	bring_into_step(f, 1);
	fill_all(f, 2);
	while (take(f, w))
		n_pieces++;
	assert_in_range(n_pieces, 8, 16);
	assert_exact(f, w);
}

/* --- pieces that are being compressed --- */

/* As long as something can be made for @w: one piece is with a thread, and one waits. */
static void make_all_that_can_be(struct fixture *f, struct watcher *w)
{
	unsigned n_made = 0;

	while (pacer_is_due(&w->pacer)) {
		assert_false(try_take(f, w));
		n_made++;
	}
	assert_int_equal(n_made, 2);
}

static void test_while_a_piece_is_compressed_only_one_more_is_made(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect box = box_at(5), last = rect_sized(WIDTH - 10, HEIGHT - 10, 10, 10);

	bring_into_step(f, 1);
	fill_all(f, 300);
	hold(f);
	make_all_that_can_be(f, w);
	assert_false(member_is_up_to_date(&w->pacer.member));
	/* What is not made yet is of the newest state; what is, is dirty again. */
	fill(f, &box, 4);
	fill(f, &last, 4);
	w->woken = false;
	let_go(f);
	while (!w->woken)
		run(f);
	settle(f, 1);
	assert_exact(f, w);
}

/* Input, small changes, other viewers: all go on. */
static void test_who_is_apart_does_not_wait_for_what_is_compressed(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(5);

	watch(f, a, 1 << STREAM_JPEG);
	watch(f, b, 1 << STREAM_VP9);
	f->n_watchers = 2;
	settle(f, 2);
	fill_all(f, 300);
	while (take(f, b))
		;
	ack(b);
	hold(f);
	make_all_that_can_be(f, a);
	fill(f, &box, 4);
	assert_true(try_take(f, b));
	assert_false(b->more);
	assert_exact(f, b);
	ack(b);
	let_go(f);
	settle(f, 2);
	assert_exact(f, a);
}

static void test_all_may_leave_while_a_piece_is_compressed(void **state)
{
	struct fixture *f = *state;

	bring_into_step(f, 3);
	fill_all(f, 300);
	hold(f);
	make_all_that_can_be(f, &f->watchers[0]);
	unwatch(&f->watchers[2]);
	f->n_watchers = 2;
	assert_false(pacer_is_due(&f->watchers[1].pacer));
	unwatch(&f->watchers[1]);
	unwatch(&f->watchers[0]);
	f->n_watchers = 0;
	assert_true(list_empty(&f->groups.list));
	/* And one after them does not hear of it. */
	watch_all(f, 1);
	let_go(f);
	settle(f, 1);
	assert_exact(f, &f->watchers[0]);
}

static void test_those_who_stay_have_what_was_compressed(void **state)
{
	struct fixture *f = *state;

	bring_into_step(f, 3);
	fill_all(f, 300);
	hold(f);
	make_all_that_can_be(f, &f->watchers[2]); /* who goes on for all, and leaves */
	unwatch(&f->watchers[2]);
	f->n_watchers = 2;
	let_go(f);
	settle(f, 2);
	assert_exact(f, &f->watchers[0]);
	assert_exact(f, &f->watchers[1]);
	assert_int_equal(member_n_in_step(&f->watchers[0].pacer.member), 2);
}

static void test_who_is_left_behind_gets_what_was_being_compressed(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];

	resize(f, 1900, 900);
	bring_into_step(f, 2);
	fill_all(f, 300);
	assert_true(take(f, b));
	for (unsigned i = 0; i + 1 < GROUP_PIECES_MAX; i++)
		assert_true(take(f, a));
	while (worker_is_busy(f->groups.worker))
		run(f);
	hold(f);
	while (member_n_in_step(&b->pacer.member) > 1) {
		assert_true(pacer_is_due(&a->pacer));
		try_take(f, a);
	}
	assert_true(b->more);
	let_go(f);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);
}

/* What was begun before is void, and what comes after it refers to nothing of it. */
static void test_new_screen_while_a_piece_is_compressed(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(0);

	for (unsigned i = 0; i < 6; i++) {
		bring_into_step(f, 2);
		fill_all(f, 300);
		if (i % 3 == 1)
			assert_true(take(f, b));
		hold(f);
		while (pacer_is_due(&a->pacer) && a->woken)
			try_take(f, a);
		resize(f, 400 + 100 * i % 300, 222);
		fill(f, &box, 9);
		for (unsigned k = 0; k < 4; k++) {
			try_take(f, i % 2 ? a : b);
			if (i % 2 && can_ack(a))
				ack(a);
		}
		let_go(f);
		fill(f, &box, 7);
		settle(f, 2);
		assert_exact(f, a);
		assert_exact(f, b);
		resize(f, WIDTH, HEIGHT);
		fill_all(f, 30);
		settle(f, 2);
	}
}

/* A newcomer joins where the thread still has the stream, with what is void of it. */
static void test_coming_into_step_while_what_is_void_is_compressed(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(0), two_pieces = { 0, 0, WIDTH, 80 };

	watch_all(f, 2);
	a->pacer.member.patience = b->pacer.member.patience = GROUP_PATIENCE_MAX_USEC;
	settle(f, 2);
	assert_int_equal(member_n_in_step(&a->pacer.member), 1);
	fill(f, &two_pieces, 300);
	while (take(f, b))
		;
	ack(b);
	hold(f);
	make_all_that_can_be(f, a);
	resize(f, 300, 200);
	assert_true(try_take(f, a)); /* the frame's end */
	assert_false(a->more);
	ack(a);
	a->pacer.member.patience = b->pacer.member.patience = 0;
	fill(f, &box, 9);
	assert_false(try_take(f, a)); /* it waits for the thread */
	assert_int_equal(member_n_in_step(&a->pacer.member), 2);
	assert_false(try_take(f, b));
	let_go(f);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);
}

/* An encoder whose thread is done when the test says so, and how. */
static struct {
	struct encode_impl impl;
	encode_done_fn done;
	void *data;
	struct encode_body *body; /* NULL: nothing is under way */
} slow;

static struct encoder *slow_create(struct worker *worker, encode_done_fn done, void *data)
{
	struct encoder *self = encode_fake.create(worker, done, data);

	assert_non_null(self);
	self->impl = &slow.impl;
	slow.done = done;
	slow.data = data;
	return self;
}

static int slow_take(struct encoder *self, struct encode_body *ret)
{
	(void)self;
	assert_null(slow.body);
	slow.body = ret;
	return -EINPROGRESS;
}

static bool slow_is_busy(const struct encoder *self)
{
	(void)self;
	return slow.body;
}

static bool slow_has_room(const struct encoder *self)
{
	(void)self;
	return !slow.body;
}

static void test_without_memory_in_a_thread_all_its_viewers_must_go(void **state)
{
	struct fixture *f = *state;
	struct member_piece piece;

	slow.impl = encode_fake;
	slow.impl.create = slow_create;
	slow.impl.take = slow_take;
	slow.impl.is_busy = slow_is_busy;
	slow.impl.has_room = slow_has_room;
	f->groups.impl = &slow.impl;
	watch_all(f, 2);
	assert_false(try_take(f, &f->watchers[0]));
	assert_non_null(slow.body);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(member_n_in_step(&f->watchers[i].pacer.member), 2);
		assert_false(pacer_is_due(&f->watchers[i].pacer));
		f->watchers[i].woken = false;
	}
	slow.done(slow.data, TAKE_PTR(slow.body), -ENOMEM);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(f->watchers[i].woken);
		assert_int_equal(pacer_produce(&f->watchers[i].pacer, &piece), -ENOMEM);
	}
}

static void test_without_threads_all_is_compressed_at_once(void **state)
{
	struct fixture *f = *state;

	groups_finish(&f->groups);
	/* No machine has so much for a stack. */
	assert_int_equal(worker_create(&f->groups.worker, f->event, 2, (size_t)1 << 46), 0);
	bring_into_step(f, 2);
	fill_all(f, 300);
	for (unsigned i = 0; i < 2; i++) {
		while (try_take(f, &f->watchers[i]))
			;
		assert_false(f->watchers[i].more);
		assert_exact(f, &f->watchers[i]);
	}
}

/* --- moves --- */

static void test_moves_go_before_tiles_and_cost_little(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0];
	struct rect line = { 0, HEIGHT - 20, WIDTH, HEIGHT };

	fill_all(f, 200);
	bring_into_step(f, 2);
	for (int i = 0; i < 10; i++) {
		move(f, 0, 0, WIDTH, HEIGHT - 20, 0, -20);
		fill(f, &line, 2);
		assert_true(take(f, a));
		assert_false(a->more);
		assert_true(a->n_body < 2500 + 500); /* one line of noise in two colours */
		settle(f, 2);
		assert_exact(f, a);
		assert_exact(f, &f->watchers[1]);
	}
	move(f, 0, 0, WIDTH, HEIGHT - 20, 0, 0); /* nothing, but a move */
	assert_true(take(f, a));
	assert_true(a->n_body < 30);
}

/* A page holds a server to four screens a seq. */
static void test_more_moves_than_a_frame_may_have_become_tiles(void **state)
{
	struct fixture *f = *state;

	fill_all(f, 200);
	bring_into_step(f, 2);
	for (int i = 0; i < SCENE_MOVES_MAX; i++)
		move(f, 0, i % 2, WIDTH, HEIGHT - 1, 0, i % 2 ? 1 : -1);
	assert_true(take(f, &f->watchers[0])); /* which looks at what is filled */
	settle(f, 2);
	assert_exact(f, &f->watchers[0]);
	assert_exact(f, &f->watchers[1]);
}

static void test_moves_in_the_middle_of_a_frame(void **state)
{
	struct fixture *f = *state;

	bring_into_step(f, 2);
	for (int i = 0; i < 20; i++) {
		fill_all(f, 300);
		for (int k = 0; k < 4; k++) {
			take(f, &f->watchers[k % 3 == 0]);
			move(f, 5 + 10 * k, 3 + 3 * i, 500, 200, 5, i % 3 * 3 - 3);
		}
		settle(f, 2);
		assert_exact(f, &f->watchers[0]);
		assert_exact(f, &f->watchers[1]);
	}
}

/* A menu over what was just scrolled there: at rest it is known what that looks like. */
static void test_at_rest_what_has_moved_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0];
	struct rect menu = { 64, 0, 320, 256 };
	uint32_t *before = xalloc(WIDTH * HEIGHT, sizeof(*before));
	size_t first;

	fill_all(f, 100);
	bring_into_step(f, 2);
	move(f, 0, 1, WIDTH, HEIGHT - 20, 0, 1);
	settle(f, 2);
	memcpy(before, f->scene.pixels, sizeof(*before) * WIDTH * HEIGHT);
	while (sd_event_run(f->event, 2 * ENCODE_REST_USEC) > 0)
		;
	fill(f, &menu, 100);
	assert_true(take(f, a));
	first = a->n_body;
	settle(f, 2);
	scene_update(&f->scene, &menu, before + 64, WIDTH);
	tell_damage(f);
	assert_true(take(f, a));
	assert_true(20 * a->n_body < first);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, &f->watchers[1]);
	free(before);
}

/* --- everything at once --- */

static void test_all_see_the_screen_after_any_order_of_events(void **state)
{
	struct fixture *f = *state;

	watch_all(f, N_WATCHERS);
	for (unsigned turn = 0; turn < 40; turn++) {
		for (unsigned i = 0; i < 100; i++)
			do_something(f, i);
		let_go(f);
		settle(f, N_WATCHERS);
		for (unsigned i = 0; i < N_WATCHERS; i++)
			assert_exact(f, &f->watchers[i]);
	}
}

/* --- acknowledgements --- */

static void test_acks_of_what_was_not_sent_or_twice_are_nonsense(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct pacer *pacer = &w->pacer;

	watch_all(f, 1);
	assert_int_equal(pacer_ack(pacer, 0, 0), -EBADMSG);
	assert_int_equal(pacer_ack(pacer, 1, 0), -EBADMSG);
	fill_all(f, 300);
	assert_true(take(f, w));
	assert_true(w->more);
	assert_true(pacer->waits_since > 0);
	assert_int_equal(pacer_ack(pacer, 1, 0), -EBADMSG); /* not in full */
	while (take(f, w))
		;
	assert_int_equal(pacer_ack(pacer, 2, 0), -EBADMSG);
	assert_int_equal(pacer_ack(pacer, UINT32_MAX, 0), -EBADMSG);
	assert_int_equal(pacer_ack(pacer, 0, 0), -EBADMSG);
	ack(w);
	assert_int_equal(pacer->waits_since, 0);
	assert_int_equal(pacer_ack(pacer, 1, 0), -EBADMSG);
	/* Numbers begin anew some day. */
	pacer->seq = pacer->acked = w->seq = UINT32_MAX;
	fill_all(f, 2);
	while (take(f, w))
		;
	assert_int_equal(w->seq, 0);
	assert_int_equal(pacer_ack(pacer, UINT32_MAX, 0), -EBADMSG);
	ack(w);
}

/* One frame, as over a link of 100 kB/s and 20 ms. */
static size_t take_frame_slowly(struct fixture *f, struct watcher *w)
{
	size_t n = 0;

	w->pacer.meter.rate = 100 * 1000;
	w->pacer.meter.rtt_min = 20 * USEC_PER_MSEC;
	do {
		assert_true(take(f, w));
		n += w->n_body;
	} while (w->more);
	ack(w);
	return n;
}

/* NET-01: what is left waits for the next one, and an echo does not wait for that. */
static void test_over_a_slow_link_frames_are_small_and_what_is_new_goes_first(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect key = rect_sized(880, 280, 10, 10);
	size_t at = (size_t)285 * WIDTH + 885;

	bring_into_step(f, 1);
	fill_all(f, 300);
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(take_frame_slowly(f, w), 1, 100 * 1000 / 25 + 64 * 64 * 3);
	/* Its tile has waited as all have: once that was sent, it is the first. */
	while (w->picture.pixels[at] != (f->scene.pixels[at] & COLOUR))
		take_frame_slowly(f, w);
	for (unsigned i = 0; i < 3; i++) {
		struct rect film = { 0, 0, 800, 300 };

		fill(f, &film, 300);
		take_frame_slowly(f, w);
		take_frame_slowly(f, w);
		fill(f, &key, 1);
		take_frame_slowly(f, w);
		take_frame_slowly(f, w);
		assert_int_equal(w->picture.pixels[at], f->scene.pixels[at] & COLOUR);
		assert_true(memcmp(w->picture.pixels, f->scene.pixels, WIDTH * 64 * 4) != 0);
	}
	settle(f, 1);
	assert_exact(f, w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(viewers_in_step_are_sent_the_same_bytes),
		TEST(who_has_taken_all_is_up_to_date_until_something_changes),
		TEST(no_frame_begins_while_the_scene_settles),
		TEST(viewers_who_decode_other_things_are_apart),
		TEST(who_is_not_ready_is_left_behind_after_a_moment),
		TEST(who_is_ready_in_time_stays),
		TEST(who_comes_into_step_again_shares_again),
		TEST(patience_is_doubled_up_to_a_limit),
		TEST(late_joiner_gets_all_and_the_others_nothing_of_it),
		TEST(members_take_the_pieces_of_a_frame_at_their_own_pace),
		TEST(who_is_many_pieces_behind_goes_on_alone),
		TEST(leaving_in_the_middle_of_a_frame_is_nobodys_business),
		TEST(new_screen_between_the_pieces),
		TEST(the_largest_screen_comes_in_pieces_and_the_smallest_in_one),
		TEST(no_piece_keeps_the_others_waiting_for_long),
		TEST(while_a_piece_is_compressed_only_one_more_is_made),
		TEST(who_is_apart_does_not_wait_for_what_is_compressed),
		TEST(all_may_leave_while_a_piece_is_compressed),
		TEST(those_who_stay_have_what_was_compressed),
		TEST(who_is_left_behind_gets_what_was_being_compressed),
		TEST(new_screen_while_a_piece_is_compressed),
		TEST(coming_into_step_while_what_is_void_is_compressed),
		TEST(without_memory_in_a_thread_all_its_viewers_must_go),
		TEST(without_threads_all_is_compressed_at_once),
		TEST(moves_go_before_tiles_and_cost_little),
		TEST(more_moves_than_a_frame_may_have_become_tiles),
		TEST(moves_in_the_middle_of_a_frame),
		TEST(at_rest_what_has_moved_is_remembered),
		TEST(all_see_the_screen_after_any_order_of_events),
		TEST(over_a_slow_link_frames_are_small_and_what_is_new_goes_first),
		TEST(acks_of_what_was_not_sent_or_twice_are_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
