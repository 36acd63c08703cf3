/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/order.h"

#include "unit/test.h"

#define COLUMNS 8
#define ROWS 4
#define TILES (COLUMNS * ROWS)

struct fixture {
	struct region dirty;
	struct order order;
};

static void set_up(struct fixture *self)
{
	assert_int_equal(region_init(&self->dirty, COLUMNS * 64, ROWS * 64), 0);
	assert_int_equal(order_init(&self->order, &self->dirty), 0);
}

static void tear_down(struct fixture *self)
{
	order_finish(&self->order);
	region_finish(&self->dirty);
}

static void add(struct fixture *self, unsigned tile)
{
	const struct rect rect =
		rect_sized((int)(tile % COLUMNS) * 64, (int)(tile / COLUMNS) * 64, 64, 64);

	region_add(&self->dirty, &rect);
}

/* The tile; TILES: no more. */
static unsigned take(struct fixture *self)
{
	struct rect box;

	if (!order_take(&self->order, &self->dirty, &box))
		return TILES;
	return (unsigned)box.top / 64 * COLUMNS + (unsigned)box.left / 64;
}

static void begin(struct fixture *self)
{
	order_begin(&self->order, &self->dirty);
}

static void test_a_frame_that_has_all_goes_row_by_row(void **state)
{
	(void)state;
	struct fixture f;

	set_up(&f);
	for (unsigned frame = 0; frame < 100; frame++) {
		region_add_all(&f.dirty);
		begin(&f);
		for (unsigned i = 0; i < TILES; i++)
			assert_int_equal(take(&f), i);
		assert_false(order_has_more(&f.order, &f.dirty));
		assert_int_equal(take(&f), TILES);
	}
	tear_down(&f);
}

static void test_what_becomes_dirty_behind_waits_for_the_next_frame(void **state)
{
	(void)state;
	struct fixture f;

	set_up(&f);
	add(&f, 3);
	add(&f, 9);
	begin(&f);
	assert_int_equal(take(&f), 3);
	assert_int_equal(take(&f), 9);
	add(&f, 3);
	assert_int_equal(take(&f), TILES);
	assert_false(region_is_empty(&f.dirty));
	begin(&f);
	assert_int_equal(take(&f), 3);
	tear_down(&f);
}

/* A film of the whole screen on a link that takes three tiles in a frame. */
static void test_all_have_their_turn_though_all_change_all_the_time(void **state)
{
	(void)state;
	unsigned taken[TILES] = { 0 };
	struct fixture f;

	set_up(&f);
	for (unsigned frame = 0; frame < 320; frame++) {
		region_add_all(&f.dirty);
		begin(&f);
		for (unsigned i = 0; i < 3; i++)
			taken[take(&f)]++;
	}
	for (unsigned i = 0; i < TILES; i++)
		assert_in_range(taken[i], 27, 40);
	tear_down(&f);
}

static void test_an_echo_overtakes_a_film(void **state)
{
	(void)state;
	struct fixture f;

	set_up(&f);
	for (unsigned frame = 0; frame < 400; frame++) {
		bool pressed = frame > 20 && frame % 9 == 0;

		for (unsigned i = 0; i < TILES; i++) {
			if (i != 17)
				add(&f, i);
		}
		if (pressed)
			add(&f, 17);
		begin(&f);
		if (pressed)
			assert_int_equal(take(&f), 17);
		for (unsigned i = 0; i < 2; i++)
			assert_true(take(&f) != 17);
	}
	tear_down(&f);
}

/* So many that no frame has room for others: these have every second one. */
static void test_the_fresh_do_not_starve_the_others(void **state)
{
	(void)state;
	unsigned taken = 0;
	struct fixture f;

	set_up(&f);
	for (unsigned frame = 0; frame < 400; frame++) {
		for (unsigned i = 0; i < 4; i++)
			add(&f, i);
		for (unsigned i = 0; i < 3; i++)
			add(&f, 8 + (frame * 3 + i) % 24);
		begin(&f);
		for (unsigned i = 0; i < 3; i++)
			taken += take(&f) < 4;
	}
	assert_true(taken >= 100);
	tear_down(&f);
}

/* What the key's tile had before has waited for its turn as all have, too. */
static void test_an_echo_overtakes_the_rest_of_a_photo(void **state)
{
	(void)state;
	struct fixture f;

	set_up(&f);
	region_add_all(&f.dirty);
	for (unsigned frame = 0; frame < 6; frame++) {
		begin(&f);
		assert_int_equal(take(&f), 2 * frame);
		assert_int_equal(take(&f), 2 * frame + 1);
	}
	for (unsigned frame = 0; frame < 8; frame++) {
		add(&f, 3);
		begin(&f);
		assert_int_equal(take(&f), 3);
		assert_int_equal(take(&f), 12 + 2 * frame);
		begin(&f);
		assert_int_equal(take(&f), 13 + 2 * frame);
	}
	tear_down(&f);
}

static void test_after_a_rest_nothing_is_remembered(void **state)
{
	(void)state;
	struct fixture f;

	set_up(&f);
	for (unsigned frame = 0; frame < 50; frame++) {
		region_add_all(&f.dirty);
		begin(&f);
		take(&f);
	}
	begin(&f);
	while (take(&f) != TILES)
		;
	add(&f, 20);
	begin(&f);
	assert_int_equal(take(&f), 20);
	assert_int_equal(take(&f), TILES);
	region_add_all(&f.dirty);
	begin(&f);
	for (unsigned i = 0; i < TILES; i++)
		assert_int_equal(take(&f), i);
	tear_down(&f);
}

static void test_a_screen_of_nothing_has_no_order(void **state)
{
	(void)state;
	struct region dirty;
	struct order order;
	struct rect box;

	assert_int_equal(region_init(&dirty, 0, 0), 0);
	assert_int_equal(order_init(&order, &dirty), 0);
	order_begin(&order, &dirty);
	assert_false(order_take(&order, &dirty, &box));
	order_finish(&order);
	region_finish(&dirty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_frame_that_has_all_goes_row_by_row),
		cmocka_unit_test(test_what_becomes_dirty_behind_waits_for_the_next_frame),
		cmocka_unit_test(test_all_have_their_turn_though_all_change_all_the_time),
		cmocka_unit_test(test_an_echo_overtakes_a_film),
		cmocka_unit_test(test_the_fresh_do_not_starve_the_others),
		cmocka_unit_test(test_an_echo_overtakes_the_rest_of_a_photo),
		cmocka_unit_test(test_after_a_rest_nothing_is_remembered),
		cmocka_unit_test(test_a_screen_of_nothing_has_no_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
