/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit/picture-decoder.h"

#include <libyuv/convert_argb.h>
#include <math.h>
#include <stdio.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <wels/codec_api.h>

#include <jpeglib.h>

#include "base/mem.h"

struct picture_decoder {
	enum codec_id id;
	vpx_codec_ctx_t vp9;
	ISVCDecoder *h264;
};

struct planar {
	unsigned width;
	unsigned height;
	const uint8_t *planes[3];
	int strides[3];
};

struct picture_decoder *picture_decoder_create(enum codec_id id)
{
	struct picture_decoder *self = xnew(struct picture_decoder);
	SDecodingParam parameters = { .sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC };
	int level = WELS_LOG_QUIET;

	self->id = id;
	if (id == CODEC_VP9 &&
		vpx_codec_dec_init(&self->vp9, vpx_codec_vp9_dx(), NULL, 0) != VPX_CODEC_OK)
		abort();
	if (id == CODEC_H264) {
		if (WelsCreateDecoder(&self->h264) != 0)
			abort();
		(*self->h264)->SetOption(self->h264, DECODER_OPTION_TRACE_LEVEL, &level);
		if ((*self->h264)->Initialize(self->h264, &parameters) != 0)
			abort();
	}
	return self;
}

void picture_decoder_destroy(struct picture_decoder *self)
{
	if (self->id == CODEC_VP9)
		vpx_codec_destroy(&self->vp9);
	if (self->h264) {
		(*self->h264)->Uninitialize(self->h264);
		WelsDestroyDecoder(self->h264);
	}
	free(self);
}

static bool decode_vp9(
	struct picture_decoder *self, const uint8_t *bytes, size_t n, struct planar *ret)
{
	vpx_codec_iter_t at = NULL;
	vpx_image_t *image;

	if (vpx_codec_decode(&self->vp9, bytes, (unsigned)n, NULL, 0) != VPX_CODEC_OK)
		return false;
	image = vpx_codec_get_frame(&self->vp9, &at);
	if (!image || image->fmt != VPX_IMG_FMT_I420)
		return false;
	*ret = (struct planar){ .width = image->d_w, .height = image->d_h };
	for (int i = 0; i < 3; i++) {
		ret->planes[i] = image->planes[i];
		ret->strides[i] = image->stride[i];
	}
	return true;
}

static bool decode_h264(
	struct picture_decoder *self, const uint8_t *bytes, size_t n, struct planar *ret)
{
	unsigned char *planes[3] = { NULL };
	SBufferInfo info = { 0 };

	if ((*self->h264)->DecodeFrameNoDelay(self->h264, bytes, (int)n, planes, &info) != 0 ||
		info.iBufferStatus != 1)
		return false;
	*ret = (struct planar){
		.width = (unsigned)info.UsrData.sSystemBuffer.iWidth,
		.height = (unsigned)info.UsrData.sSystemBuffer.iHeight,
		.planes = { planes[0], planes[1], planes[2] },
		.strides = { info.UsrData.sSystemBuffer.iStride[0],
			info.UsrData.sSystemBuffer.iStride[1],
			info.UsrData.sSystemBuffer.iStride[1] },
	};
	return true;
}

static bool decode_jpeg(
	const uint8_t *bytes, size_t n, uint32_t *pixels, unsigned width, unsigned height)
{
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	bool right;

	jpeg.err = jpeg_std_error(&errors); /* ends the test with a word */
	jpeg_create_decompress(&jpeg);
	jpeg_mem_src(&jpeg, bytes, n);
	jpeg_read_header(&jpeg, TRUE);
	jpeg.out_color_space = JCS_EXT_BGRX;
	right = jpeg.image_width == width && jpeg.image_height == height;
	if (right) {
		jpeg_start_decompress(&jpeg);
		while (jpeg.output_scanline < height) {
			JSAMPROW row =
				(JSAMPROW)(pixels + (size_t)jpeg.output_scanline * width);

			jpeg_read_scanlines(&jpeg, &row, 1);
		}
		jpeg_finish_decompress(&jpeg);
	}
	jpeg_destroy_decompress(&jpeg);
	return right;
}

bool picture_decode(struct picture_decoder *self, const uint8_t *bytes, size_t n,
	uint32_t *pixels, unsigned width, unsigned height)
{
	struct planar planar;

	if (self->id == CODEC_JPEG)
		return decode_jpeg(bytes, n, pixels, width, height);
	if (self->id == CODEC_VP9 ? !decode_vp9(self, bytes, n, &planar)
				  : !decode_h264(self, bytes, n, &planar))
		return false;
	if (planar.width != width + width % 2 || planar.height != height + height % 2)
		return false;
	I420ToARGB(planar.planes[0], planar.strides[0], planar.planes[1], planar.strides[1],
		planar.planes[2], planar.strides[2], (uint8_t *)pixels, (int)width * 4,
		(int)width, (int)height);
	return true;
}

double picture_psnr(const uint32_t *a, const uint32_t *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		for (int shift = 0; shift < 24; shift += 8) {
			int difference =
				(int)(a[i] >> shift & 255) - (int)(b[i] >> shift & 255);

			sum += difference * difference;
		}
	}
	return sum > 0 ? 10 * log10(255.0 * 255 * 3 * (double)n / sum) : 99;
}
