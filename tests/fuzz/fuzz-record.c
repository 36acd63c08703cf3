/* SPDX-License-Identifier: BSD-3-Clause */
/* What another supervisor left: any JSON at all gives a state that can be gone on with. */
#include <jansson.h>
#include <stdlib.h>

#include "base/mem.h"
#include "supervisor/record.h"

#define NOW (1000 * USEC_PER_SEC)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct relaunch_limits limits = {
	.healthy_after = 60 * USEC_PER_SEC,
	.fast_delay = 5 * USEC_PER_SEC,
	.slow_delay = 60 * USEC_PER_SEC,
	.slow_after = 5,
	.give_up_after = 15,
};

static void walk(struct policy *policy)
{
	struct policy_actions actions;

	policy_adopt(policy, POLICY_BIT(POLICY_SESSION), NOW);
	for (int type = POLICY_TICK; type <= POLICY_STOP; type++) {
		for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
			const struct policy_event event = {
				.type = (enum policy_event_type)type,
				.component = (enum policy_component)c,
			};

			policy_step(policy, &event, NOW, &actions);
		}
	}
}

/* What was read can be written, and reads the same again. */
static void check_round_trip(const struct policy *policy, const struct policy_rules *rules)
{
	json_t *written = record_policy(policy), *again;
	struct policy copy;

	policy_init(&copy, rules, &limits, policy->unsettled, NOW);
	record_read_policy(&copy, written, NOW);
	again = record_policy(&copy);
	if (!written || !json_equal(written, again))
		abort();
	json_decref(written);
	json_decref(again);
}

static void read_policy(const json_t *from, const struct policy_rules *rules)
{
	struct policy policy;

	policy_init(&policy, rules, &limits, 0, NOW);
	record_read_policy(&policy, from, NOW);
	check_round_trip(&policy, rules);
	walk(&policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct attempts attempts;
	struct tokens tokens = { 0 };
	struct status_end end = { 0 };
	struct status_ends ends = { 0 };
	usec_t wait;
	json_t *document = json_loadb((const char *)bytes, n, 0, NULL);

	if (!document)
		return 0;
	read_policy(json_object_get(document, "policy"), &policy_rules_own);
	read_policy(json_object_get(document, "policy"), &policy_rules_contract);
	record_read_tokens(&tokens, json_object_get(document, "tokens"));
	json_decref(record_tokens(&tokens));
	attempts_init(&attempts, NOW);
	record_read_attempts(&attempts, json_object_get(document, "attempts"), NOW);
	attempts_take(&attempts, "192.0.2.1", NOW, &wait);
	json_decref(record_attempts(&attempts));
	record_read_end(&end, json_object_get(document, "last_end"));
	json_decref(record_end(&end));
	record_read_ends(&ends, json_object_get(document, "ends"));
	json_decref(record_ends(&ends));
	json_decref(document);
	return 0;
}
