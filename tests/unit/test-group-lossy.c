/* SPDX-License-Identifier: BSD-3-Clause */
/* Films and photos for viewers in step and out of it: at rest all is exact. */
#include "unit/group-fixture.h"

static int setup_with(void **state, const struct codec_impl *const *codecs)
{
	struct fixture *f;

	setup(state);
	f = *state;
	assert_int_equal(video_create(&f->video, &f->scene, f->event, codecs), 0);
	f->groups.video = f->video;
	return 0;
}

static int setup_with_films(void **state)
{
	static const struct codec_impl *const codecs[] = { &codec_fake, NULL };

	return setup_with(state, codecs);
}

/* Photos alone: what keeps changing goes as JPEG as well, but no test of these lasts so long. */
static int setup_with_photos(void **state)
{
	static const struct codec_impl *const codecs[] = { &codec_jpeg, NULL };

	return setup_with(state, codecs);
}

#define HANGS (60 * USEC_PER_SEC)

static bool all_are_exact(const struct fixture *f)
{
	for (unsigned i = 0; i < f->n_watchers; i++) {
		if (!is_exact(f, &f->watchers[i]))
			return false;
	}
	return true;
}

/* --- films --- */

static const struct rect screen_of_film = { 70, 70, 330, 260 };

static void look(struct fixture *f)
{
	video_look(f->video, clock_now());
	tell_damage(f);
}

/* A film, and windows that are moved over it, out of it and elsewhere. */
static void play(struct fixture *f)
{
	struct scene_move move = { .to = rect_sized(random_below(&f->random, WIDTH - 100),
					   random_below(&f->random, HEIGHT - 60), 100, 60) };
	struct rect from = rect_sized(random_below(&f->random, WIDTH - 100),
		random_below(&f->random, HEIGHT - 60), 100, 60);

	fill(f, &screen_of_film, 200);
	if (random_below(&f->random, 3) == 0) {
		move.dx = move.to.left - from.left;
		move.dy = move.to.top - from.top;
		scene_move(&f->scene, &move);
	}
	look(f);
}

/* Some take and acknowledge what there is, and some do not. */
static void attend(struct fixture *f)
{
	for (unsigned i = 0; i < f->n_watchers; i++) {
		struct watcher *w = &f->watchers[i];

		if (random_below(&f->random, 4) == 0)
			continue;
		take(f, w);
		if (can_ack(w) && random_below(&f->random, 3) > 0)
			ack(w);
	}
}

/* Before the film and after it: what was remembered of this is wrong meanwhile. */
static void show_still(struct fixture *f)
{
	struct random random = f->random;

	f->random.state = 7;
	fill(f, &screen_of_film, 30);
	f->random = random;
	look(f);
}

static bool come_to_be_exact(struct fixture *f)
{
	settle(f, f->n_watchers);
	return all_are_exact(f);
}

static unsigned pictures_seen(const struct fixture *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_WATCHERS; i++)
		n += f->watchers[i].n_pictures;
	return n;
}

/* However slow the machine is: a film lasts until enough of it was seen. */
static void test_after_a_film_with_moves_all_is_exact(void **state)
{
	struct fixture *f = *state;
	usec_t end, limit;

	for (unsigned i = 0; i < N_WATCHERS; i++)
		watch(f, &f->watchers[i], i < 4 ? 1U << CODEC_VP9 : 0);
	f->n_watchers = N_WATCHERS;
	fill_all(f, 200);
	for (int film = 0; film < 2; film++) {
		show_still(f);
		settle(f, N_WATCHERS);
		end = clock_now() + 1500 * USEC_PER_MSEC;
		limit = clock_now() + HANGS;
		while (clock_now() < end || pictures_seen(f) < 10 * (film + 1U)) {
			assert_true(clock_now() < limit);
			play(f);
			attend(f);
			assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
		}
		show_still(f);
		limit = clock_now() + HANGS;
		while (!come_to_be_exact(f)) {
			assert_true(clock_now() < limit);
			assert_true(sd_event_run(f->event, 50 * USEC_PER_MSEC) >= 0);
		}
	}
	assert_true(f->watchers[0].n_pictures > 0);
	assert_int_equal(f->watchers[4].n_pictures, 0);
}

static bool film_goes_on(const struct fixture *f)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (!rect_is_empty(&f->video->busy.regions[i].rect))
			return true;
	}
	return false;
}

/* Its tiles go in the frame whose picture is still to come, and would undo them. */
static void test_a_film_that_ends_before_its_last_picture_has_gone_is_exact(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect beside = { 400, 0, WIDTH, HEIGHT };
	usec_t limit = clock_now() + HANGS;

	watch(f, w, 1U << CODEC_VP9);
	f->n_watchers = 1;
	fill_all(f, 200);
	settle(f, 1);
	while (!video_viewer_is_due(&w->pacer.member.group->video)) {
		assert_true(clock_now() < limit);
		fill(f, &screen_of_film, 200);
		look(f);
		assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
	}
	fill(f, &beside, 300);
	assert_true(take(f, w));
	assert_true(w->more);
	assert_non_null(w->pacer.member.group->picture);
	while (film_goes_on(f)) {
		assert_true(clock_now() < limit);
		look(f);
		assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
	}
	settle(f, 1);
	assert_true(w->n_pictures > 0);
	assert_exact(f, w);
}

/* --- photos --- */

#define JPEG (1U << STREAM_JPEG)

/* Of the links, in bytes a second; what ACKs say here is nothing to go by. */
static size_t link_rate;

static size_t get_link_rate(const struct member *member)
{
	(void)member;
	return link_rate;
}

static void get_link_limits(
	const struct member *member, usec_t now, size_t *ret_frame, size_t *ret_piece)
{
	(void)member;
	(void)now;
	*ret_frame = link_rate / 25;
	*ret_piece = link_rate / 50;
}

static void watch_photo(struct fixture *f, struct watcher *w)
{
	static struct member_events events;

	watch(f, w, JPEG);
	events = *w->pacer.member.events;
	events.get_rate = get_link_rate;
	events.get_limits = get_link_limits;
	w->pacer.member.events = &events;
}

static void watch_photos(struct fixture *f, unsigned n, size_t rate)
{
	link_rate = rate;
	for (; f->n_watchers < n; f->n_watchers++)
		watch_photo(f, &f->watchers[f->n_watchers]);
}

static unsigned n_spoilt(const struct watcher *w)
{
	size_t n = (size_t)w->picture.width * w->picture.height;
	unsigned n_spoilt = 0;

	for (size_t i = 0; i < n; i++)
		n_spoilt += w->picture.pixels[i] == SPOILT;
	return n_spoilt;
}

/* One message for each who has one; then what time brings. */
static void step(struct fixture *f)
{
	for (unsigned i = 0; i < f->n_watchers; i++) {
		if (f->hold.worker)
			try_take(f, &f->watchers[i]);
		else
			take(f, &f->watchers[i]);
		if (can_ack(&f->watchers[i]))
			ack(&f->watchers[i]);
	}
	assert_true(sd_event_run(f->event, 0) >= 0);
}

/* Until all see what the scene has. */
static void come_to_rest(struct fixture *f)
{
	usec_t limit = clock_now() + HANGS;

	while (!all_are_exact(f)) {
		assert_true(clock_now() < limit);
		step(f);
	}
}

static void await_pictures(struct fixture *f, unsigned n)
{
	usec_t limit = clock_now() + HANGS;

	while (f->watchers[0].n_pictures < n) {
		assert_true(clock_now() < limit);
		step(f);
	}
}

static void test_over_a_slow_link_photos_come_as_pictures_and_become_exact(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0];

	fill_all(f, 10);
	watch_photos(f, 2, 500 * 1000);
	come_to_rest(f);
	assert_int_equal(a->n_pictures, 0); /* this was none */
	fill_all(f, 300);
	await_pictures(f, 3);
	assert_true(n_spoilt(a) > 64 * 64);
	come_to_rest(f);
	assert_true(f->watchers[1].n_pictures > 3);
	/* And nothing is due any more, however long it rests. */
	while (sd_event_run(f->event, 2 * ENCODE_REST_USEC) > 0)
		step(f);
	assert_false(pacer_is_due(&a->pacer));
	assert_true(is_exact(f, a));
}

static void test_over_a_fast_link_no_picture_ever_comes(void **state)
{
	struct fixture *f = *state;

	watch_photos(f, 2, 100 * 1000 * 1000);
	for (int i = 0; i < 3; i++) {
		fill_all(f, 300);
		come_to_rest(f);
	}
	assert_int_equal(f->watchers[0].n_pictures, 0);
	assert_int_equal(f->watchers[1].n_pictures, 0);
}

/* NET-01: so does what is typed into a photo that goes on becoming exact. */
static void test_an_echo_finds_its_way_through_a_photo(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect key = rect_sized(880, 280, 10, 10);
	size_t at = (size_t)285 * WIDTH + 885;
	usec_t limit = clock_now() + HANGS;

	watch_photos(f, 1, 500 * 1000);
	come_to_rest(f);
	fill_all(f, 300);
	await_pictures(f, 2);
	for (int i = 0; i < 20; i++) {
		uint32_t seq = w->seq;

		fill(f, &key, 1);
		while (w->more || w->seq - seq < 3) {
			assert_true(clock_now() < limit);
			if (w->picture.pixels[at] == (f->scene.pixels[at] & COLOUR))
				break;
			step(f);
		}
		/* Where its tile is just being coded it has to wait for that. */
		if (!photo_is_coding(&w->pacer.member.group->photo, &key))
			assert_int_equal(
				w->picture.pixels[at], f->scene.pixels[at] & COLOUR);
		step(f);
	}
	come_to_rest(f);
}

/* Takes and acknowledges all that comes of one step of a drag; returns its bytes. */
static size_t drag_on(struct fixture *f, int x)
{
	struct watcher *w = &f->watchers[0];
	size_t n = 0;

	move(f, x, 0, 400, 200, 4, 0);
	while (take(f, w)) {
		n += w->n_body;
		if (can_ack(w))
			ack(w);
	}
	return n;
}

/* It has come as pictures, and is not exact yet: that it moves is all that is sent. */
static void test_a_photo_that_is_dragged_goes_as_moves(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	const struct photo *photo;
	struct rect window = { 0, 0, 400, 200 };
	usec_t limit = clock_now() + HANGS;
	unsigned n_pictures;
	size_t n = 0;

	fill_all(f, 10);
	watch_photos(f, 1, 500 * 1000);
	come_to_rest(f);
	fill(f, &window, 300);
	photo = &w->pacer.member.group->photo;
	while (photo_awaits(photo, &window) || w->n_pictures == 0) {
		assert_true(clock_now() < limit);
		step(f);
	}
	n_pictures = w->n_pictures;
	for (int x = 4; x <= 400; x += 4)
		n += drag_on(f, x);
	assert_int_equal(w->n_pictures, n_pictures);
	assert_true(n < 20 * 1000); /* of 240 kB that the window has */
	assert_true(n_spoilt(w) > 300 * 150);
	come_to_rest(f);
}

/* Two of them in one frame, which cannot be made one: what waits is where the second took it. */
static void test_a_photo_that_waits_and_is_moved_twice_is_exact(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect window = { 0, 0, 400, 200 }, tile = { 320, 128, 384, 192 };

	watch_photos(f, 1, 500 * 1000);
	come_to_rest(f);
	fill(f, &window, 300);
	assert_true(take(f, w));
	assert_true(photo_awaits(&w->pacer.member.group->photo, &tile));
	assert_false(photo_is_coding(&w->pacer.member.group->photo, &tile));
	move(f, 500, 0, 64, 64, 500 - tile.left, 0 - tile.top);
	move(f, 650, 50, 200, 200, 200, 50);
	assert_int_equal(w->pacer.member.group->view.n_moves, 2);
	come_to_rest(f);
}

static void test_films_make_room_for_an_echo_that_has_no_way_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct pacer *pacer = &f->watchers[0].pacer;
	usec_t now = clock_now();

	watch_photos(f, 1, 500 * 1000);
	pacer_await_echo(pacer, now);
	assert_int_equal(pacer->member.events->get_echo(&pacer->member), now + PACER_ECHO_USEC);
	pacer->has_twin = true;
	assert_int_equal(pacer->member.events->get_echo(&pacer->member), 0);
	come_to_rest(f);
}

static void do_something_with_photos(struct fixture *f, unsigned i)
{
	struct random *random = &f->random;
	struct rect box = rect_sized(random_below(random, 12) * 60, random_below(random, 3) * 60,
		64 + random_below(random, 200), 64 + random_below(random, 100));
	struct rect screen = { 0, 0, (int)f->scene.width, (int)f->scene.height };

	box = rect_intersect(&box, &screen);
	switch (random_below(random, 6)) {
	case 0:
		if (!rect_is_empty(&box))
			fill(f, &box, random_below(random, 3) ? 300 : 3);
		break;
	case 1:
	case 2:
		/* Whoever comes decodes nothing, and goes as well. */
		do_something(f, i);
		break;
	default:
		step(f);
		break;
	}
	if (random_below(random, 20) == 0) {
		link_rate = random_below(random, 4) ? 400 * 1000 : 100 * 1000 * 1000;
		/* It is an ACK that tells of another rate, and asks whether something is due. */
		for (unsigned n = 0; n < f->n_watchers; n++)
			f->watchers[n].woken = true;
	}
}

static void test_photos_are_exact_after_any_order_of_events(void **state)
{
	struct fixture *f = *state;
	unsigned n_pictures = 0;

	for (unsigned turn = 0; turn < 8; turn++) {
		while (f->n_watchers > 0) {
			n_pictures += f->watchers[--f->n_watchers].n_pictures;
			unwatch(&f->watchers[f->n_watchers]);
		}
		watch_photos(f, N_WATCHERS, 400 * 1000);
		for (unsigned i = 0; i < 200; i++)
			do_something_with_photos(f, i);
		let_go(f);
		come_to_rest(f);
		while (sd_event_run(f->event, 2 * ENCODE_REST_USEC) > 0)
			step(f);
		assert_true(all_are_exact(f));
	}
	assert_true(n_pictures > 0);
}

#define FILM_TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup_with_films, teardown)
#define PHOTO_TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(test_##name, setup_with_photos, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILM_TEST(after_a_film_with_moves_all_is_exact),
		FILM_TEST(a_film_that_ends_before_its_last_picture_has_gone_is_exact),
		PHOTO_TEST(over_a_slow_link_photos_come_as_pictures_and_become_exact),
		PHOTO_TEST(over_a_fast_link_no_picture_ever_comes),
		PHOTO_TEST(an_echo_finds_its_way_through_a_photo),
		PHOTO_TEST(a_photo_that_is_dragged_goes_as_moves),
		PHOTO_TEST(a_photo_that_waits_and_is_moved_twice_is_exact),
		PHOTO_TEST(films_make_room_for_an_echo_that_has_no_way_of_its_own),
		PHOTO_TEST(photos_are_exact_after_any_order_of_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
