/* SHA-256 (FIPS 180-4) and HMAC (RFC 2104) over it. */
#include "sha256.h"

#include <string.h>

static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void compress(struct sha256 *s, const unsigned char *p)
{
	uint32_t w[64], v[8], t1, t2;
	int i;

	for (i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
		       (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (; i < 64; i++) {
		t1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
		t2 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
		w[i] = w[i - 16] + t2 + w[i - 7] + t1;
	}
	memcpy(v, s->state, sizeof v);
	for (i = 0; i < 64; i++) {
		t1 = v[7] + K[i] + w[i] + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
		     (rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25));
		t2 = ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])) +
		     (rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22));
		memmove(v + 1, v, 7 * sizeof v[0]);
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (i = 0; i < 8; i++)
		s->state[i] += v[i];
}

void sha256_init(struct sha256 *s)
{
	static const uint32_t start[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};

	memcpy(s->state, start, sizeof start);
	s->length = 0;
}

void sha256_update(struct sha256 *s, const void *data, size_t size)
{
	const unsigned char *p = data;
	size_t used = s->length % 64, room;

	s->length += size;
	while (size > 0) {
		room = 64 - used;
		if (room > size)
			room = size;
		memcpy(s->block + used, p, room);
		used += room;
		p += room;
		size -= room;
		if (used == 64) {
			compress(s, s->block);
			used = 0;
		}
	}
}

void sha256_final(struct sha256 *s, unsigned char out[SHA256_SIZE])
{
	static const unsigned char pad[64] = { 0x80 };
	uint64_t bits = s->length * 8;
	unsigned char end[8];
	int i;

	for (i = 0; i < 8; i++)
		end[i] = (unsigned char)(bits >> (56 - 8 * i));
	sha256_update(s, pad, 1 + (119 - s->length % 64) % 64);
	sha256_update(s, end, sizeof end);
	for (i = 0; i < SHA256_SIZE; i++)
		out[i] = (unsigned char)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}

void hmac_sha256(const unsigned char *key, size_t key_size, const void *data,
		 size_t size, unsigned char out[SHA256_SIZE])
{
	unsigned char pad[64];
	struct sha256 s;
	size_t i;

	memset(pad, 0x36, sizeof pad);
	for (i = 0; i < key_size && i < sizeof pad; i++)
		pad[i] ^= key[i];
	sha256_init(&s);
	sha256_update(&s, pad, sizeof pad);
	sha256_update(&s, data, size);
	sha256_final(&s, out);

	for (i = 0; i < sizeof pad; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha256_init(&s);
	sha256_update(&s, pad, sizeof pad);
	sha256_update(&s, out, SHA256_SIZE);
	sha256_final(&s, out);
}

int equal_constant_time(const unsigned char *a, const unsigned char *b,
			size_t size)
{
	unsigned char difference = 0;
	size_t i;

	for (i = 0; i < size; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}
