/* SPDX-License-Identifier: BSD-3-Clause AND Zlib */

/*
 * Raw deflate (RFC 1951) for the page's worker, compiled to WebAssembly without any library.
 * A message of docs/protocol.md is a number of whole blocks, since its sender flushes: so
 * nothing but the last 32 KiB of output is carried from one to the next, and one that finds no
 * room is simply done again in more.
 *
 * The caller lays out the memory from heap_start() on: input, then the window of what came
 * before, and right behind it the output.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export.h"

#define INLINE static inline __attribute__((always_inline))

#define SYMBOLS 288
#define DISTANCES 30
#define LENGTHS 19
#define BITS_MAX 15
#define FAST_BITS 10
#define NO_SYMBOL 511U

enum result {
	DAMAGED = -1,
	TOO_SMALL = -2, /* the output */
};

/*
 * Codes of up to FAST_BITS are found at a stroke, longer ones by counting, in the way of zlib's
 * puff.c.
 */
struct code {
	uint16_t fast[1 << FAST_BITS]; /* symbol << 4 | length; 0: longer */
	uint16_t count[BITS_MAX + 1];
	uint16_t symbols[SYMBOLS];
};

struct state {
	const uint8_t *in;
	const uint8_t *in_end;
	uint64_t bits;
	int n_bits; /* negative: more than there were have been taken */
	uint8_t *window;
	uint8_t *out;
	uint8_t *out_end;
};

static struct code literals, distances;
static uint8_t lengths[SYMBOLS + 32];

#ifdef __wasm__
extern uint8_t __heap_base;

EXPORT(heap_start) uint8_t *heap_start(void)
{
	return &__heap_base;
}
#endif

/* Sees to 48 bits, which is what a match takes, while there is input; then to zeros. */
INLINE void refill(struct state *self)
{
	uint64_t some;

	if (self->n_bits >= 48)
		return;
	if (self->in_end - self->in >= 8) {
		__builtin_memcpy(&some, self->in, 8);
		self->bits |= some << self->n_bits;
		self->in += (63 - self->n_bits) / 8;
		self->n_bits |= 56;
		return;
	}
	while (self->n_bits <= 56 && self->n_bits >= 0 && self->in < self->in_end) {
		self->bits |= (uint64_t)*self->in++ << self->n_bits;
		self->n_bits += 8;
	}
}

INLINE unsigned take(struct state *self, unsigned n)
{
	unsigned value = (unsigned)(self->bits & ((1ULL << n) - 1));

	self->bits >>= n;
	self->n_bits -= (int)n;
	return value;
}

static unsigned read_bits(struct state *self, unsigned n)
{
	refill(self);
	return take(self, n);
}

static unsigned reverse(unsigned value, unsigned n)
{
	unsigned result = 0;

	while (n-- > 0) {
		result = result << 1 | (value & 1);
		value >>= 1;
	}
	return result;
}

/* Returns how many codes are left unused; negative: there are too many. */
static int make_code(struct code *self, const uint8_t *of, unsigned n)
{
	uint16_t offsets[BITS_MAX + 1];
	unsigned next = 0;
	int left = 1;

	for (unsigned i = 0; i <= BITS_MAX; i++)
		self->count[i] = 0;
	for (unsigned i = 0; i < n; i++)
		self->count[of[i]]++;
	if (self->count[0] == n)
		left = 0; /* no codes: complete, but decoding fails */
	else {
		for (unsigned i = 1; i <= BITS_MAX; i++) {
			left = (left << 1) - self->count[i];
			if (left < 0)
				return left;
		}
	}
	offsets[1] = 0;
	for (unsigned i = 1; i < BITS_MAX; i++)
		offsets[i + 1] = (uint16_t)(offsets[i] + self->count[i]);
	for (unsigned i = 0; i < n; i++) {
		if (of[i] != 0)
			self->symbols[offsets[of[i]]++] = (uint16_t)i;
	}
	for (unsigned i = 0; i < 1U << FAST_BITS; i++)
		self->fast[i] = 0;
	for (unsigned length = 1, at = 0; length <= FAST_BITS; length++, next <<= 1) {
		for (unsigned i = 0; i < self->count[length]; i++, next++, at++) {
			for (unsigned j = reverse(next, length); j < 1U << FAST_BITS;
				j += 1U << length)
				self->fast[j] = (uint16_t)(self->symbols[at] << 4 | length);
		}
	}
	return left;
}

/* As in the table: symbol << 4 | length. */
static __attribute__((noinline)) unsigned find_slowly(uint64_t bits, const struct code *code)
{
	int first = 0, index = 0, value = 0;

	for (unsigned length = 1; length <= BITS_MAX; length++, bits >>= 1) {
		int count = code->count[length];

		value |= (int)(bits & 1);
		if (value - count < first)
			return (unsigned)code->symbols[index + (value - first)] << 4 | length;
		index += count;
		first = (first + count) << 1;
		value <<= 1;
	}
	return NO_SYMBOL << 4;
}

INLINE unsigned decode(struct state *self, const struct code *code)
{
	unsigned found = code->fast[self->bits & ((1U << FAST_BITS) - 1)];

	if (found == 0)
		found = find_slowly(self->bits, code);
	take(self, found & 15);
	return found >> 4;
}

static const uint16_t length_base[] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
	35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const uint8_t length_bits[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3,
	3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const uint16_t distance_base[] = { 1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129,
	193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385,
	24577 };
static const uint8_t distance_bits[] = { 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7,
	8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 };

INLINE int copy_match(struct state *self, unsigned symbol)
{
	unsigned length, distance, at = symbol - 257;

	if (at >= sizeof(length_bits))
		return DAMAGED;
	length = length_base[at] + take(self, length_bits[at]);
	at = decode(self, &distances);
	if (at >= DISTANCES)
		return DAMAGED;
	distance = distance_base[at] + take(self, distance_bits[at]);
	if (self->n_bits < 0 || distance > (size_t)(self->out - self->window))
		return DAMAGED;
	if (length > (size_t)(self->out_end - self->out))
		return TOO_SMALL;
	/* The engine's own copying and filling have their price. */
	if (distance >= length && length > 32) {
		__builtin_memcpy(self->out, self->out - distance, length);
	} else if (distance == 1 && length > 32) {
		__builtin_memset(self->out, self->out[-1], length);
	} else {
		for (unsigned i = 0; i < length; i++)
			self->out[i] = self->out[(ptrdiff_t)i - (ptrdiff_t)distance];
	}
	self->out += length;
	return 0;
}

static int inflate_codes(struct state *given)
{
	/* A copy, since whoever writes bytes could mean any variable that has an address. */
	struct state self = *given;
	int r = 0;

	while (r == 0) {
		unsigned symbol;

		refill(&self);
		symbol = decode(&self, &literals);
		if (self.n_bits < 0)
			return DAMAGED;
		if (symbol > 256)
			r = copy_match(&self, symbol);
		else if (symbol == 256)
			break;
		else if (self.out == self.out_end)
			r = TOO_SMALL;
		else
			*self.out++ = (uint8_t)symbol;
	}
	*given = self;
	return r;
}

static int inflate_stored(struct state *self)
{
	unsigned length, check;

	take(self, (unsigned)self->n_bits & 7);
	length = read_bits(self, 16);
	check = take(self, 16);
	if (self->n_bits < 0 || length != (check ^ 0xffff))
		return DAMAGED;
	/* What was read ahead is whole bytes. */
	self->in -= self->n_bits / 8;
	self->bits = 0;
	self->n_bits = 0;
	if (length > (size_t)(self->in_end - self->in))
		return DAMAGED;
	if (length > (size_t)(self->out_end - self->out))
		return TOO_SMALL;
	__builtin_memcpy(self->out, self->in, length);
	self->in += length;
	self->out += length;
	return 0;
}

static int inflate_fixed(struct state *self)
{
	unsigned i = 0;

	for (; i < 144; i++)
		lengths[i] = 8;
	for (; i < 256; i++)
		lengths[i] = 9;
	for (; i < 280; i++)
		lengths[i] = 7;
	for (; i < SYMBOLS; i++)
		lengths[i] = 8;
	make_code(&literals, lengths, SYMBOLS);
	for (i = 0; i < DISTANCES; i++)
		lengths[i] = 5;
	make_code(&distances, lengths, DISTANCES);
	return inflate_codes(self);
}

/* The lengths of both codes, which are themselves coded in literals. */
static int read_lengths(struct state *self, unsigned n)
{
	for (unsigned i = 0; i < n;) {
		unsigned symbol, repeat, value = 0;

		refill(self);
		symbol = decode(self, &literals);
		if (self->n_bits < 0 || symbol > 18 || (symbol == 16 && i == 0))
			return DAMAGED;
		if (symbol < 16) {
			lengths[i++] = (uint8_t)symbol;
			continue;
		}
		if (symbol == 16)
			value = lengths[i - 1];
		repeat = symbol == 16  ? 3 + take(self, 2)
			: symbol == 17 ? 3 + take(self, 3)
				       : 11 + take(self, 7);
		if (i + repeat > n)
			return DAMAGED;
		while (repeat-- > 0)
			lengths[i++] = (uint8_t)value;
	}
	return 0;
}

static int inflate_dynamic(struct state *self)
{
	static const uint8_t order[LENGTHS] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3,
		13, 2, 14, 1, 15 };
	unsigned n_literals = read_bits(self, 5) + 257;
	unsigned n_distances = take(self, 5) + 1;
	unsigned n_lengths = take(self, 4) + 4;
	int left;

	if (n_literals > 286 || n_distances > DISTANCES)
		return DAMAGED;
	for (unsigned i = 0; i < LENGTHS; i++)
		lengths[order[i]] = i < n_lengths ? (uint8_t)read_bits(self, 3) : 0;
	if (make_code(&literals, lengths, LENGTHS) != 0 ||
		read_lengths(self, n_literals + n_distances) < 0 || lengths[256] == 0)
		return DAMAGED;
	/* One code alone, of one bit, may be incomplete. */
	left = make_code(&distances, lengths + n_literals, n_distances);
	if (left < 0 || (left > 0 && n_distances - distances.count[0] != distances.count[1]))
		return DAMAGED;
	left = make_code(&literals, lengths, n_literals);
	if (left < 0 || (left > 0 && n_literals - literals.count[0] != literals.count[1]))
		return DAMAGED;
	return inflate_codes(self);
}

/*
 * Inflates n bytes, whole blocks, into room bytes at out; before it lies the window, of which
 * the last known bytes are what came before. Returns how many came out, or an enum result.
 */
EXPORT(inflate)
int inflate(const uint8_t *in, unsigned n, uint8_t *out, unsigned known, unsigned room)
{
	struct state self = {
		.in = in,
		.in_end = in + n,
		.window = out - known,
		.out = out,
		.out_end = out + room,
	};
	bool is_last = false;

	while (self.in < self.in_end || self.n_bits >= 8) {
		unsigned type;
		int r;

		if (is_last)
			return DAMAGED;
		is_last = read_bits(&self, 1);
		type = take(&self, 2);
		r = type == 0       ? inflate_stored(&self)
			: type == 1 ? inflate_fixed(&self)
			: type == 2 ? inflate_dynamic(&self)
				    : DAMAGED;
		if (r < 0)
			return r;
	}
	return (int)(self.out - out);
}
