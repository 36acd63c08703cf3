/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/codec.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "base/mem.h"

/*
 * Of films, as the library scales its table of quantisation: in percent, for qualities of 90 and
 * 40. The bytes of a picture go about with a power of that.
 */
#define SCALE_BEST 20.0
#define SCALE_LEAST 125.0
#define SCALE_POWER 0.7
#define BEST_BYTES_PER_PX 0.35 /* as a first guess */

#define ROWS 16 /* handed over at once */
#define OUT_MIN ((size_t)4 << 10)

struct jpeg {
	struct codec codec;
	struct jpeg_compress_struct compress;
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr destination;
	jmp_buf failed;
	bool no_memory;
	uint32_t *pixels; /* the picture that was loaded, without gaps */
	size_t n_pixels;  /* room for so many */
	bool loaded;
	unsigned quality; /* of it; 0: by the target */
	size_t target;    /* bytes; 0: none */
	double scale;     /* of films; 0: there was none yet */
	uint8_t *out;
	size_t size;
};

static struct jpeg *owner_of(j_common_ptr compress)
{
	return compress->client_data;
}

static void handle_error(j_common_ptr compress)
{
	longjmp(owner_of(compress)->failed, 1);
}

static void ignore_message(j_common_ptr compress)
{
	(void)compress;
}

static void ignore_level(j_common_ptr compress, int level)
{
	(void)compress;
	(void)level;
}

static void begin_out(j_compress_ptr compress)
{
	struct jpeg *self = owner_of((j_common_ptr)compress);

	self->destination.next_output_byte = self->out;
	self->destination.free_in_buffer = self->size;
}

static boolean grow_out(j_compress_ptr compress)
{
	struct jpeg *self = owner_of((j_common_ptr)compress);
	uint8_t *out = mem_resize(self->out, self->size, 2);

	if (!out) {
		self->no_memory = true;
		longjmp(self->failed, 1);
	}
	self->out = out;
	self->destination.next_output_byte = out + self->size;
	self->destination.free_in_buffer = self->size;
	self->size *= 2;
	return TRUE;
}

static void end_out(j_compress_ptr compress)
{
	(void)compress;
}

/* The library would end the program where it has no way to return. */
static bool open_library(struct jpeg *self)
{
	self->compress.err = jpeg_std_error(&self->errors);
	self->errors.error_exit = handle_error;
	self->errors.output_message = ignore_message;
	self->errors.emit_message = ignore_level;
	self->compress.client_data = self;
	if (setjmp(self->failed))
		return false;
	jpeg_create_compress(&self->compress);
	self->destination.init_destination = begin_out;
	self->destination.empty_output_buffer = grow_out;
	self->destination.term_destination = end_out;
	self->compress.dest = &self->destination;
	self->compress.input_components = 4;
	self->compress.in_color_space = JCS_EXT_BGRX;
	jpeg_set_defaults(&self->compress);
	self->compress.dct_method = JDCT_ISLOW;
	self->compress.comp_info[0].h_samp_factor = 1; /* 4:4:4 */
	self->compress.comp_info[0].v_samp_factor = 1;
	return true;
}

static void destroy(struct codec *codec)
{
	struct jpeg *self = (struct jpeg *)codec;

	jpeg_destroy_compress(&self->compress);
	free(self->out);
	free(self->pixels);
	free(self);
}

static struct codec *create(void)
{
	struct jpeg *self = mem_new(struct jpeg);

	if (!self)
		return NULL;
	self->codec.impl = &codec_jpeg;
	self->out = mem_alloc(OUT_MIN, 1);
	self->size = OUT_MIN;
	if (!self->out || !open_library(self)) {
		destroy(&self->codec);
		return NULL;
	}
	return &self->codec;
}

static int load(struct codec *codec, const struct codec_input *in)
{
	struct jpeg *self = (struct jpeg *)codec;
	size_t n = (size_t)in->width * in->height;

	self->loaded = false;
	if (n > self->n_pixels) {
		uint32_t *pixels = mem_resize(self->pixels, n, sizeof(*pixels));

		if (!pixels)
			return -ENOMEM;
		self->pixels = pixels;
		self->n_pixels = n;
	}
	for (unsigned y = 0; y < in->height; y++)
		memcpy(self->pixels + (size_t)y * in->width, in->pixels + y * in->stride,
			in->width * sizeof(*self->pixels));
	self->compress.image_width = in->width;
	self->compress.image_height = in->height;
	self->quality = in->quality;
	self->target = in->target_bytes;
	self->loaded = true;
	return 0;
}

static void add_rows(struct jpeg *self)
{
	j_compress_ptr compress = &self->compress;

	while (compress->next_scanline < compress->image_height) {
		JSAMPROW rows[ROWS];
		unsigned n = 0;

		while (n < ROWS && compress->next_scanline + n < compress->image_height) {
			rows[n] = (JSAMPROW)(self->pixels +
				(size_t)(compress->next_scanline + n) * compress->image_width);
			n++;
		}
		jpeg_write_scanlines(compress, rows, n);
	}
}

/* So that @n bytes at @scale become the target. */
static double scale_for(const struct jpeg *self, double scale, double n)
{
	if (!self->target)
		return SCALE_BEST;
	scale *= pow(n / (double)self->target, 1 / SCALE_POWER);
	return scale < SCALE_BEST ? SCALE_BEST : scale > SCALE_LEAST ? SCALE_LEAST : scale;
}

static void set_quality(struct jpeg *self)
{
	double n = BEST_BYTES_PER_PX * self->compress.image_width * self->compress.image_height;

	if (self->quality) {
		jpeg_set_quality(&self->compress, (int)self->quality, TRUE);
		return;
	}
	if (self->scale == 0 || !self->target)
		self->scale = scale_for(self, SCALE_BEST, n);
	jpeg_set_linear_quality(&self->compress, (int)(self->scale + 0.5), TRUE);
}

static void note_size(struct jpeg *self, struct codec_output *coded)
{
	if (self->quality)
		return;
	coded->n_least = (size_t)((double)coded->n * pow(self->scale / SCALE_LEAST, SCALE_POWER));
	self->scale = scale_for(self, self->scale, (double)coded->n);
}

static int encode(struct codec *codec, struct codec_output *ret)
{
	struct jpeg *self = (struct jpeg *)codec;

	if (!self->loaded)
		return -EINVAL;
	self->loaded = false;
	self->no_memory = false;
	if (setjmp(self->failed)) {
		jpeg_abort_compress(&self->compress);
		return self->no_memory ? -ENOMEM : -EIO;
	}
	set_quality(self);
	jpeg_start_compress(&self->compress, TRUE);
	add_rows(self);
	jpeg_finish_compress(&self->compress);
	*ret = (struct codec_output){
		.bytes = self->out,
		.n = self->size - self->destination.free_in_buffer,
		.key = true,
	};
	note_size(self, ret);
	return 0;
}

const struct codec_impl codec_jpeg = {
	.id = CODEC_JPEG,
	.name = "jpeg",
	.side_min = 1,
	.side_max = JPEG_MAX_DIMENSION,
	.area_max = (size_t)16384 * 16384,
	.is_still = true,
	.create = create,
	.load = load,
	.encode = encode,
	.destroy = destroy,
};
