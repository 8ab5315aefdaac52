#pragma once
#include <stddef.h>
#include <stdint.h>

// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto. NULL when there is no memory.
typedef struct ccrypto_sha256 ccrypto_sha256;
ccrypto_sha256 *ccrypto_sha256_create(void);
void ccrypto_sha256_add(ccrypto_sha256 *hash, const void *bytes, size_t count);
// `digest` receives 32 bytes; the hash is gone afterwards. `digest` may be NULL.
void ccrypto_sha256_finish(ccrypto_sha256 *hash, uint8_t *digest);
