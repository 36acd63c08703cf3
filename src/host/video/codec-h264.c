/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/codec.h"

#include <errno.h>
#include <wels/codec_api.h>

#include "base/mem.h"
#include "host/video/planes.h"

/* As in codec-vp9.c: bytes a picture, said as bits a second. */
#define RATE 30
#define BITRATE_MIN 10000
#define BITRATE_MAX 200000000

struct h264 {
	struct codec codec;
	struct planes planes;
	bool loaded;
	bool key;
	int bitrate;

	/* For the size and the bitrate in the parameters. */
	ISVCEncoder *encoder;
	SEncParamExt parameters;
	bool running;
	int64_t n_pictures;
	uint8_t *out;
	size_t size;
};

static struct codec *create(void)
{
	struct h264 *self = mem_new(struct h264);

	if (!self)
		return NULL;
	self->codec.impl = &codec_h264;
	return &self->codec;
}

static void stop(struct h264 *self)
{
	if (self->running)
		(*self->encoder)->Uninitialize(self->encoder);
	if (self->encoder)
		WelsDestroySVCEncoder(self->encoder);
	self->encoder = NULL;
	self->running = false;
}

static void destroy(struct codec *codec)
{
	struct h264 *self = (struct h264 *)codec;

	stop(self);
	planes_finish(&self->planes);
	free(self->out);
	free(self);
}

static int bitrate_of(const struct codec_input *in)
{
	size_t bitrate = codec_target(in) * 8 * RATE;

	return bitrate < BITRATE_MIN    ? BITRATE_MIN
		: bitrate > BITRATE_MAX ? BITRATE_MAX
					: (int)bitrate;
}

static int load(struct codec *codec, const struct codec_input *in)
{
	struct h264 *self = (struct h264 *)codec;
	int r = planes_resize(&self->planes, in->width, in->height);

	self->loaded = false;
	if (r < 0)
		return r;
	planes_fill(&self->planes, in->pixels, in->stride, in->width, in->height);
	self->bitrate = bitrate_of(in);
	self->key = in->key;
	self->loaded = true;
	return 0;
}

static void set_parameters(struct h264 *self)
{
	SEncParamExt *p = &self->parameters;
	SSpatialLayerConfig *layer = &p->sSpatialLayers[0];

	p->iUsageType = CAMERA_VIDEO_REAL_TIME;
	p->iPicWidth = (int)self->planes.width;
	p->iPicHeight = (int)self->planes.height;
	p->iTargetBitrate = self->bitrate;
	p->iMaxBitrate = UNSPECIFIED_BIT_RATE;
	p->iRCMode = RC_BITRATE_MODE;
	p->fMaxFrameRate = RATE;
	p->iComplexityMode = LOW_COMPLEXITY;
	p->uiIntraPeriod = 0;
	p->iNumRefFrame = 1;
	p->eSpsPpsIdStrategy = CONSTANT_ID;
	p->iEntropyCodingModeFlag = 0;
	p->bEnableFrameSkip = false;
	p->iMinQp = 28; /* about 38 dB; better costs twice the time, for a picture that is gone
			   at once */
	p->iMaxQp = 48;
	p->iMultipleThreadIdc = 1; /* the caller's own */
	p->bEnableDenoise = false;
	p->bEnableBackgroundDetection = false; /* costs dB, saves nothing */
	p->bEnableAdaptiveQuant = false;
	p->bEnableSceneChangeDetect = false; /* it would make key pictures */
	p->iSpatialLayerNum = 1;
	p->iTemporalLayerNum = 1;
	layer->iVideoWidth = p->iPicWidth;
	layer->iVideoHeight = p->iPicHeight;
	layer->fFrameRate = p->fMaxFrameRate;
	layer->iSpatialBitrate = p->iTargetBitrate;
	layer->iMaxSpatialBitrate = UNSPECIFIED_BIT_RATE;
	layer->uiProfileIdc = PRO_BASELINE;
	layer->sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
	layer->bVideoSignalTypePresent = true;
	layer->uiVideoFormat = VF_UNDEF;
	layer->bFullRange = false;
	layer->bColorDescriptionPresent = true;
	layer->uiColorPrimaries = CP_BT709;
	layer->uiTransferCharacteristics = TRC_IEC61966_2_1;
	layer->uiColorMatrix = CM_SMPTE170M;
}

static int error_of(int result)
{
	return result == cmResultSuccess ? 0 : result == cmMallocMemeError ? -ENOMEM : -EIO;
}

static int start(struct h264 *self)
{
	int format = videoFormatI420, level = WELS_LOG_QUIET;
	int r;

	if (WelsCreateSVCEncoder(&self->encoder) != 0)
		return -ENOMEM;
	(*self->encoder)->SetOption(self->encoder, ENCODER_OPTION_TRACE_LEVEL, &level);
	r = error_of((*self->encoder)->GetDefaultParams(self->encoder, &self->parameters));
	if (r < 0)
		return r;
	set_parameters(self);
	r = error_of((*self->encoder)->InitializeExt(self->encoder, &self->parameters));
	if (r < 0)
		return r;
	self->running = true;
	self->n_pictures = 0;
	return error_of(
		(*self->encoder)->SetOption(self->encoder, ENCODER_OPTION_DATAFORMAT, &format));
}

static int set_bitrate(struct h264 *self)
{
	SBitrateInfo info = { .iLayer = SPATIAL_LAYER_ALL, .iBitrate = self->bitrate };

	if (!codec_target_differs(
		    (size_t)self->parameters.iTargetBitrate, (size_t)self->bitrate))
		return 0;
	self->parameters.iTargetBitrate = self->bitrate;
	return error_of(
		(*self->encoder)->SetOption(self->encoder, ENCODER_OPTION_BITRATE, &info));
}

static int prepare(struct h264 *self)
{
	if (self->running &&
		(self->parameters.iPicWidth != (int)self->planes.width ||
			self->parameters.iPicHeight != (int)self->planes.height))
		stop(self);
	if (!self->running) {
		stop(self); /* what half began */
		return start(self);
	}
	if (self->key)
		(*self->encoder)->ForceIntraFrame(self->encoder, true);
	return set_bitrate(self);
}

static int encode_planes(struct h264 *self, SFrameBSInfo *ret)
{
	const struct planes *planes = &self->planes;
	int width = (int)planes->width;
	SSourcePicture picture = {
		.iColorFormat = videoFormatI420,
		.iStride = { width, width / 2, width / 2 },
		.pData = { planes->y, planes->u, planes->v },
		.iPicWidth = width,
		.iPicHeight = (int)planes->height,
		.uiTimeStamp = self->n_pictures++ * 1000 / RATE,
	};

	return error_of((*self->encoder)->EncodeFrame(self->encoder, &picture, ret));
}

static size_t layer_size(const SLayerBSInfo *layer)
{
	size_t n = 0;

	for (int unit = 0; unit < layer->iNalCount; unit++)
		n += (size_t)layer->pNalLengthInByte[unit];
	return n;
}

/* Joins the layers: parameter sets are one of their own. */
static int take(struct h264 *self, const SFrameBSInfo *info, struct codec_output *ret)
{
	size_t n = 0;

	if (info->eFrameType == videoFrameTypeInvalid || info->eFrameType == videoFrameTypeSkip)
		return -EIO;
	for (int i = 0; i < info->iLayerNum; i++)
		n += layer_size(&info->sLayerInfo[i]);
	if (n > self->size) {
		uint8_t *out = mem_resize(self->out, n, 1);

		if (!out)
			return -ENOMEM;
		self->out = out;
		self->size = n;
	}
	n = 0;
	for (int i = 0; i < info->iLayerNum; i++) {
		size_t length = layer_size(&info->sLayerInfo[i]);

		memcpy(self->out + n, info->sLayerInfo[i].pBsBuf, length);
		n += length;
	}
	*ret = (struct codec_output){
		.bytes = self->out,
		.n = n,
		.key = info->eFrameType == videoFrameTypeIDR,
	};
	return 0;
}

static int encode(struct codec *codec, struct codec_output *ret)
{
	struct h264 *self = (struct h264 *)codec;
	SFrameBSInfo info = { 0 };
	int r;

	if (!self->loaded)
		return -EINVAL;
	self->loaded = false;
	r = prepare(self);
	if (r >= 0)
		r = encode_planes(self, &info);
	if (r >= 0)
		r = take(self, &info, ret);
	if (r < 0)
		stop(self);
	return r;
}

/* Level 5.2's 36864 macroblocks are the library's limit. */
const struct codec_impl codec_h264 = {
	.id = CODEC_H264,
	.name = "h264",
	.side_min = 16,
	.side_max = 4096,
	.area_max = (size_t)36864 * 256,
	.create = create,
	.load = load,
	.encode = encode,
	.destroy = destroy,
};
