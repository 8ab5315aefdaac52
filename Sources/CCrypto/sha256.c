#include "CCrypto.h"
#include <openssl/evp.h>

struct ccrypto_sha256;

ccrypto_sha256 *ccrypto_sha256_create(void) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
    EVP_MD_CTX_free(context);
    context = NULL;
  }
  return (ccrypto_sha256 *)context;
}

void ccrypto_sha256_add(ccrypto_sha256 *hash, const void *bytes, size_t count) {
  EVP_DigestUpdate((EVP_MD_CTX *)hash, bytes, count);
}

void ccrypto_sha256_finish(ccrypto_sha256 *hash, uint8_t *digest) {
  if (digest != NULL) EVP_DigestFinal_ex((EVP_MD_CTX *)hash, digest, NULL);
  EVP_MD_CTX_free((EVP_MD_CTX *)hash);
}
