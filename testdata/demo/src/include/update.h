/* An update image, and what can be done with one. */
#ifndef GW_UPDATE_H
#define GW_UPDATE_H

#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

#define IMAGE_MAGIC "GWUP"
#define IMAGE_HEADER_SIZE 48
#define IMAGE_MAX_SIZE (16u << 20)
#define DEVICE_KEY_SIZE 32

enum update_result {
	UPDATE_OK = 0,
	UPDATE_IO = 1,
	UPDATE_FORMAT = 2,
	UPDATE_TAG = 3,
	UPDATE_ROLLBACK = 4,
};

/*
 * On disk: magic (4), format (u32 le), version (u32 le), payload size (u32 le),
 * tag (32): HMAC-SHA-256 under the device key over the first 16 bytes and the
 * SHA-256 of the payload. Then the payload.
 */
struct image {
	uint32_t format;
	uint32_t version;
	uint32_t size;
	const unsigned char *tag;
	const unsigned char *payload;
	const unsigned char *start;
};

struct settings {
	const char *key_path;
	const char *slot_path;
	const char *version_path;
	uint32_t installed_version;
	unsigned char key[DEVICE_KEY_SIZE];
};

/* settings.c */
void settings_defaults(struct settings *s);
int settings_load(struct settings *s);

/* verify.c */
enum update_result parse_image(const unsigned char *data, size_t size,
			       struct image *out);
enum update_result verify_image(const struct image *image,
				const struct settings *settings);

/* install.c */
enum update_result install_image(const struct image *image,
				 const struct settings *settings);

const char *update_message(enum update_result result);

#endif
