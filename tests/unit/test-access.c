/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/access/access.h"

#include <errno.h>
#include <sodium.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/access/token.h"
#include "unit/test.h"

#define PIN "12345678"
#define TOKEN "AAAAAAAAAAAAAAAAAAAA-_"
#define TRIES_MAX 40

/* Access control with the test as its supervisor. */
struct fixture {
	sd_event *event;
	struct access *access;
	struct control_message sent[TRIES_MAX];
	size_t n_sent;
	int send_result;
	struct access_outcome outcomes[TRIES_MAX];
	size_t n_outcomes;
};

static int send_message(void *data, const struct control_message *message)
{
	struct fixture *f = data;

	if (f->send_result == 0)
		f->sent[f->n_sent++] = *message;
	return f->send_result;
}

static void handle_done(void *data, const struct access_outcome *outcome)
{
	struct fixture *f = data;

	f->outcomes[f->n_outcomes++] = *outcome;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	char hash[crypto_pwhash_STRBYTES];

	assert_true(sodium_init() >= 0);
	assert_int_equal(crypto_pwhash_str(hash, PIN, strlen(PIN), crypto_pwhash_OPSLIMIT_MIN,
				 crypto_pwhash_MEMLIMIT_MIN),
		0);
	assert_int_equal(sd_event_new(&f->event), 0);
	assert_int_equal(access_create(&f->access, f->event, send_message, f), 0);
	assert_int_equal(access_set_pin_hash(f->access, hash), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	access_destroy(f->access);
	sd_event_unref(f->event);
	free(f);
	return 0;
}

static struct access_try *try(struct fixture *f, enum control_kind kind, const char *secret)
{
	return access_try(f->access, kind, secret, "127.0.0.1", handle_done, f);
}

static void decide(struct fixture *f, uint32_t id, bool ok, uint32_t retry_after)
{
	const struct control_message verdict = {
		.type = CONTROL_VERDICT, .id = id, .ok = ok, .retry_after = retry_after
	};

	access_handle_verdict(f->access, &verdict);
}

/* Runs the loop until @n outcomes were told. */
static void await(struct fixture *f, size_t n)
{
	while (f->n_outcomes < n)
		assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

static void test_a_link_leads_to_a_new_resume_token_that_the_supervisor_knows(void **state)
{
	struct fixture *f = *state;
	char hash[CONTROL_HASH_SIZE];

	assert_non_null(try(f, CONTROL_KIND_LINK, TOKEN));
	assert_int_equal(f->n_sent, 1);
	assert_int_equal(f->sent[0].type, CONTROL_ATTEMPT);
	assert_string_equal(f->sent[0].source, "127.0.0.1");
	token_hash(TOKEN, hash);
	assert_string_equal(f->sent[0].hash, hash);
	assert_int_equal(f->n_outcomes, 0);

	decide(f, f->sent[0].id, true, 0);
	assert_int_equal(f->n_outcomes, 1);
	assert_true(f->outcomes[0].ok);
	assert_string_not_equal(f->outcomes[0].resume, TOKEN);
	assert_int_equal(f->sent[1].type, CONTROL_SIGNED_IN);
	token_hash(f->outcomes[0].resume, hash);
	assert_string_equal(f->sent[1].hash, hash);
}

static void test_a_resume_token_stays_the_same(void **state)
{
	struct fixture *f = *state;

	try(f, CONTROL_KIND_RESUME, TOKEN);
	decide(f, f->sent[0].id, true, 0);
	assert_true(f->outcomes[0].ok);
	assert_string_equal(f->outcomes[0].resume, TOKEN);
	assert_int_equal(f->n_sent, 1);
}

static void test_refusals_say_why(void **state)
{
	struct fixture *f = *state;
	static const struct {
		enum control_kind kind;
		uint32_t retry_after;
		const char *reason;
	} cases[] = {
		{ CONTROL_KIND_LINK, 0, "link" },
		{ CONTROL_KIND_LINK, 5, "limit" },
		{ CONTROL_KIND_RESUME, 0, "resume" },
		{ CONTROL_KIND_RESUME, 5, "limit" },
		{ CONTROL_KIND_PIN, 0, "limit" },
		{ CONTROL_KIND_PIN, 5, "limit" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		try(f, cases[i].kind, TOKEN);
		decide(f, f->sent[i].id, false, cases[i].retry_after);
		assert_false(f->outcomes[i].ok);
		assert_string_equal(f->outcomes[i].reason, cases[i].reason);
		assert_int_equal(f->outcomes[i].retry_after, cases[i].retry_after);
	}
}

static void test_pins_are_verified_after_the_verdict_one_by_one(void **state)
{
	struct fixture *f = *state;
	static const char *const pins[] = { "87654321", PIN, "", PIN "0" };
	char hash[CONTROL_HASH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(pins); i++)
		try(f, CONTROL_KIND_PIN, pins[i]);
	for (size_t i = 0; i < ARRAY_SIZE(pins); i++) {
		assert_string_equal(f->sent[i].hash, "");
		decide(f, f->sent[i].id, true, 3);
	}
	assert_int_equal(f->n_outcomes, 0);
	await(f, ARRAY_SIZE(pins));
	for (size_t i = 0; i < ARRAY_SIZE(pins); i++)
		assert_int_equal(f->outcomes[i].ok, i == 1);
	assert_string_equal(f->outcomes[0].reason, "pin");
	assert_int_equal(f->outcomes[0].retry_after, 3);
	assert_int_equal(f->sent[4].type, CONTROL_SIGNED_IN);
	token_hash(f->outcomes[1].resume, hash);
	assert_string_equal(f->sent[4].hash, hash);
}

static void test_a_pin_that_is_too_long_is_not_cut_to_the_right_one(void **state)
{
	struct fixture *f = *state;
	char pin[ACCESS_PIN_MAX + 1] = PIN;

	memset(pin + strlen(pin), 'x', sizeof(pin) - strlen(pin) - 1);
	try(f, CONTROL_KIND_PIN, pin);
	decide(f, f->sent[0].id, true, 0);
	await(f, 1);
	assert_false(f->outcomes[0].ok);
}

static void test_without_a_pin_hash_no_pin_is_right(void **state)
{
	struct fixture *f = *state;

	access_set_pin_hash(f->access, NULL);
	try(f, CONTROL_KIND_PIN, PIN);
	decide(f, f->sent[0].id, true, 0);
	await(f, 1);
	assert_string_equal(f->outcomes[0].reason, "pin");
}

static void test_a_cancelled_try_is_never_told(void **state)
{
	struct fixture *f = *state;
	struct access_try *asked = try(f, CONTROL_KIND_LINK, TOKEN);
	struct access_try *verifying = try(f, CONTROL_KIND_PIN, PIN);
	struct access_try *queued = try(f, CONTROL_KIND_PIN, PIN);

	try(f, CONTROL_KIND_PIN, "87654321");
	for (size_t i = 1; i < 4; i++)
		decide(f, f->sent[i].id, true, 0);
	access_try_cancel(asked);
	access_try_cancel(verifying);
	access_try_cancel(queued);
	access_try_cancel(NULL);
	decide(f, f->sent[0].id, true, 0);
	await(f, 1);
	assert_int_equal(f->n_outcomes, 1);
	assert_string_equal(f->outcomes[0].reason, "pin");
}

static void test_without_a_supervisor_a_try_is_refused_from_the_loop(void **state)
{
	struct fixture *f = *state;

	try(f, CONTROL_KIND_LINK, TOKEN); /* asked before it went */
	f->send_result = -EPIPE;
	access_handle_end(f->access);
	try(f, CONTROL_KIND_PIN, PIN);
	assert_int_equal(f->n_outcomes, 0);
	await(f, 2);
	assert_string_equal(f->outcomes[0].reason, "busy");
	assert_string_equal(f->outcomes[1].reason, "busy");
}

static void test_only_so_many_wait_at_once(void **state)
{
	struct fixture *f = *state;
	struct access_try *tries[TRIES_MAX];
	size_t n = 0;

	while (n < TRIES_MAX && (tries[n] = try(f, CONTROL_KIND_LINK, TOKEN)))
		n++;
	assert_in_range(n, 1, TRIES_MAX - 1);
	access_try_cancel(tries[0]);
	tries[0] = try(f, CONTROL_KIND_LINK, TOKEN);
	assert_non_null(tries[0]);
	for (size_t i = 0; i < n; i++)
		access_try_cancel(tries[i]);
}

static void test_a_link_is_made_when_asked_for_and_never_the_same(void **state)
{
	struct fixture *f = *state;
	char hash[CONTROL_HASH_SIZE];

	access_handle_make_link(f->access, 7);
	access_handle_make_link(f->access, 8);
	assert_int_equal(f->sent[0].type, CONTROL_LINK);
	assert_int_equal(f->sent[0].id, 7);
	assert_int_equal(strlen(f->sent[0].token), CONTROL_TOKEN_SIZE - 1);
	token_hash(f->sent[0].token, hash);
	assert_string_equal(f->sent[0].hash, hash);
	assert_string_not_equal(f->sent[0].token, f->sent[1].token);
}

static void test_a_hash_is_sha_256_in_hex(void **state)
{
	(void)state;
	char hash[CONTROL_HASH_SIZE];

	token_hash("abc", hash); /* FIPS 180-2, B.1 */
	assert_string_equal(
		hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_link_leads_to_a_new_resume_token_that_the_supervisor_knows),
		TEST(a_resume_token_stays_the_same),
		TEST(refusals_say_why),
		TEST(pins_are_verified_after_the_verdict_one_by_one),
		TEST(a_pin_that_is_too_long_is_not_cut_to_the_right_one),
		TEST(without_a_pin_hash_no_pin_is_right),
		TEST(a_cancelled_try_is_never_told),
		TEST(without_a_supervisor_a_try_is_refused_from_the_loop),
		TEST(only_so_many_wait_at_once),
		TEST(a_link_is_made_when_asked_for_and_never_the_same),
		TEST(a_hash_is_sha_256_in_hex),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
