#pragma once
#include <stddef.h>
#include <stdint.h>

// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto: `digest` receives 32 bytes.
void ccrypto_sha256(const void *bytes, size_t count, uint8_t digest[32]);
