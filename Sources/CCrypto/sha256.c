#include "CCrypto.h"
#include <openssl/sha.h>

void ccrypto_sha256(const void *bytes, size_t count, uint8_t digest[32]) { SHA256(bytes, count, digest); }
