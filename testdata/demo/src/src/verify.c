/*
 * Decides whether an update image may be installed. Nothing of an image is
 * used before its tag has been checked under the key of this device.
 */
#include "update.h"

#include <string.h>

static uint32_t read_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

/* Splits `data` into header and payload. Reads no byte beyond `size`. */
enum update_result parse_image(const unsigned char *data, size_t size,
			       struct image *out)
{
	if (size < IMAGE_HEADER_SIZE || memcmp(data, IMAGE_MAGIC, 4) != 0)
		return UPDATE_FORMAT;
	out->start = data;
	out->format = read_u32(data + 4);
	out->version = read_u32(data + 8);
	out->size = read_u32(data + 12);
	out->tag = data + 16;
	out->payload = data + IMAGE_HEADER_SIZE;
	if (out->format != 1 || out->size > IMAGE_MAX_SIZE)
		return UPDATE_FORMAT;
	if (out->size != size - IMAGE_HEADER_SIZE)
		return UPDATE_FORMAT;
	return UPDATE_OK;
}

/* The tag covers the header's first 16 bytes, then the payload's digest. */
static void image_tag(const struct image *image,
		      const struct settings *settings,
		      unsigned char tag[SHA256_SIZE])
{
	unsigned char covered[16 + SHA256_SIZE];
	struct sha256 s;

	memcpy(covered, image->start, 16);
	sha256_init(&s);
	sha256_update(&s, image->payload, image->size);
	sha256_final(&s, covered + 16);
	hmac_sha256(settings->key, sizeof settings->key, covered,
		    sizeof covered, tag);
}

/* Checks the tag first, then that the version does not go back. */
enum update_result verify_image(const struct image *image,
				const struct settings *settings)
{
	unsigned char tag[SHA256_SIZE];

	image_tag(image, settings, tag);
	if (!equal_constant_time(tag, image->tag, sizeof tag))
		return UPDATE_TAG;
	if (image->version < settings->installed_version)
		return UPDATE_ROLLBACK;
	return UPDATE_OK;
}
