// OpenSSL's objects with owners, and its error queue kept empty.
//
// The functions are those of OpenSSL 3 that the host binary exports; nothing is linked.
//
// Owner:    whoever holds the pointer.
// Thread:   one at a time; the error queue is the thread's.
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>

namespace zts::js {

template <auto kFree>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using BignumPtr = std::unique_ptr<BIGNUM, OpensslFree<BN_clear_free>>;
using CipherCtxPtr = std::unique_ptr<EVP_CIPHER_CTX, OpensslFree<EVP_CIPHER_CTX_free>>;
using EcdsaSigPtr = std::unique_ptr<ECDSA_SIG, OpensslFree<ECDSA_SIG_free>>;
using HmacCtxPtr = std::unique_ptr<HMAC_CTX, OpensslFree<HMAC_CTX_free>>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>>;
using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, OpensslFree<PKCS8_PRIV_KEY_INFO_free>>;
using PkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;

// Failures are values of ours; what OpenSSL notes about them on the thread is dropped at the end of the op.
struct OpensslErrors {
  OpensslErrors() = default;
  OpensslErrors(const OpensslErrors&) = delete;
  OpensslErrors& operator=(const OpensslErrors&) = delete;
  ~OpensslErrors() { ERR_clear_error(); }
};

// The hashes of Web Cryptography by their names there, and those that only node:crypto has; null for others.
const EVP_MD* DigestNamed(std::string_view name);

}  // namespace zts::js
