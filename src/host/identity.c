/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/identity.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "host/exit.h"
#include "wire/json-memory.h"
#include "wire/text.h"

#define CONFIG_MAX ((size_t)1 << 20)
#define KEY_BITS 2048

/* Argon2id: as much as a check may cost, 16 MiB and well under 100 ms. */
#define PIN_MEMORY ((size_t)16 << 20)
#define PIN_PASSES 3

static int set(json_t *config, const char *key, json_t *value)
{
	return json_object_set_new(config, key, value) < 0 ? -ENOMEM : 0;
}

static int make_host_id(json_t *config)
{
	uint8_t b[16];
	char text[37];

	sys_random(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 4122: version 4 */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(text, sizeof(text),
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
	return set(config, "host_id", json_string(text));
}

static int make_host_name(json_t *config, const char *name)
{
	char machine[256] = "afar";

	if (str_empty(name)) {
		gethostname(machine, sizeof(machine) - 1);
		name = machine;
	}
	return set(config, "host_name", text_to_json(name));
}

/* DER in base64, the DER bytes wiped; NULL when out of memory. */
static char *encode_key(EVP_PKEY *key)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;
	char *text = NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	if (n <= 0)
		return NULL;
	text = mem_alloc(sodium_base64_ENCODED_LEN((size_t)n, sodium_base64_VARIANT_ORIGINAL), 1);
	if (text)
		sodium_bin2base64(text,
			sodium_base64_ENCODED_LEN((size_t)n, sodium_base64_VARIANT_ORIGINAL), der,
			(size_t)n, sodium_base64_VARIANT_ORIGINAL);
	OPENSSL_clear_free(der, (size_t)n);
	return text;
}

static int make_private_key(json_t *config)
{
	EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
	char *text = key ? encode_key(key) : NULL;
	int r = -ENOMEM;

	EVP_PKEY_free(key);
	if (text) {
		r = set(config, "private_key", json_string(text));
		sodium_memzero(text, strlen(text));
	}
	free(text);
	return r;
}

static void make_pin_text(char pin[IDENTITY_PIN_SIZE])
{
	for (unsigned i = 0; i < IDENTITY_PIN_SIZE - 1; i++)
		pin[i] = (char)('0' + randombytes_uniform(10));
	pin[IDENTITY_PIN_SIZE - 1] = '\0';
}

static int make_pin(json_t *config, char pin[IDENTITY_PIN_SIZE])
{
	char hash[crypto_pwhash_STRBYTES];
	char time[CLOCK_TEXT_MAX];
	int r;

	make_pin_text(pin);
	if (crypto_pwhash_str_alg(hash, pin, strlen(pin), PIN_PASSES, PIN_MEMORY,
		    crypto_pwhash_ALG_ARGON2ID13)
		< 0)
		return -ENOMEM;
	r = set(config, "pin_hash", json_string(hash));
	if (r < 0)
		return r;
	return set(config, "pin_set_at", json_string(clock_format(clock_wall(), time)));
}

/* Is @key to be made? -EBADMSG when it is there, but no text. */
static int is_missing(const json_t *config, const char *key)
{
	const json_t *value = json_object_get(config, key);

	if (!value || json_is_null(value))
		return 1;
	if (!json_is_string(value))
		return -EBADMSG;
	return json_string_length(value) == 0;
}

int identity_make(json_t *config, const struct identity_options *options,
	char pin[IDENTITY_PIN_SIZE])
{
	int r;

	pin[0] = '\0';
	if (sodium_init() < 0)
		return -EIO;
	if (options->make) {
		r = is_missing(config, "host_id");
		if (r > 0)
			r = make_host_id(config);
		if (r >= 0)
			r = is_missing(config, "host_name");
		if (r > 0)
			r = make_host_name(config, options->host_name);
		if (r >= 0)
			r = is_missing(config, "private_key");
		if (r > 0)
			r = make_private_key(config);
		if (r < 0)
			return r;
	}
	r = is_missing(config, "pin_hash");
	if (r < 0 || !(options->new_pin || r))
		return r;
	return make_pin(config, pin);
}

static json_t *read_config(void)
{
	CLEANUP(free) char *text = NULL;
	json_t *config;
	size_t n;

	if (sys_read_fd(STDIN_FILENO, CONFIG_MAX, &text, &n) < 0)
		return NULL;
	if (strspn(text, " \t\r\n") == n)
		return json_object();
	config = json_memory_load(text, n, JSON_REJECT_DUPLICATES, NULL);
	sodium_memzero(text, n);
	if (config && !json_is_object(config)) {
		json_decref(config);
		return NULL;
	}
	return config;
}

static int write_result(json_t *config, const char *pin)
{
	json_t *result = json_pack("{sO ss?}", "config", config, "pin", pin[0] ? pin : NULL);
	char *text = result ? json_memory_dump(result, JSON_COMPACT) : NULL;
	int r = text ? sys_write_all(STDOUT_FILENO, text, strlen(text)) : -ENOMEM;

	if (r >= 0)
		r = sys_write_all(STDOUT_FILENO, "\n", 1);
	if (text)
		sodium_memzero(text, strlen(text));
	free(text);
	json_decref(result);
	return r;
}

int identity_run(const struct identity_options *options)
{
	json_t *config = read_config();
	char pin[IDENTITY_PIN_SIZE];
	int r;

	if (!config) {
		log_error("the configuration on standard input is no JSON object");
		return HOST_EXIT_INVALID_CONFIG;
	}
	r = identity_make(config, options, pin);
	if (r >= 0)
		r = write_result(config, pin);
	sodium_memzero(pin, sizeof(pin));
	json_decref(config);
	if (r >= 0)
		return HOST_EXIT_SUCCESS;
	log_error("cannot make an identity: %s", strerror(-r));
	return r == -EBADMSG ? HOST_EXIT_INVALID_CONFIG : HOST_EXIT_INITIALISATION;
}
