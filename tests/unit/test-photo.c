/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/photo.h"

#include <errno.h>

#include "base/mem.h"
#include "host/encode/encode.h"
#include "unit/fds.h"
#include "unit/picture-decoder.h"
#include "unit/random.h"
#include "unit/test.h"

#define WIDTH 1000
#define HEIGHT 700
#define DECODES VIDEO_DECODES(CODEC_JPEG)
#define RATE ((size_t)2500 * 1000) /* 20 Mbit/s */
#define HANGS (60 * USEC_PER_SEC)

struct fixture {
	sd_event *event;
	struct scene scene;
	struct scene_view view;
	struct video *video;
	struct photo photo;
	struct random random;
	unsigned n_due;
	struct region exact; /* that no longer goes as pictures */
	unsigned fds;
};

static void handle_due(void *data)
{
	((struct fixture *)data)->n_due++;
}

static void handle_exact(void *data, const struct rect *rect)
{
	region_add(&((struct fixture *)data)->exact, rect);
}

static const struct video_viewer_events events = { .due = handle_due, .exact = handle_exact };

static void create(struct fixture *f, const struct codec_impl *const *codecs, unsigned decodes)
{
	assert_int_equal(video_create(&f->video, &f->scene, f->event, codecs), 0);
	photo_init(&f->photo, f->event, f->video, decodes, &events, f);
}

static void destroy(struct fixture *f)
{
	photo_finish(&f->photo);
	video_destroy(f->video);
}

static int setup(void **state)
{
	static const struct codec_impl *const codecs[] = { &codec_vp9, &codec_jpeg, NULL };
	struct fixture *f = xnew(struct fixture);

	f->fds = fds_count();
	f->random.state = 5;
	assert_int_equal(sd_event_new(&f->event), 0);
	scene_init(&f->scene);
	assert_int_equal(scene_resize(&f->scene, WIDTH, HEIGHT), 0);
	assert_int_equal(scene_add_view(&f->scene, &f->view), 0);
	region_clear(&f->view.dirty);
	assert_int_equal(region_init(&f->exact, WIDTH, HEIGHT), 0);
	create(f, codecs, DECODES);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	destroy(f);
	region_finish(&f->exact);
	scene_remove_view(&f->view);
	scene_finish(&f->scene);
	sd_event_unref(f->event);
	assert_int_equal(fds_count(), f->fds);
	free(f);
	return 0;
}

/* Hills and grain: as a camera has it, or so. */
static uint32_t photo_pixel(struct random *random, int x, int y, int grain)
{
	uint32_t shade = (uint32_t)((x * x / 700 + y * 2 + x * y / 900) & 255), pixel = 0;

	shade = shade < 128 ? shade : 255 - shade;
	for (int i = 0; i < 3; i++)
		pixel = pixel << 8 |
			(shade + 40 * (uint32_t)i + (uint32_t)random_below(random, grain));
	return pixel;
}

static void paint(struct fixture *f, const struct rect *at, int grain)
{
	size_t width = (size_t)rect_width(at);
	CLEANUP(free) uint32_t *pixels = xalloc(rect_area(at), sizeof(*pixels));

	for (int y = at->top; y < at->bottom; y++) {
		for (int x = at->left; x < at->right; x++)
			pixels[(size_t)(y - at->top) * width + (size_t)(x - at->left)] =
				photo_pixel(&f->random, x, y, grain);
	}
	scene_update(&f->scene, at, pixels, width);
}

/* Black on white. */
static void write_text(struct fixture *f, const struct rect *at)
{
	CLEANUP(free) uint32_t *pixels = xalloc(rect_area(at), sizeof(*pixels));

	for (size_t i = 0; i < rect_area(at); i++)
		pixels[i] = random_below(&f->random, 4) ? 0xffffff : 0;
	scene_update(&f->scene, at, pixels, (size_t)rect_width(at));
}

/* As many tiles. */
static void paint_tiles(struct fixture *f, int columns, int rows)
{
	struct rect at = { 0, 0, columns * 64, rows * 64 };

	paint(f, &at, 8);
}

static void choose(struct fixture *f, usec_t now)
{
	photo_choose(&f->photo, &f->view.dirty, RATE, now);
}

/* Waits for the coder. NULL: nothing is to be coded. */
static struct video_picture *await(struct fixture *f)
{
	while (!rect_is_empty(&f->photo.at) && !f->photo.picture)
		assert_true(sd_event_run(f->event, HANGS) > 0);
	return photo_take(&f->photo);
}

static bool send_one(struct fixture *f, usec_t now)
{
	struct video_picture *picture = await(f);

	if (!picture)
		return false;
	photo_note_sent(&f->photo, picture, &f->view.dirty, RATE, now);
	video_picture_unref(picture);
	return true;
}

/* All that is to go as pictures goes. Returns how many those were. */
static unsigned send_all(struct fixture *f, usec_t now)
{
	unsigned n = 0;

	while (send_one(f, now))
		n++;
	return n;
}

/* As a frame sends what is dirty. */
static size_t send_tiles(struct fixture *f)
{
	struct rect box;
	size_t tile = 0, n = 0;

	while (region_take(&f->view.dirty, &tile, &box)) {
		photo_note_exact(&f->photo, &box);
		n++;
	}
	return n;
}

/* --- what is a photo --- */

/* What the tiles of the scene have, deflated. */
static size_t true_size(struct fixture *f, size_t *ret_estimate)
{
	struct encoder *encoder = encoder_create(&encode_tiles, NULL, NULL, NULL);
	struct rect box;
	struct encode_body body = { 0 };
	size_t tile = 0;

	*ret_estimate = 0;
	assert_int_equal(encoder_resize(encoder, WIDTH, HEIGHT), 0);
	while (region_take(&f->view.dirty, &tile, &box)) {
		*ret_estimate += photo_size(
			&box, scene_at(&f->scene, box.left, box.top), f->scene.width);
		assert_int_equal(encoder_add(encoder, &f->scene, &box, 1), 0);
	}
	assert_int_equal(encoder_take(encoder, &body), 0);
	encoder_destroy(encoder);
	free(body.block);
	return body.n;
}

static void test_a_photos_size_is_known_before_it_is_encoded(void **state)
{
	static const int grains[] = { 4, 8, 16, 60 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(grains); i++) {
		struct rect all = { 0, 0, WIDTH, HEIGHT };
		size_t estimate, size;

		paint(f, &all, grains[i]);
		size = true_size(f, &estimate);
		assert_in_range(estimate, size * 7 / 10, size * 13 / 10);
	}
}

static void test_text_and_smooth_shades_and_small_things_are_no_photos(void **state)
{
	struct fixture *f = *state;
	const struct rect tile = rect_sized(64, 64, 64, 64), small = rect_sized(64, 64, 30, 30);
	const uint32_t *at = scene_at(&f->scene, 64, 64);

	assert_int_equal(photo_size(&tile, at, WIDTH), 0); /* one colour */
	write_text(f, &tile);
	assert_int_equal(photo_size(&tile, at, WIDTH), 0);
	paint(f, &tile, 1);
	assert_int_equal(photo_size(&tile, at, WIDTH), 0);
	paint(f, &tile, 8);
	assert_true(photo_size(&tile, at, WIDTH) > 4096);
	assert_int_equal(photo_size(&small, at, WIDTH), 0);
}

/* --- when --- */

static void test_only_what_would_be_late_goes_as_pictures(void **state)
{
	struct fixture *f = *state;
	usec_t now = clock_now();

	paint_tiles(f, 4, 4);
	choose(f, now);
	assert_int_equal(f->view.dirty.n_dirty, 16);
	assert_null(f->photo.coder); /* nor is there a thread */
	assert_true(photo_is_exact(&f->photo));
	paint_tiles(f, 12, 10);
	photo_choose(&f->photo, &f->view.dirty, 0, now);
	assert_int_equal(f->view.dirty.n_dirty, 120);
	photo_choose(&f->photo, &f->view.dirty, PHOTO_RATE_MAX + 1, now);
	assert_int_equal(f->view.dirty.n_dirty, 120);
	choose(f, now);
	assert_int_equal(f->view.dirty.n_dirty, 0);
	assert_false(photo_is_exact(&f->photo));
	assert_false(photo_is_due(&f->photo, now));
	assert_non_null(f->photo.coder);
}

static void test_where_we_are_late_ourselves_no_pictures_go(void **state)
{
	struct fixture *f = *state;

	paint_tiles(f, 12, 10);
	photo_note_encoded(&f->photo, RATE / 10, 70 * USEC_PER_MSEC);
	choose(f, clock_now());
	assert_int_equal(f->view.dirty.n_dirty, 120);
	for (int i = 0; i < 30; i++) /* that was long ago */
		photo_note_encoded(&f->photo, RATE / 10, 10 * USEC_PER_MSEC);
	choose(f, clock_now());
	assert_int_equal(f->view.dirty.n_dirty, 0);
}

static void test_who_decodes_no_jpeg_gets_tiles(void **state)
{
	static const struct codec_impl *const codecs[] = { &codec_vp9, NULL };
	struct fixture *f = *state;

	paint_tiles(f, 12, 10);
	photo_finish(&f->photo);
	photo_init(&f->photo, f->event, f->video, VIDEO_DECODES(CODEC_VP9), &events, f);
	choose(f, clock_now());
	assert_int_equal(f->view.dirty.n_dirty, 120);
	destroy(f);
	create(f, codecs, DECODES);
	choose(f, clock_now());
	assert_int_equal(f->view.dirty.n_dirty, 120);
	photo_finish(&f->photo);
	photo_init(&f->photo, f->event, NULL, DECODES, &events, f);
	choose(f, clock_now());
	assert_int_equal(f->view.dirty.n_dirty, 120);
}

static void test_text_beside_a_photo_stays_for_tiles(void **state)
{
	struct fixture *f = *state;
	struct rect text = { 768, 0, 960, 640 }, echo = { 10, 10, 20, 20 };

	paint_tiles(f, 12, 10);
	write_text(f, &text);
	choose(f, clock_now());
	assert_int_equal(f->view.dirty.n_dirty, 30);
	send_all(f, clock_now());
	assert_int_equal(send_tiles(f), 30);
	/* So does an echo in it. */
	write_text(f, &echo);
	choose(f, clock_now());
	assert_int_equal(f->view.dirty.n_dirty, 1);
	assert_true(photo_has(&f->photo, &echo));
}

/* --- pictures --- */

static void assert_shows(struct fixture *f, const struct video_picture *picture)
{
	struct picture_decoder *decoder = picture_decoder_create(picture->codec);
	unsigned width = (unsigned)rect_width(&picture->at);
	unsigned height = (unsigned)rect_height(&picture->at);
	CLEANUP(free) uint32_t *seen = xalloc((size_t)width * height, sizeof(*seen));
	CLEANUP(free) uint32_t *sent = xalloc((size_t)width * height, sizeof(*sent));

	assert_true(picture_decode(decoder, picture->bytes, picture->n, seen, width, height));
	for (unsigned y = 0; y < height; y++)
		memcpy(sent + (size_t)y * width,
			scene_at(&f->scene, picture->at.left, picture->at.top + (int)y),
			width * sizeof(*sent));
	assert_true(picture_psnr(sent, seen, (size_t)width * height) > 30);
	picture_decoder_destroy(decoder);
}

/* 4:4:4, so that red letters on a photo can be read. */
static void test_parts_that_the_link_takes_in_a_moment_make_up_the_photo(void **state)
{
	struct fixture *f = *state;
	struct region left;
	struct video_picture *picture;
	unsigned n = 0;

	assert_int_equal(region_init(&left, WIDTH, HEIGHT), 0);
	for (int i = 0; i < 2; i++) {
		paint_tiles(f, 14, 10);
		region_add_region(&left, &f->view.dirty);
		choose(f, clock_now());
		for (n = 0; (picture = await(f)); n++) {
			assert_int_equal(picture->codec, CODEC_JPEG);
			assert_true(picture->key);
			assert_shows(f, picture);
			if (i > 0) /* by then it is known what a pixel costs */
				assert_in_range(picture->n, 1,
					RATE * PHOTO_PART_USEC / USEC_PER_SEC * 5 / 4);
			region_remove(&left, &picture->at);
			photo_note_sent(&f->photo, picture, &f->view.dirty, RATE, clock_now());
			video_picture_unref(picture);
		}
		assert_true(region_is_empty(&left));
	}
	assert_in_range(n, 2, 60);
	region_finish(&left);
}

static void test_what_changes_under_a_picture_waits_until_it_has_gone(void **state)
{
	struct fixture *f = *state;
	struct rect echo = { 10, 10, 20, 20 }, elsewhere = { 970, 650, 980, 660 };
	struct video_picture *picture;

	paint_tiles(f, 12, 10);
	choose(f, clock_now());
	assert_true(photo_is_coding(&f->photo, &echo));
	write_text(f, &echo);
	write_text(f, &elsewhere);
	choose(f, clock_now());
	assert_int_equal(f->view.dirty.n_dirty, 1); /* the other one */
	assert_true(photo_has(&f->photo, &echo));
	assert_false(photo_has(&f->photo, &elsewhere));
	send_tiles(f);
	picture = await(f);
	assert_non_null(picture);
	assert_null(photo_take(&f->photo));
	assert_true(photo_is_coding(&f->photo, &echo));
	photo_note_sent(&f->photo, picture, &f->view.dirty, RATE, clock_now());
	video_picture_unref(picture);
	assert_false(photo_is_coding(&f->photo, &echo));
	assert_int_equal(f->view.dirty.n_dirty, 1);
}

/* What was a photo when it began to wait. */
static void test_text_over_a_part_that_waits_goes_as_tiles(void **state)
{
	struct fixture *f = *state;
	struct rect text = { 128, 448, 384, 640 };

	paint_tiles(f, 14, 10);
	choose(f, clock_now());
	assert_true(region_touches(&f->photo.waiting, &text));
	write_text(f, &text);
	choose(f, clock_now());
	assert_int_equal(f->view.dirty.n_dirty, 4 * 3);
	assert_false(photo_has(&f->photo, &text));
}

/* --- becoming exact --- */

static void test_at_rest_it_becomes_exact_a_frame_at_a_time(void **state)
{
	struct fixture *f = *state;
	usec_t now = clock_now();
	size_t n = 0, sent, frame = RATE / 25;

	paint_tiles(f, 12, 10);
	choose(f, now);
	send_all(f, now);
	photo_build_up(&f->photo, &f->view.dirty, true, frame, now);
	assert_int_equal(send_tiles(f), 0);
	assert_false(photo_is_due(&f->photo, now + PHOTO_REST_USEC - 1));
	while (f->n_due < 1 || !photo_is_due(&f->photo, clock_now())) /* a timer tells */
		assert_true(sd_event_run(f->event, HANGS) > 0);
	now += PHOTO_REST_USEC;
	while (!photo_is_exact(&f->photo)) {
		assert_true(photo_is_due(&f->photo, now));
		photo_build_up(&f->photo, &f->view.dirty, true, frame, now);
		sent = send_tiles(f);
		assert_in_range(sent, 1, 40);
		n += sent;
	}
	assert_int_equal(n, 120);
	assert_false(photo_is_due(&f->photo, now + USEC_PER_SEC));
}

static void test_what_changes_again_is_built_up_later(void **state)
{
	struct fixture *f = *state;
	struct rect change = { 0, 0, 64 * 12, 64 * 6 };
	usec_t now = clock_now(), later = now + PHOTO_REST_USEC;
	size_t frame = RATE;

	paint_tiles(f, 12, 10);
	choose(f, now);
	send_all(f, now);
	paint(f, &change, 9); /* in the middle of it */
	choose(f, later);
	assert_int_equal(f->view.dirty.n_dirty, 0);
	assert_false(photo_is_due(&f->photo, later)); /* first what waits again, */
	send_all(f, later);
	photo_build_up(&f->photo, &f->view.dirty, true, frame, later);
	assert_int_equal(send_tiles(f), 12 * 4); /* what did not change, */
	assert_false(photo_is_due(&f->photo, later));
	photo_build_up(&f->photo, &f->view.dirty, true, frame, later + PHOTO_REST_USEC);
	assert_int_equal(send_tiles(f), 12 * 6); /* and what did, once it rests */
	assert_true(photo_is_exact(&f->photo));
}

/* A timer tells when. */
static void test_a_photo_with_a_letter_in_it_becomes_exact_once_that_rests(void **state)
{
	struct fixture *f = *state;
	struct rect letter = { 10, 10, 20, 20 };
	usec_t now = clock_now() + USEC_PER_SEC;
	unsigned n_due;

	paint_tiles(f, 12, 10);
	choose(f, now - USEC_PER_SEC);
	send_all(f, now);
	now = clock_now() + PHOTO_REST_USEC;
	write_text(f, &letter);
	choose(f, now);
	n_due = f->n_due;
	photo_build_up(&f->photo, &f->view.dirty, true, RATE, now);
	send_tiles(f);
	assert_true(photo_has(&f->photo, &letter));
	assert_false(photo_is_exact(&f->photo));
	while (f->n_due == n_due)
		assert_true(sd_event_run(f->event, HANGS) > 0);
	assert_true(photo_is_due(&f->photo, clock_now()));
}

/* A window that is dragged, say. */
static void test_what_moves_is_as_inexact_in_its_new_place_until_that_rests(void **state)
{
	struct fixture *f = *state;
	struct scene_move move = { .to = { 200, 100, 700, 600 }, .dx = 150, .dy = 50 };
	struct rect old = { 50, 50, 200, 600 }, new = { 206, 100, 686, 600 };
	struct rect beside = { 832, 0, 1000, 700 };
	usec_t now = clock_now(), later = now + PHOTO_REST_USEC;

	paint_tiles(f, 9, 10);
	choose(f, now);
	send_all(f, now);
	photo_note_moved(&f->photo, &move, &f->view.dirty, later);
	assert_int_equal(f->view.dirty.n_dirty, 0);
	assert_true(photo_has(&f->photo, &new));
	assert_true(photo_has(&f->photo, &old));
	assert_false(photo_has(&f->photo, &beside));
	assert_true(photo_is_due(&f->photo, later)); /* where it has not come to */
	photo_build_up(&f->photo, &f->view.dirty, true, RATE, later);
	assert_true(region_touches(&f->view.dirty, &old));
	send_tiles(f);
	assert_true(photo_has(&f->photo, &new));
	later += PHOTO_REST_USEC;
	assert_true(photo_is_due(&f->photo, later));
	photo_build_up(&f->photo, &f->view.dirty, true, RATE, later);
	send_tiles(f);
	assert_true(photo_is_exact(&f->photo));

	/* What was exact goes over what is not. */
	paint_tiles(f, 9, 10);
	choose(f, now);
	send_all(f, now);
	move = (struct scene_move){ .to = { 0, 0, 150, 700 }, .dx = -850 };
	photo_note_moved(&f->photo, &move, &f->view.dirty, now);
	assert_false(photo_has(&f->photo, &move.to));
}

static void test_what_was_not_painted_yet_is_dirty_where_it_has_moved_to(void **state)
{
	struct fixture *f = *state;
	struct scene_move move = { .to = { 0, 20, 900, 700 }, .dy = 20 };
	struct rect letter = { 10, 10, 20, 20 }, waits = { 100, 500, 101, 501 };
	struct rect all = { 0, 20, 768, 660 }, box;
	usec_t now = clock_now();
	size_t tile = 0;

	region_add(&f->exact, &all);
	paint_tiles(f, 12, 10);
	choose(f, now);
	write_text(f, &letter);
	choose(f, now);
	assert_true(photo_is_coding(&f->photo, &letter));
	assert_true(region_touches(&f->photo.held, &letter));
	assert_true(photo_awaits(&f->photo, &waits));
	photo_note_moved(&f->photo, &move, &f->view.dirty, now);
	while (region_take(&f->view.dirty, &tile, &box)) {
		assert_true(rect_contains(&all, &box));
		region_remove(&f->exact, &box);
	}
	assert_true(region_is_empty(&f->exact));
	send_all(f, now);
}

static void test_on_a_link_that_is_full_there_is_a_share_for_it(void **state)
{
	struct fixture *f = *state;
	usec_t now = clock_now();
	size_t frame = RATE / 25, n = 0;

	paint_tiles(f, 12, 10);
	choose(f, now);
	send_all(f, now);
	photo_build_up(&f->photo, &f->view.dirty, false, frame, now + PHOTO_STARVED_USEC - 1);
	assert_int_equal(send_tiles(f), 0);
	for (; !photo_is_exact(&f->photo); n++) {
		photo_build_up(
			&f->photo, &f->view.dirty, false, frame, now + PHOTO_STARVED_USEC);
		assert_in_range(send_tiles(f), 1, 10);
	}
	assert_true(n > 10);
}

/* --- when it cannot be --- */

static struct codec_impl broken;

static struct codec *create_broken(void)
{
	struct codec *codec = codec_create(&codec_jpeg);

	if (codec)
		codec->impl = &broken;
	return codec;
}

static int fail_to_encode(struct codec *self, struct codec_output *ret)
{
	(void)self;
	(void)ret;
	return -EIO;
}

static void test_when_a_codec_fails_all_goes_as_tiles(void **state)
{
	struct fixture *f = *state;
	const struct codec_impl *codecs[] = { &broken, NULL };

	broken = codec_jpeg;
	broken.create = create_broken;
	broken.encode = fail_to_encode;
	destroy(f);
	create(f, codecs, DECODES);
	paint_tiles(f, 12, 10);
	choose(f, clock_now());
	assert_null(await(f));
	assert_int_equal(f->exact.n_dirty, 120);
	assert_true(photo_is_exact(&f->photo));
	paint_tiles(f, 12, 10);
	choose(f, clock_now());
	assert_int_equal(f->view.dirty.n_dirty, 120);
	destroy(f);
	create(f, video_codecs, 0);
}

static void test_a_new_screen_makes_all_of_it_void(void **state)
{
	struct fixture *f = *state;
	struct video_picture *picture;

	for (int i = 0; i < 3; i++) {
		paint_tiles(f, 10, 8);
		choose(f, clock_now());
		if (i > 0)
			send_one(f, clock_now());
		picture = i > 1 ? await(f) : NULL;
		assert_int_equal(scene_resize(&f->scene, WIDTH - 64 * i, HEIGHT), 0);
		assert_int_equal(video_handle_resize(f->video), 0);
		photo_handle_resize(&f->photo);
		assert_true(photo_is_exact(&f->photo));
		assert_false(photo_is_due(&f->photo, clock_now() + USEC_PER_SEC));
		photo_note_sent(&f->photo, picture, &f->view.dirty, RATE, clock_now());
		assert_true(photo_is_exact(&f->photo));
		video_picture_unref(picture);
	}
	assert_int_equal(f->n_due > 0, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_photos_size_is_known_before_it_is_encoded),
		TEST(text_and_smooth_shades_and_small_things_are_no_photos),
		TEST(only_what_would_be_late_goes_as_pictures),
		TEST(where_we_are_late_ourselves_no_pictures_go),
		TEST(who_decodes_no_jpeg_gets_tiles),
		TEST(text_beside_a_photo_stays_for_tiles),
		TEST(parts_that_the_link_takes_in_a_moment_make_up_the_photo),
		TEST(what_changes_under_a_picture_waits_until_it_has_gone),
		TEST(text_over_a_part_that_waits_goes_as_tiles),
		TEST(at_rest_it_becomes_exact_a_frame_at_a_time),
		TEST(what_changes_again_is_built_up_later),
		TEST(a_photo_with_a_letter_in_it_becomes_exact_once_that_rests),
		TEST(what_moves_is_as_inexact_in_its_new_place_until_that_rests),
		TEST(what_was_not_painted_yet_is_dirty_where_it_has_moved_to),
		TEST(on_a_link_that_is_full_there_is_a_share_for_it),
		TEST(when_a_codec_fails_all_goes_as_tiles),
		TEST(a_new_screen_makes_all_of_it_void),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
