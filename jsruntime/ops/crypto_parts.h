// Asymmetric keys between OpenSSL's form and what the outside has: DER (RFC 5280, RFC 5958) and the numbers of JWK.
//
// Thread:   any; no state. Errors: null or empty, with OpenSSL's error queue not cleared.
// Limits:   kRsaBitsMax; a DER form must be used up to its last byte.
#pragma once

#include <v8.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "jsruntime/ops/openssl.h"

namespace zts::js {

// n e d p q dp dq qi.
inline constexpr size_t kKeyPartsMax = 8;

using KeyParts = std::vector<std::vector<uint8_t>>;

// EVP_PKEY_RSA, EVP_PKEY_EC, EVP_PKEY_ED25519, EVP_PKEY_X25519, EVP_PKEY_ED448, EVP_PKEY_X448; 0 for anything else.
int TypeNamed(v8::Isolate* isolate, v8::Local<v8::Value> name);
// OpenSSL's number of "P-256", "P-384", "P-521"; 0 for anything else.
int CurveNamed(v8::Isolate* isolate, v8::Local<v8::Value> name);

PkeyPtr ReadSpki(std::span<const uint8_t> der);
PkeyPtr ReadPkcs8(std::span<const uint8_t> der);
PkeyPtr FromParts(int type, int curve, const KeyParts& parts, bool* is_private);

// Whether it is a key of that type and, for EC, on that curve; a null key is of none.
bool IsOf(const EVP_PKEY* pkey, int type, int curve);
KeyParts PartsOf(const EVP_PKEY* pkey, bool with_private);
// An uncompressed point (SEC 1 2.3.3), or the 32 bytes of RFC 8032 and 7748.
std::vector<uint8_t> PublicPoint(const EVP_PKEY* pkey);
// Bytes of one coordinate, and of one half of an ECDSA signature.
size_t FieldBytes(const EVP_PKEY* pkey);

}  // namespace zts::js
