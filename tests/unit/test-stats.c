/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/stats.h"

#include <string.h>

#include "base/mem.h"
#include "unit/test.h"
#include "wire/control.h"

static struct stats host;
static struct stats_viewer viewer;

static int setup(void **state)
{
	(void)state;
	stats_init(&host, 1000 * USEC_PER_SEC);
	stats_viewer_init(&viewer, &host);
	return 0;
}

static void add(struct stats_history *history, uint16_t units)
{
	stats_history_add(
		history, &(struct stats_frame){ .stages = { [STATS_ENCODE] = units } });
}

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void test_a_summary_is_exact_over_the_frames_in_which_the_time_is_known(void **state)
{
	struct stats_history *history = &viewer.history;
	struct stats_summary summary;

	(void)state;
	stats_history_sum_up(history, STATS_ENCODE, &summary);
	assert_int_equal(summary.n, 0);
	add(history, 7);
	stats_history_sum_up(history, STATS_ENCODE, &summary);
	assert_int_equal(summary.n, 1);
	assert_int_equal(summary.median, 70);
	assert_int_equal(summary.p99, 70);
	assert_int_equal(summary.max, 70);
	add(history, 0); /* not known */
	for (uint16_t i = 200; i > 0; i--)
		add(history, i);
	stats_history_sum_up(history, STATS_ENCODE, &summary);
	assert_int_equal(summary.n, 201);
	assert_int_equal(summary.median, 1000);
	assert_int_equal(summary.p99, 1980);
	assert_int_equal(summary.max, 2000);
	stats_history_sum_up(history, STATS_INPUT, &summary);
	assert_int_equal(summary.n, 0);
}

static void test_the_99th_of_a_hundred_is_not_the_longest(void **state)
{
	struct stats_summary summary;

	(void)state;
	for (uint16_t i = 1; i <= 100; i++)
		add(&viewer.history, i);
	stats_history_sum_up(&viewer.history, STATS_ENCODE, &summary);
	assert_int_equal(summary.p99, 990);
	assert_int_equal(summary.max, 1000);
	add(&viewer.history, 200);
	stats_history_sum_up(&viewer.history, STATS_ENCODE, &summary);
	assert_int_equal(summary.p99, 1000);
	assert_int_equal(summary.max, 2000);
}

static void test_only_the_last_frames_are_remembered(void **state)
{
	struct stats_history *history = &viewer.history;
	struct stats_summary summary;

	(void)state;
	add(history, 60000);
	for (unsigned i = 0; i < STATS_N_FRAMES; i++)
		add(history, 3);
	stats_history_sum_up(history, STATS_ENCODE, &summary);
	assert_int_equal(summary.n, STATS_N_FRAMES);
	assert_int_equal(summary.max, 30);
}

/* SOK-02 */
static void test_a_history_of_four_thousand_million_frames_goes_on(void **state)
{
	struct stats_history *history = &viewer.history;
	struct stats_summary summary;

	(void)state;
	for (unsigned i = 0; i < STATS_N_FRAMES; i++)
		add(history, 3);
	history->n = UINT32_MAX - 1;
	for (unsigned i = 0; i < STATS_N_FRAMES; i++) {
		add(history, 4);
		stats_history_sum_up(history, STATS_ENCODE, &summary);
		assert_int_equal(summary.n, STATS_N_FRAMES);
	}
	assert_int_equal(summary.median, 40);
	assert_int_equal(history->ring[0].stages[STATS_ENCODE], 4);
}

static void test_an_ack_gives_round_trip_network_and_the_whole(void **state)
{
	const struct stream_times times = { 1, 2, 3, 4, 5, 6, 7 };
	const struct stats_frame *frame = &viewer.history.ring[0];

	(void)state;
	stats_viewer_sent(&viewer, 1, &times, 1000000);
	assert_int_equal(viewer.n_under_way, 1);
	stats_viewer_acked(&viewer, 1, 20, 30, 1002000);
	assert_int_equal(viewer.n_under_way, 0);
	assert_int_equal(viewer.rtt, 1500);
	assert_int_equal(viewer.history.n, 1);
	assert_int_equal(frame->stages[STATS_INPUT], 1);
	assert_int_equal(frame->stages[STATS_QUEUE], 7);
	assert_int_equal(frame->stages[STATS_NETWORK], 150);
	assert_int_equal(frame->stages[STATS_DECODE], 20);
	assert_int_equal(frame->stages[STATS_PAINT], 30);
	assert_int_equal(frame->stages[STATS_ECHO], 28 + 200);
	assert_int_equal(viewer.counters.n_acks, 1);
	assert_int_equal(host.counters.n_acks, 1);
}

static void test_a_frame_without_an_input_echoes_none(void **state)
{
	const struct stream_times times = { .damage = 3, .encode = 6 };

	(void)state;
	stats_viewer_sent(&viewer, 1, &times, 1000000);
	stats_viewer_acked(&viewer, 1, 0, 0, 1000100);
	assert_int_equal(viewer.history.ring[0].stages[STATS_ECHO], 0);
	assert_int_equal(viewer.history.ring[0].stages[STATS_NETWORK], 10);
}

static void test_an_ack_is_for_all_before_it_and_nonsense_for_none(void **state)
{
	const struct stream_times times = { .encode = 1 };

	(void)state;
	for (uint32_t seq = UINT32_MAX - 2; seq != 2; seq++)
		stats_viewer_sent(&viewer, seq, &times, 1000000);
	stats_viewer_acked(&viewer, 77, 0, 0, 1000100);
	assert_int_equal(viewer.n_under_way, 5);
	stats_viewer_acked(&viewer, 0, 0, 0, 1000100);
	assert_int_equal(viewer.n_under_way, 1);
	assert_int_equal(viewer.counters.n_acks, 4);
	stats_viewer_acked(&viewer, UINT32_MAX, 0, 0, 1000100);
	assert_int_equal(viewer.history.n, 1);
	stats_viewer_acked(&viewer, 1, 0, 0, 1000100);
	assert_int_equal(viewer.n_under_way, 0);
}

static void test_what_a_viewer_lies_about_its_times_stays_in_bounds(void **state)
{
	const struct stream_times times = { .input = UINT16_MAX };
	const struct stats_frame *frame = viewer.history.ring;

	(void)state;
	stats_viewer_sent(&viewer, 1, &times, 1000000);
	stats_viewer_acked(&viewer, 1, UINT16_MAX, UINT16_MAX, 1000100);
	assert_int_equal(frame->stages[STATS_NETWORK], 1);
	assert_int_equal(frame->stages[STATS_ECHO], UINT16_MAX);
	assert_int_equal(viewer.rtt, 1);
}

static void test_frames_that_are_never_acknowledged_take_no_more_room(void **state)
{
	const struct stream_times times = { .encode = 1 };

	(void)state;
	for (uint32_t seq = 1; seq <= 1000; seq++)
		stats_viewer_sent(&viewer, seq, &times, 1000000);
	assert_int_equal(viewer.n_under_way, STATS_UNDER_WAY_MAX);
	assert_int_equal(viewer.under_way[0].seq, 1000 - STATS_UNDER_WAY_MAX + 1);
	assert_int_equal(viewer.counters.n_frames, 1000);
}

static void test_what_a_viewer_counts_the_host_counts_for_good(void **state)
{
	struct stats_work work = { 0 };
	struct stats_viewer other;

	(void)state;
	stats_work_add(&work, STATS_PALETTE, 64);
	stats_work_add(&work, STATS_COPY, 100);
	stats_work_add(&work, STATS_COPY, 100);
	stats_viewer_went(&viewer, 10);
	stats_viewer_worked(&viewer, &work);
	stats_viewer_init(&other, &host);
	stats_viewer_went(&other, 5);
	stats_viewer_came(&other, 4, true);
	stats_viewer_came(&other, 5, false);
	assert_int_equal(viewer.counters.work.operations[STATS_COPY], 2);
	assert_int_equal(viewer.counters.bytes_down, 10);
	assert_int_equal(other.counters.bytes_up, 9);
	assert_int_equal(other.counters.n_inputs, 1);
	assert_int_equal(host.counters.work.operations[STATS_COPY], 2);
	assert_int_equal(host.counters.work.operations[STATS_PALETTE], 1);
	assert_int_equal(host.counters.work.pixels, 264);
	assert_int_equal(host.counters.bytes_down, 15);
	assert_int_equal(host.counters.bytes_up, 9);
	assert_int_equal(host.counters.n_inputs, 1);
	assert_int_equal(host.n_viewers, 2);
}

static void test_the_document_has_every_key_and_null_for_what_is_not_known(void **state)
{
	static const char *const stages[] = { "input", "application", "damage", "capture",
		"analyse", "encode", "queue", "network", "decode", "paint", "echo" };
	static const char *const kinds[] = { "solid", "palette", "raw", "delta", "copy",
		"store", "cached", "jpeg", "vp9", "h264" };
	const struct stream_times times = { .encode = 12 };
	json_t *viewers = json_array(), *document, *one, *encode;

	(void)state;
	stats_viewer_sent(&viewer, 1, &times, 1000000);
	stats_viewer_acked(&viewer, 1, 0, 5, 1000100);
	stats_viewer_sent(&viewer, 2, &times, 1000000);
	stats_read(&host, true);
	stats_read(&host, false);
	json_array_append_new(
		viewers, stats_viewer_to_json(&viewer, 0, json_pack("{si}", "id", 7)));
	document = stats_to_json(&host, viewers, 3);
	assert_non_null(document);
	one = json_object_get(document, "host");
	assert_int_equal(number(one, "reads"), 2);
	assert_int_equal(number(one, "unchanged"), 1);
	assert_int_equal(number(one, "frames"), 2);
	assert_int_equal(number(one, "viewers_so_far"), 1);
	assert_int_equal(number(one, "requests"), 0);
	assert_true(number(one, "cpu") > 0);
	assert_string_equal(
		json_string_value(json_object_get(one, "since")), "1970-01-01T00:16:40.000Z");
	assert_int_equal(number(document, "viewers_left_out"), 3);
	one = json_array_get(json_object_get(document, "viewers"), 0);
	assert_int_equal(number(one, "id"), 7);
	assert_int_equal(number(one, "under_way"), 1);
	assert_int_equal(number(one, "acknowledged"), 1);
	assert_true(json_is_null(json_object_get(one, "rate")));
	assert_int_equal(
		json_object_size(json_object_get(one, "operations")), ARRAY_SIZE(kinds));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		assert_int_equal(number(json_object_get(one, "operations"), kinds[i]), 0);
	one = json_object_get(one, "stages");
	assert_int_equal(json_object_size(one), ARRAY_SIZE(stages));
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		assert_non_null(json_object_get(one, stages[i]));
	assert_true(json_is_null(json_object_get(one, "input")));
	encode = json_object_get(one, "encode");
	assert_int_equal(number(encode, "frames"), 1);
	assert_int_equal(number(encode, "median"), 120);
	assert_int_equal(number(encode, "p99"), 120);
	assert_int_equal(number(encode, "max"), 120);
	json_decref(document);
}

/* FUZ-05: what the supervisor reads is bounded, and it must never be more. */
static void test_the_largest_document_fits_into_half_a_line(void **state)
{
	struct control_message message = { .type = CONTROL_STATS, .id = UINT32_MAX };
	json_t *viewers = json_array();
	char *line = NULL;
	size_t n = 0;
	char address[64] = { 0 };

	(void)state;
	memset(&host.counters, 0x7f, sizeof(host.counters));
	memset(&viewer.counters, 0x7f, sizeof(viewer.counters));
	memset(&viewer.history, 0xff, sizeof(viewer.history));
	viewer.rtt = viewer.rtt_best = INT64_MAX;
	memset(address, 'f', sizeof(address) - 1);
	for (int i = 0; i < STATS_VIEWERS_MAX; i++)
		json_array_append_new(viewers,
			stats_viewer_to_json(&viewer, INT64_MAX,
				json_pack("{si ss ss sb}", "id", INT32_MAX, "address", address,
					"since", "2026-11-29T12:00:00.000Z", "view_only", 0)));
	message.body = stats_to_json(&host, viewers, 1000);
	assert_non_null(message.body);
	assert_int_equal(control_encode(&message, &line, &n), 0);
	assert_true(n < CONTROL_LINE_MAX / 2);
	free(line);
	json_decref(message.body);
}

static void test_without_memory_there_is_no_document(void **state)
{
	(void)state;
	assert_null(stats_to_json(&host, NULL, 0));
	assert_null(stats_viewer_to_json(&viewer, 0, NULL));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_summary_is_exact_over_the_frames_in_which_the_time_is_known),
		TEST(test_the_99th_of_a_hundred_is_not_the_longest),
		TEST(test_only_the_last_frames_are_remembered),
		TEST(test_a_history_of_four_thousand_million_frames_goes_on),
		TEST(test_an_ack_gives_round_trip_network_and_the_whole),
		TEST(test_a_frame_without_an_input_echoes_none),
		TEST(test_an_ack_is_for_all_before_it_and_nonsense_for_none),
		TEST(test_what_a_viewer_lies_about_its_times_stays_in_bounds),
		TEST(test_frames_that_are_never_acknowledged_take_no_more_room),
		TEST(test_what_a_viewer_counts_the_host_counts_for_good),
		TEST(test_the_document_has_every_key_and_null_for_what_is_not_known),
		TEST(test_the_largest_document_fits_into_half_a_line),
		TEST(test_without_memory_there_is_no_document),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
