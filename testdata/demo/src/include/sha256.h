/* SHA-256 (FIPS 180-4) and HMAC (RFC 2104) over it. */
#ifndef GW_SHA256_H
#define GW_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
	uint32_t state[8];
	uint64_t length;
	unsigned char block[64];
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t size);
void sha256_final(struct sha256 *s, unsigned char out[SHA256_SIZE]);

void hmac_sha256(const unsigned char *key, size_t key_size, const void *data,
		 size_t size, unsigned char out[SHA256_SIZE]);

/* 1 when both are equal; takes the same time wherever they differ. */
int equal_constant_time(const unsigned char *a, const unsigned char *b,
			size_t size);

#endif
