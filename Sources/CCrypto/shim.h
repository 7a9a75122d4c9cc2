// SPDX-License-Identifier: Apache-2.0
// The old RSA calls are wanted: they need none of OpenSSL 3's providers, whose loading costs more than a signature.
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Macros that Swift cannot see.
static inline EVP_PKEY *cc_elliptic_key(void) { return EVP_EC_gen("P-256"); }
