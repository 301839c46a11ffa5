#include "jsruntime/ops/crypto_cipher.h"

#include <openssl/rsa.h>

#include <string_view>
#include <utility>
#include <vector>

#include "jsruntime/ops/crypto_args.h"
#include "jsruntime/ops/crypto_cipher_steps.h"
#include "jsruntime/ops/crypto_key.h"

namespace zts::js {
namespace {

const EVP_CIPHER* CipherNamed(std::string_view mode, size_t key_bytes) {
  const int size = key_bytes == 16 ? 0 : key_bytes == 24 ? 1 : key_bytes == 32 ? 2 : -1;
  if (size < 0) return nullptr;
  using Make = const EVP_CIPHER* (*)();
  constexpr Make kCbc[] = {EVP_aes_128_cbc, EVP_aes_192_cbc, EVP_aes_256_cbc};
  constexpr Make kCtr[] = {EVP_aes_128_ctr, EVP_aes_192_ctr, EVP_aes_256_ctr};
  constexpr Make kGcm[] = {EVP_aes_128_gcm, EVP_aes_192_gcm, EVP_aes_256_gcm};
  constexpr Make kKw[] = {EVP_aes_128_wrap, EVP_aes_192_wrap, EVP_aes_256_wrap};
  if (mode == "cbc") return kCbc[size]();
  if (mode == "ctr") return kCtr[size]();
  if (mode == "gcm") return kGcm[size]();
  if (mode == "kw") return kKw[size]();
  return nullptr;
}

CipherCtxPtr Start(const EVP_CIPHER* cipher, bool encrypt, Bytes key, Bytes iv) {
  CipherCtxPtr context(EVP_CIPHER_CTX_new());
  if (context == nullptr || cipher == nullptr) return nullptr;
  const int direction = encrypt ? 1 : 0;
  const bool is_gcm = EVP_CIPHER_get_mode(cipher) == EVP_CIPH_GCM_MODE;
  if (EVP_CIPHER_get_mode(cipher) == EVP_CIPH_WRAP_MODE) EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  if (EVP_CipherInit_ex(context.get(), cipher, nullptr, nullptr, nullptr, direction) != 1) return nullptr;
  if (is_gcm) {
    if (iv.empty() || iv.size() > kSliceBytes ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(iv.size()), nullptr) != 1) {
      return nullptr;
    }
  } else if (iv.size() != static_cast<size_t>(EVP_CIPHER_get_iv_length(cipher)) && !iv.empty()) {
    return nullptr;
  }
  const uint8_t* start = iv.empty() ? nullptr : iv.data();
  if (EVP_CipherInit_ex(context.get(), nullptr, nullptr, key.data(), start, direction) != 1) return nullptr;
  return context;
}

struct AesCall {
  v8::Isolate* isolate;
  const EVP_CIPHER* cipher;
  bool encrypt;
  Bytes key;
  Bytes iv;
  Bytes data;
  uint32_t number;
  Bytes extra;
};

bool AesPlain(const AesCall& call, std::vector<uint8_t>* out) {
  const CipherCtxPtr context = Start(call.cipher, call.encrypt, call.key, call.iv);
  return context != nullptr && UpdateCipher(call.isolate, context.get(), call.data, out) && FinishCipher(context.get(), out);
}

bool AesGcm(const AesCall& call, std::vector<uint8_t>* out) {
  const size_t tag = call.number;
  if (tag > kTagBytesMax || (!call.encrypt && call.data.size() < tag)) return false;
  const CipherCtxPtr context = Start(call.cipher, call.encrypt, call.key, call.iv);
  if (context == nullptr || !AddExtraData(call.isolate, context.get(), call.extra)) return false;
  if (!call.encrypt) {
    const Bytes text = call.data.first(call.data.size() - tag);
    return SetCipherTag(context.get(), call.data.last(tag)) && UpdateCipher(call.isolate, context.get(), text, out) &&
           FinishCipher(context.get(), out);
  }
  if (!UpdateCipher(call.isolate, context.get(), call.data, out) || !FinishCipher(context.get(), out)) return false;
  const size_t end = out->size();
  out->resize(end + tag);
  return EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag), out->data() + end) == 1;
}

// Blocks until the lowest `bits` of the counter come around to zero; SIZE_MAX where that is beyond any data.
size_t BlocksToWrap(Bytes counter, uint32_t bits) {
  if (bits > 48) {
    // Far from the wrap unless all bits above the lowest 48 are set.
    for (uint32_t bit = 48; bit < bits; ++bit) {
      if (((counter[kBlockBytes - 1 - bit / 8] >> (bit % 8)) & 1) == 0) return SIZE_MAX;
    }
    bits = 48;
  }
  uint64_t value = 0;
  for (size_t i = kBlockBytes - 6; i < kBlockBytes; ++i) value = value << 8 | counter[i];
  const uint64_t period = uint64_t{1} << bits;
  return static_cast<size_t>(period - (value & (period - 1)));
}

// Only the lowest bits count (Web Cryptography 27.2): OpenSSL carries into the whole block, so the data is cut where they wrap.
bool AesCtr(const AesCall& call, std::vector<uint8_t>* out) {
  const uint32_t bits = call.number;
  if (bits == 0 || bits > 128 || call.iv.size() != kBlockBytes) return false;
  const size_t blocks = (call.data.size() + kBlockBytes - 1) / kBlockBytes;
  if (bits < 48 && blocks > size_t{1} << bits) return false;
  const size_t first = BlocksToWrap(call.iv, bits);
  AesCall part = call;
  if (first >= blocks) return AesPlain(part, out);
  part.data = call.data.first(first * kBlockBytes);
  if (!AesPlain(part, out)) return false;
  std::vector<uint8_t> wrapped(call.iv.begin(), call.iv.end());
  for (uint32_t bit = 0; bit < bits; ++bit) wrapped[kBlockBytes - 1 - bit / 8] &= static_cast<uint8_t>(~(1u << (bit % 8)));
  part.iv = wrapped;
  part.data = call.data.subspan(first * kBlockBytes);
  return AesPlain(part, out);
}

void Aes(const OpInfo& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  const Key* key = KeyOf(info[2]);
  if (!info[0]->IsString() || key == nullptr || key->pkey != nullptr) return;
  const Utf8Text mode(isolate, info[0].As<v8::String>());
  std::vector<uint8_t> out;
  {
    const BufferBytes iv(info[3]);
    const BufferBytes data(info[4]);
    const BufferBytes extra(info[6]);
    const AesCall call = {isolate,    CipherNamed(mode.view(), key->secret.size()), info[1]->IsTrue(),  key->secret, iv.bytes(),
                          data.bytes(), NumberOr(info[5], 0),                       extra.bytes()};
    if (call.cipher == nullptr) return;
    // Room at once, asked of the function's own memory: the result will be there too.
    if (!Realm::From(isolate)->heap.HasRoomFor(2 * data.size() + kBlockBytes)) return;
    out.reserve(data.size() + 2 * kBlockBytes);
    const bool ok = mode.view() == "gcm" ? AesGcm(call, &out) : mode.view() == "ctr" ? AesCtr(call, &out) : AesPlain(call, &out);
    if (!ok) return;
  }
  ReturnBytes(info, out);
}

void RsaOaep(const OpInfo& info) {
  const OpensslErrors errors;
  const bool encrypt = info[0]->IsTrue();
  const Key* key = KeyOf(info[1]);
  const EVP_MD* digest = DigestOf(info.GetIsolate(), info[2]);
  if (key == nullptr || key->pkey == nullptr || digest == nullptr || (!encrypt && !key->is_private)) return;
  const BufferBytes label(info[3]);
  const BufferBytes data(info[4]);
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key->pkey.get(), nullptr));
  if (context == nullptr || label.size() > kSecretBytesMax || data.size() > kRsaBitsMax / 8 ||
      (encrypt ? EVP_PKEY_encrypt_init(context.get()) : EVP_PKEY_decrypt_init(context.get())) <= 0 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) <= 0 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), digest) <= 0 || EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), digest) <= 0) {
    return;
  }
  if (label.size() > 0) {
    void* copy = OPENSSL_memdup(label.bytes().data(), label.size());  // the context's to free
    if (copy == nullptr || EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), copy, static_cast<int>(label.size())) <= 0) return;
  }
  std::vector<uint8_t> out(static_cast<size_t>(EVP_PKEY_get_size(key->pkey.get())));
  size_t size = out.size();
  const auto run = encrypt ? EVP_PKEY_encrypt : EVP_PKEY_decrypt;
  if (run(context.get(), out.data(), &size, NotNull(data.bytes()), data.size()) <= 0) return;
  ReturnBytes(info, Bytes(out).first(size));
}

// What node:crypto does with a key of RSA and a padding that is not OAEP.
enum RsaOperation : uint32_t { kPublicEncrypt, kPrivateDecrypt, kPrivateEncrypt, kPublicDecrypt };

void RsaPadded(const OpInfo& info) {
  const OpensslErrors errors;
  const uint32_t operation = NumberOr(info[0], UINT32_MAX);
  const Key* key = KeyOf(info[1]);
  const uint32_t padding = NumberOr(info[2], 0);
  const BufferBytes data(info[3]);
  const bool needs_private = operation == kPrivateDecrypt || operation == kPrivateEncrypt;
  if (operation > kPublicDecrypt || key == nullptr || key->pkey == nullptr || (needs_private && !key->is_private)) return;
  if ((padding != RSA_PKCS1_PADDING && padding != RSA_NO_PADDING) || data.size() > kRsaBitsMax / 8) return;
  using Init = int (*)(EVP_PKEY_CTX*);
  using Run = int (*)(EVP_PKEY_CTX*, unsigned char*, size_t*, const unsigned char*, size_t);
  constexpr std::pair<Init, Run> kSteps[] = {{EVP_PKEY_encrypt_init, EVP_PKEY_encrypt}, {EVP_PKEY_decrypt_init, EVP_PKEY_decrypt},
                                             {EVP_PKEY_sign_init, EVP_PKEY_sign}, {EVP_PKEY_verify_recover_init, EVP_PKEY_verify_recover}};
  const auto& [init, run] = kSteps[operation];
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key->pkey.get(), nullptr));
  if (context == nullptr || init(context.get()) <= 0 || EVP_PKEY_CTX_set_rsa_padding(context.get(), static_cast<int>(padding)) <= 0) return;
  std::vector<uint8_t> out(static_cast<size_t>(EVP_PKEY_get_size(key->pkey.get())));
  size_t size = out.size();
  if (run(context.get(), out.data(), &size, NotNull(data.bytes()), data.size()) > 0) ReturnBytes(info, Bytes(out).first(size));
}

constexpr Op kOps[] = {
    {"aes", Aes},
    {"rsaOaep", RsaOaep},
    {"rsaPadded", RsaPadded},
};

}  // namespace

std::span<const Op> CryptoCipherOps() { return kOps; }

}  // namespace zts::js
