/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/video.h"

#include <errno.h>

#include "base/mem.h"
#include "unit/fds.h"
#include "unit/random.h"
#include "unit/test.h"

#define WIDTH 640
#define HEIGHT 480
#define FRAME_USEC (USEC_PER_SEC / 60)
#define FUTURE_USEC                                                                            \
 (1000 * USEC_PER_SEC) /* films are shown far from now: no timer sees them                     \
			*/
#define FILM_X 128
#define FILM_Y 64
#define FILM_WIDTH 320
#define FILM_HEIGHT 240
#define LOSSY 0xabcdef
#define FAKE VIDEO_DECODES(CODEC_VP9) /* what codec_fake says that it is */
#define N_VIEWERS 4

/* One viewer, its pacer, and its page. */
struct viewer {
	struct fixture *f;
	struct video_viewer video;
	struct scene_view view;
	bool present;
	unsigned n_due;
	unsigned n_exact;
	struct rect exact;
	uint8_t next; /* what a picture that is no key picture must be */
	uint32_t *picture;
};

struct fixture {
	struct scene scene;
	sd_event *event;
	struct video *video;
	usec_t now;
	struct random random;
	struct viewer viewers[N_VIEWERS];
	unsigned fds;
};

static void handle_due(void *data)
{
	struct viewer *viewer = data;

	viewer->n_due++;
}

static void handle_exact(void *data, const struct rect *rect)
{
	struct viewer *viewer = data;

	viewer->n_exact++;
	viewer->exact = *rect;
	region_add(&viewer->view.dirty, rect);
}

static const struct video_viewer_events events = { .due = handle_due, .exact = handle_exact };

static const struct codec_impl *const fake_codecs[] = { &codec_fake, NULL };

static void create(struct fixture *f, const struct codec_impl *const *codecs)
{
	assert_int_equal(video_create(&f->video, &f->scene, f->event, codecs), 0);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->fds = fds_count();
	f->now = clock_now() + FUTURE_USEC;
	f->random.state = 9;
	scene_init(&f->scene);
	assert_int_equal(scene_resize(&f->scene, WIDTH, HEIGHT), 0);
	assert_int_equal(sd_event_new(&f->event), 0);
	create(f, fake_codecs);
	*state = f;
	return 0;
}

static void leave(struct viewer *viewer)
{
	if (!viewer->present)
		return;
	video_viewer_finish(&viewer->video);
	scene_remove_view(&viewer->view);
	free(viewer->picture);
	*viewer = (struct viewer){ 0 };
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < N_VIEWERS; i++)
		leave(&f->viewers[i]);
	video_destroy(f->video);
	scene_finish(&f->scene);
	sd_event_unref(f->event);
	assert_int_equal(fds_count(), f->fds);
	free(f);
	return 0;
}

/* It has been sent all that the scene has. */
static struct viewer *enter(struct fixture *f, int i, unsigned decodes)
{
	struct viewer *viewer = &f->viewers[i];
	size_t n = (size_t)f->scene.width * f->scene.height;

	*viewer = (struct viewer){ .f = f, .present = true };
	viewer->picture = xalloc(n, sizeof(*viewer->picture));
	memcpy(viewer->picture, f->scene.pixels, n * sizeof(*viewer->picture));
	assert_int_equal(scene_add_view(&f->scene, &viewer->view), 0);
	region_clear(&viewer->view.dirty);
	assert_int_equal(
		video_viewer_init(&viewer->video, f->video, decodes, &events, viewer), 0);
	return viewer;
}

static void set_ready(struct viewer *viewer, bool ready)
{
	video_viewer_set_ready(&viewer->video, ready, 0, viewer->f->now);
}

static void draw(struct fixture *f, struct rect rect)
{
	CLEANUP(free) uint32_t *pixels = xalloc(WIDTH * HEIGHT, sizeof(*pixels));

	for (int i = 0; i < WIDTH * HEIGHT; i++)
		pixels[i] = (uint32_t)random_u64(&f->random) & 0xffffff;
	scene_update(&f->scene, &rect, pixels, WIDTH);
	video_look(f->video, f->now);
	f->now += FRAME_USEC;
}

static void draw_film(struct fixture *f)
{
	draw(f, rect_sized(FILM_X, FILM_Y, FILM_WIDTH, FILM_HEIGHT));
}

static const struct rect film = { FILM_X, FILM_Y, FILM_X + FILM_WIDTH, FILM_Y + FILM_HEIGHT };

/* What the pacer does in a FRAME. Returns how many rectangles it sent. */
static unsigned send_frame(struct viewer *viewer)
{
	const struct scene *scene = &viewer->f->scene;
	struct rect box;
	size_t tile = 0;
	unsigned n = 0;

	video_viewer_exclude(&viewer->video, &viewer->view.dirty);
	while (region_take(&viewer->view.dirty, &tile, &box)) {
		for (int y = box.top; y < box.bottom; y++)
			memcpy(viewer->picture + (size_t)y * scene->width + (size_t)box.left,
				scene_at(scene, box.left, y),
				(size_t)rect_width(&box) * sizeof(uint32_t));
		video_viewer_sent_exact(&viewer->video, &box);
		n++;
	}
	return n;
}

/* And with a picture. The page sees that it is none of the scene's pixels. */
static void send_picture(struct viewer *viewer, bool *ret_key)
{
	struct video_picture *picture = video_viewer_take(&viewer->video);

	assert_non_null(picture);
	assert_int_equal(picture->codec, CODEC_VP9);
	assert_int_equal(picture->n, CODEC_FAKE_SIZE);
	assert_int_equal(picture->bytes[3], picture->key);
	if (!picture->key)
		assert_int_equal(picture->bytes[4], viewer->next);
	viewer->next = (uint8_t)(picture->bytes[4] + 1);
	memset(picture->bytes - VIDEO_HEADROOM, 0xee, VIDEO_HEADROOM); /* ours to write */
	for (int y = picture->at.top; y < picture->at.bottom; y++) {
		for (int x = picture->at.left; x < picture->at.right; x++)
			viewer->picture[(size_t)y * viewer->f->scene.width + (size_t)x] = LOSSY;
	}
	if (ret_key)
		*ret_key = picture->key;
	video_picture_unref(picture);
}

static void run(struct fixture *f)
{
	assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

/* All that is being coded has come. */
static void settle(struct fixture *f)
{
	while (video_is_coding(f->video))
		run(f);
}

/* The film goes on until there is a picture. */
static void await_due(struct viewer *viewer)
{
	settle(viewer->f);
	while (!video_viewer_is_due(&viewer->video)) {
		draw_film(viewer->f);
		settle(viewer->f);
	}
}

static void assert_exact(const struct viewer *viewer)
{
	const struct scene *scene = &viewer->f->scene;

	for (size_t i = 0; i < (size_t)scene->width * scene->height; i++)
		assert_int_equal(viewer->picture[i], scene->pixels[i]);
}

static bool is_film_lossless(struct viewer *viewer)
{
	struct region dirty;
	bool lossless;

	assert_int_equal(region_init(&dirty, WIDTH, HEIGHT), 0);
	region_add(&dirty, &film);
	video_viewer_exclude(&viewer->video, &dirty);
	lossless = !region_is_empty(&dirty);
	region_finish(&dirty);
	return lossless;
}

/* Shows the film until it is a region. */
static void begin_film(struct fixture *f)
{
	while (rect_is_empty(&f->video->busy.regions[0].rect)) {
		draw_film(f);
		for (int i = 0; i < N_VIEWERS; i++) {
			if (f->viewers[i].present)
				send_frame(&f->viewers[i]);
		}
	}
	assert_memory_equal(&f->video->busy.regions[0].rect, &film, sizeof(film));
}

static void end_film(struct fixture *f)
{
	f->now += USEC_PER_SEC;
	video_look(f->video, f->now);
	assert_true(rect_is_empty(&f->video->busy.regions[0].rect));
}

static void test_a_film_goes_as_pictures_and_is_exact_at_rest(void **state)
{
	struct fixture *f = *state;
	struct viewer *viewer = enter(f, 0, FAKE);
	struct rect elsewhere = { 0, 0, 100, 60 };

	set_ready(viewer, true);
	begin_film(f);
	for (int i = 0; i < 20; i++) {
		bool key;

		await_due(viewer);
		assert_int_equal(viewer->n_due, i + 1);
		send_picture(viewer, &key);
		assert_int_equal(key, i == 0);
		assert_true(video_viewer_is_lossy(&viewer->video, &film));
		assert_false(video_viewer_is_lossy(&viewer->video, &elsewhere));
		draw_film(f);
		assert_int_equal(send_frame(viewer), 0);
	}
	assert_int_equal(viewer->n_exact, 0);
	end_film(f);
	assert_int_equal(viewer->n_exact, 1);
	assert_memory_equal(&viewer->exact, &film, sizeof(film));
	assert_false(video_viewer_is_due(&viewer->video));
	assert_null(video_viewer_take(&viewer->video));
	assert_true(send_frame(viewer) > 0);
	assert_false(video_viewer_is_lossy(&viewer->video, &film));
	assert_exact(viewer);
}

/* While it goes on and after it, until tiles have made it exact. */
static void test_what_moves_out_of_a_film_is_dirty(void **state)
{
	struct fixture *f = *state;
	struct viewer *viewer = enter(f, 0, FAKE);
	struct scene_move out = { .to = rect_sized(0, 0, 60, 50), .dx = -FILM_X, .dy = -FILM_Y };
	struct scene_move in = { .to = film, .dx = FILM_X, .dy = FILM_Y };
	struct region dirty;

	set_ready(viewer, true);
	begin_film(f);
	await_due(viewer);
	send_picture(viewer, NULL);
	assert_int_equal(region_init(&dirty, WIDTH, HEIGHT), 0);
	for (int i = 0; i < 2; i++) {
		region_clear(&dirty);
		video_viewer_note_moved(&viewer->video, &out, &dirty);
		assert_true(region_touches(&dirty, &out.to));
		region_remove(&dirty, &out.to);
		assert_true(region_is_empty(&dirty));
		if (i == 0)
			end_film(f);
	}
	assert_true(video_viewer_is_lossy(&viewer->video, &film));
	video_viewer_note_moved(&viewer->video, &in, &dirty);
	assert_false(video_viewer_is_lossy(&viewer->video, &film));
	region_finish(&dirty);
}

static void test_no_picture_is_taken_of_half_a_frame(void **state)
{
	struct fixture *f = *state;
	struct viewer *viewer = enter(f, 0, FAKE);

	set_ready(viewer, true);
	begin_film(f);
	await_due(viewer);
	send_picture(viewer, NULL);
	settle(f);
	f->scene.is_settling = true;
	draw_film(f);
	set_ready(viewer, false);
	set_ready(viewer, true);
	assert_false(video_is_coding(f->video));
	f->scene.is_settling = false;
	video_look(f->video, f->now);
	assert_true(video_is_coding(f->video));
	await_due(viewer);
}

static void test_other_damage_stays_lossless_and_needs_no_picture(void **state)
{
	struct fixture *f = *state;
	struct viewer *viewer = enter(f, 0, FAKE);
	bool key;

	set_ready(viewer, true);
	begin_film(f);
	await_due(viewer);
	send_picture(viewer, &key);
	draw(f, rect_sized(10, 400, 30, 30));
	assert_int_equal(send_frame(viewer), 1);
	settle(f);
	assert_int_equal(viewer->n_due, 1);
	draw_film(f);
	await_due(viewer);
	send_picture(viewer, &key);
	assert_false(key);
}

static void test_a_film_is_coded_once_for_all_who_keep_pace(void **state)
{
	struct fixture *f = *state;
	struct viewer *a = enter(f, 0, FAKE), *b = enter(f, 1, FAKE);

	set_ready(a, true);
	set_ready(b, true);
	begin_film(f);
	for (int i = 0; i < 10; i++) {
		struct video_picture *one, *other;

		await_due(a);
		await_due(b);
		one = video_viewer_take(&a->video);
		other = video_viewer_take(&b->video);
		assert_ptr_equal(one, other);
		assert_int_equal(one->bytes[4], i);
		video_picture_unref(one);
		video_picture_unref(other);
		draw_film(f);
	}
}

static void test_nothing_is_coded_for_nobody(void **state)
{
	struct fixture *f = *state;
	struct viewer *viewer = enter(f, 0, FAKE);

	begin_film(f);
	for (int i = 0; i < 10; i++)
		draw_film(f);
	settle(f);
	assert_false(video_viewer_is_due(&viewer->video));
	assert_int_equal(send_frame(viewer), 0); /* a picture will come */
	set_ready(viewer, true);
	await_due(viewer);
	send_picture(viewer, NULL);
	settle(f);
	assert_false(video_viewer_is_due(&viewer->video)); /* nothing has changed */
}

static void test_who_decodes_nothing_gets_lossless_tiles(void **state)
{
	struct fixture *f = *state;
	struct viewer *viewer = enter(f, 0, VIDEO_DECODES(CODEC_H264));

	set_ready(viewer, true);
	begin_film(f);
	draw_film(f);
	assert_true(send_frame(viewer) > 0);
	assert_exact(viewer);
	assert_false(video_viewer_is_due(&viewer->video));
	end_film(f);
	assert_false(video_viewer_is_lossy(&viewer->video, &film));
}

static void test_who_is_late_costs_the_others_nothing(void **state)
{
	struct fixture *f = *state;
	struct viewer *quick = enter(f, 0, FAKE), *late = enter(f, 1, FAKE);
	bool key;

	set_ready(quick, true);
	set_ready(late, true);
	begin_film(f);
	await_due(quick);
	await_due(late);
	for (int i = 0; i < 20; i++) {
		send_picture(quick, &key);
		assert_int_equal(key, i == 0);
		draw_film(f);
		await_due(quick);
	}
	/* What it did not take has gone; it has begun anew, with the others who are late. */
	assert_int_equal(send_frame(late), 0);
	for (int i = 0; i < 5; i++) {
		await_due(late);
		send_picture(late, &key);
		assert_int_equal(key, i == 0);
		draw_film(f);
	}
	await_due(quick);
	send_picture(quick, &key);
	assert_false(key);
	end_film(f);
	send_frame(quick);
	send_frame(late);
	assert_exact(quick);
	assert_exact(late);
}

static void test_who_comes_later_begins_with_a_key_picture(void **state)
{
	struct fixture *f = *state;
	struct viewer *first = enter(f, 0, FAKE), *second;
	bool key;

	set_ready(first, true);
	begin_film(f);
	await_due(first);
	send_picture(first, &key);
	second = enter(f, 1, FAKE);
	set_ready(second, true);
	settle(f); /* also if nothing changes */
	send_picture(second, &key);
	assert_true(key);
	await_due(first);
	send_picture(first, &key);
	leave(first);
	draw_film(f);
	await_due(second);
	send_picture(second, &key);
	assert_false(key);
	settle(f);
	draw_film(f); /* one that is no key picture is under way: it is not for the third */
	assert_true(video_is_coding(f->video));
	first = enter(f, 0, FAKE);
	set_ready(first, true);
	await_due(first);
	send_picture(first, &key);
	assert_true(key);
}

static void test_a_resize_voids_everything(void **state)
{
	struct fixture *f = *state;
	struct viewer *viewer = enter(f, 0, FAKE);
	struct rect all = { 0, 0, 300, 200 };

	set_ready(viewer, true);
	begin_film(f);
	await_due(viewer);
	send_picture(viewer, NULL);
	draw_film(f); /* one is under way */
	assert_int_equal(scene_resize(&f->scene, 300, 200), 0);
	assert_int_equal(video_handle_resize(f->video), 0);
	assert_false(video_viewer_is_due(&viewer->video));
	assert_false(video_viewer_is_lossy(&viewer->video, &all));
	assert_int_equal(viewer->n_exact, 0);
	settle(f);
	assert_int_equal(viewer->n_due, 1);
	assert_int_equal(scene_resize(&f->scene, 0, 0), 0);
	assert_int_equal(video_handle_resize(f->video), 0);
	video_look(f->video, f->now);
}

/* A codec whose every third picture fails. */
static struct codec_impl failing;
static unsigned n_failing;

static int fail_often(struct codec *codec, struct codec_output *ret)
{
	return ++n_failing % 3 == 0 ? -EIO : codec_fake.encode(codec, ret);
}

static struct codec *create_failing(void)
{
	struct codec *codec = codec_fake.create();

	assert_non_null(codec);
	codec->impl = &failing;
	return codec;
}

static const struct codec_impl *const failing_codecs[] = { &failing, NULL };

static void test_a_codec_that_fails_leaves_the_region_to_lossless_tiles(void **state)
{
	struct fixture *f = *state;
	struct viewer *viewer;

	failing = codec_fake;
	failing.create = create_failing;
	failing.encode = fail_often;
	n_failing = 0;
	video_destroy(f->video);
	create(f, failing_codecs);
	viewer = enter(f, 0, FAKE);
	set_ready(viewer, true);
	begin_film(f);
	for (int i = 0; i < 2; i++) {
		await_due(viewer);
		send_picture(viewer, NULL);
		draw_film(f);
	}
	while (viewer->n_exact == 0) {
		draw_film(f);
		settle(f);
	}
	assert_true(is_film_lossless(viewer));
	send_frame(viewer);
	assert_exact(viewer);
	end_film(f);
	begin_film(f); /* the next one is tried again */
	await_due(viewer);
	send_picture(viewer, NULL);
}

static void test_h264_is_preferred_and_any_size_has_a_codec(void **state)
{
	unsigned h264 = VIDEO_DECODES(CODEC_H264), vp9 = VIDEO_DECODES(CODEC_VP9);
	unsigned jpeg = VIDEO_DECODES(CODEC_JPEG);
	unsigned all = h264 | vp9 | jpeg;

	(void)state;
	assert_ptr_equal(video_choose(video_codecs, all, 1920, 1080), &codec_h264);
	assert_ptr_equal(video_choose(video_codecs, vp9 | jpeg, 1920, 1080), &codec_vp9);
	assert_ptr_equal(video_choose(video_codecs, all, 16384, 16), &codec_vp9);
	assert_ptr_equal(video_choose(video_codecs, all, 7680, 4320), &codec_vp9);
	assert_ptr_equal(video_choose(video_codecs, jpeg, 1920, 1080), &codec_jpeg);
	assert_null(video_choose(video_codecs, 0, 1920, 1080));
}

/* Each pass some of all that can happen; at rest every page has what the scene has. */
/* In a second of the film. */
static unsigned count_pictures(struct fixture *f, struct viewer *viewer)
{
	usec_t end = f->now + USEC_PER_SEC;
	unsigned n = 0;

	while (f->now < end) {
		draw_film(f);
		settle(f);
		if (!video_viewer_is_due(&viewer->video))
			continue;
		send_picture(viewer, NULL);
		n++;
	}
	return n;
}

static void test_a_film_makes_room_for_an_echo(void **state)
{
	struct fixture *f = *state;
	struct viewer *viewer = enter(f, 0, FAKE);

	set_ready(viewer, true);
	begin_film(f);
	assert_true(count_pictures(f, viewer) > 25);
	viewer->video.sparse_until = f->now + USEC_PER_SEC;
	assert_in_range(count_pictures(f, viewer), 1, 3);
	assert_true(count_pictures(f, viewer) > 20);
}

/* Bytes of the last of some pictures, for a viewer who takes so many in a second; 0: any. */
static size_t show_stills(struct fixture *f, size_t rate, bool *ret_half)
{
	static const struct codec_impl *const stills[] = { &codec_jpeg, NULL };
	struct viewer *viewer;
	size_t n = 0;

	video_destroy(f->video);
	create(f, stills);
	viewer = enter(f, 0, VIDEO_DECODES(CODEC_JPEG));
	video_viewer_set_ready(&viewer->video, true, rate, f->now);
	begin_film(f);
	for (int i = 0; i < 10; i++) {
		struct video_picture *picture;

		await_due(viewer);
		picture = video_viewer_take(&viewer->video);
		assert_true(picture->key);
		if (i == 0)
			*ret_half = picture->half;
		assert_int_equal(picture->half, *ret_half);
		n = picture->n;
		video_picture_unref(picture);
	}
	leave(viewer);
	return n;
}

static void test_stills_for_a_slow_link_are_small_from_the_first_on(void **state)
{
	struct fixture *f = *state;
	bool half;
	size_t large = show_stills(f, 0, &half);

	assert_false(half);
	assert_in_range(show_stills(f, 20000, &half), 1, large / 8);
	assert_true(half);
	assert_in_range(show_stills(f, 100 * 1000 * 1000, &half), large * 9 / 10, large * 11 / 10);
	assert_false(half);
}

static void test_whatever_happens_the_picture_is_exact_at_rest(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < N_VIEWERS; i++)
		set_ready(enter(f, i, i == 3 ? 0 : FAKE), i % 2);
	for (int round = 0; round < 12; round++) {
		int x = random_below(&f->random, WIDTH - 200),
		    y = random_below(&f->random, HEIGHT - 160);

		for (int moment = 0; moment < 70; moment++) {
			draw(f, rect_sized(x, y, 200, 160));
			if (random_below(&f->random, 4) == 0)
				draw(f,
					rect_sized(
						random_below(&f->random, WIDTH), 20, 90, 33));
			for (int i = 0; i < N_VIEWERS; i++) {
				struct viewer *viewer = &f->viewers[i];

				if (random_below(&f->random, 8) == 0)
					set_ready(viewer, random_below(&f->random, 2));
				if (video_viewer_is_due(&viewer->video) &&
					random_below(&f->random, 2))
					send_picture(viewer, NULL);
				if (random_below(&f->random, 2))
					send_frame(viewer);
			}
			if (random_below(&f->random, 150) == 0) {
				leave(&f->viewers[2]);
				enter(f, 2, FAKE);
			}
			if (random_below(&f->random, 2))
				settle(f);
		}
		if (round % 3 == 2)
			f->now += 3 * USEC_PER_SEC;
	}
	assert_true(f->viewers[0].n_exact > 3 && f->viewers[0].n_due > 20);
	f->now += USEC_PER_SEC;
	video_look(f->video, f->now);
	for (int i = 0; i < N_VIEWERS; i++) {
		send_frame(&f->viewers[i]);
		assert_false(video_viewer_is_due(&f->viewers[i].video));
		assert_true(region_is_empty(&f->viewers[i].video.lossy));
		assert_exact(&f->viewers[i]);
	}
}

/* With real codecs and the real clock: the region ends by itself. */
static void test_the_real_thing_comes_to_rest_by_its_own_timer(void **state)
{
	struct fixture *f = *state;
	struct viewer *viewer;

	video_destroy(f->video);
	create(f, video_codecs);
	viewer = enter(f, 0, VIDEO_DECODES(CODEC_H264));
	set_ready(viewer, true);
	while (viewer->n_due == 0) {
		f->now = clock_now();
		draw_film(f);
		settle(f);
	}
	assert_int_equal(viewer->n_exact, 0);
	while (viewer->n_exact == 0)
		run(f);
	assert_true(clock_now() - f->now >= BUSY_REST_USEC - FRAME_USEC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_film_goes_as_pictures_and_is_exact_at_rest),
		TEST(what_moves_out_of_a_film_is_dirty),
		TEST(no_picture_is_taken_of_half_a_frame),
		TEST(other_damage_stays_lossless_and_needs_no_picture),
		TEST(a_film_is_coded_once_for_all_who_keep_pace),
		TEST(nothing_is_coded_for_nobody),
		TEST(who_decodes_nothing_gets_lossless_tiles),
		TEST(who_is_late_costs_the_others_nothing),
		TEST(who_comes_later_begins_with_a_key_picture),
		TEST(a_resize_voids_everything),
		TEST(a_codec_that_fails_leaves_the_region_to_lossless_tiles),
		cmocka_unit_test(test_h264_is_preferred_and_any_size_has_a_codec),
		TEST(a_film_makes_room_for_an_echo),
		TEST(stills_for_a_slow_link_are_small_from_the_first_on),
		TEST(whatever_happens_the_picture_is_exact_at_rest),
		TEST(the_real_thing_comes_to_rest_by_its_own_timer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
