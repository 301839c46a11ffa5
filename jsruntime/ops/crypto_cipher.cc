#include "jsruntime/ops/crypto_cipher.h"

#include <openssl/objects.h>
#include <openssl/rsa.h>

#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "jsruntime/ops/crypto_args.h"
#include "jsruntime/ops/crypto_key.h"

namespace zts::js {
namespace {

constexpr size_t kBlockBytes = 16;
constexpr size_t kTagBytesMax = 16;

using Bytes = std::span<const uint8_t>;

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

// Appends to `out`, which has room for a block more than `data`.
bool Update(v8::Isolate* isolate, EVP_CIPHER_CTX* context, Bytes data, std::vector<uint8_t>* out) {
  return InSlices(isolate, data, [&](Bytes slice) {
    const size_t start = out->size();
    out->resize(start + slice.size() + kBlockBytes);
    int size = 0;
    const bool ok =
        EVP_CipherUpdate(context, out->data() + start, &size, slice.data(), static_cast<int>(slice.size())) == 1;
    out->resize(start + (ok ? static_cast<size_t>(size) : 0));
    return ok;
  });
}

bool Extra(v8::Isolate* isolate, EVP_CIPHER_CTX* context, Bytes data) {
  return InSlices(isolate, data, [&](Bytes slice) {
    int size = 0;
    return EVP_CipherUpdate(context, nullptr, &size, slice.data(), static_cast<int>(slice.size())) == 1;
  });
}

bool Final(EVP_CIPHER_CTX* context, std::vector<uint8_t>* out) {
  const size_t start = out->size();
  out->resize(start + kBlockBytes);
  int size = 0;
  const bool ok = EVP_CipherFinal_ex(context, out->data() + start, &size) == 1;
  out->resize(start + (ok ? static_cast<size_t>(size) : 0));
  return ok;
}

bool SetTag(EVP_CIPHER_CTX* context, Bytes tag) {
  uint8_t copy[kTagBytesMax];
  if (tag.empty() || tag.size() > kTagBytesMax) return false;
  std::copy(tag.begin(), tag.end(), copy);
  return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), copy) == 1;
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
  return context != nullptr && Update(call.isolate, context.get(), call.data, out) && Final(context.get(), out);
}

bool AesGcm(const AesCall& call, std::vector<uint8_t>* out) {
  const size_t tag = call.number;
  if (tag > kTagBytesMax || (!call.encrypt && call.data.size() < tag)) return false;
  const CipherCtxPtr context = Start(call.cipher, call.encrypt, call.key, call.iv);
  if (context == nullptr || !Extra(call.isolate, context.get(), call.extra)) return false;
  if (!call.encrypt) {
    const Bytes text = call.data.first(call.data.size() - tag);
    return SetTag(context.get(), call.data.last(tag)) && Update(call.isolate, context.get(), text, out) &&
           Final(context.get(), out);
  }
  if (!Update(call.isolate, context.get(), call.data, out) || !Final(context.get(), out)) return false;
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

// --- one piece at a time -------------------------------------------------------------------------------------------------------------

struct Cipher final : NativeObject {
  static constexpr Kind kKind = Kind::kCipher;
  Cipher() : NativeObject(kKind) {}
  size_t bytes() const override { return 1024; }

  CipherCtxPtr context;
  // Its data must come in one piece.
  bool takes_one_piece = false;
  size_t tag_bytes = 0;
};

const char* ModeName(const EVP_CIPHER* cipher) {
  switch (EVP_CIPHER_get_mode(cipher)) {
    case EVP_CIPH_ECB_MODE: return "ecb";
    case EVP_CIPH_CBC_MODE: return "cbc";
    case EVP_CIPH_CFB_MODE: return "cfb";
    case EVP_CIPH_OFB_MODE: return "ofb";
    case EVP_CIPH_CTR_MODE: return "ctr";
    case EVP_CIPH_GCM_MODE: return "gcm";
    case EVP_CIPH_CCM_MODE: return "ccm";
    case EVP_CIPH_OCB_MODE: return "ocb";
    case EVP_CIPH_XTS_MODE: return "xts";
    case EVP_CIPH_WRAP_MODE: return "wrap";
    default: return "stream";
  }
}

bool IsAead(const EVP_CIPHER* cipher) { return (EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER) != 0; }

// Null for those that OpenSSL names and has not, for what takes its data in another way, and for the parts of TLS.
const EVP_CIPHER* CipherOf(v8::Isolate* isolate, v8::Local<v8::Value> name) {
  if (name->IsInt32()) return EVP_get_cipherbynid(name.As<v8::Int32>()->Value());
  if (!name->IsString()) return nullptr;
  const EVP_CIPHER* cipher = EVP_get_cipherbyname(std::string(Utf8Text(isolate, name.As<v8::String>()).view()).c_str());
  const int mode = cipher == nullptr ? EVP_CIPH_SIV_MODE : EVP_CIPHER_get_mode(cipher);
  if (mode == EVP_CIPH_SIV_MODE || (mode == EVP_CIPH_CBC_MODE && IsAead(cipher))) return nullptr;
  EVP_CIPHER* const there = EVP_CIPHER_fetch(nullptr, EVP_CIPHER_get0_name(cipher), nullptr);
  EVP_CIPHER_free(there);
  return there == nullptr ? nullptr : cipher;
}

void CipherInfo(const OpInfo& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  const EVP_CIPHER* const cipher = CipherOf(isolate, info[0]);
  if (cipher == nullptr) return;
  const auto text = [&](const char* value) {
    return v8::String::NewFromUtf8(isolate, value).ToLocalChecked().As<v8::Value>();
  };
  const auto number = [&](int value) { return v8::Integer::New(isolate, value).As<v8::Value>(); };
  v8::Local<v8::Value> parts[] = {text(OBJ_nid2ln(EVP_CIPHER_get_nid(cipher))), number(EVP_CIPHER_get_nid(cipher)),
                                  text(ModeName(cipher)),                       number(EVP_CIPHER_get_key_length(cipher)),
                                  number(EVP_CIPHER_get_iv_length(cipher)),     number(EVP_CIPHER_get_block_size(cipher)),
                                  v8::Boolean::New(isolate, IsAead(cipher)).As<v8::Value>()};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, std::size(parts)));
}

void CipherNames(const OpInfo& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  std::vector<std::string> names;
  EVP_CIPHER_do_all_sorted(
      [](const EVP_CIPHER*, const char* from, const char*, void* list) { static_cast<std::vector<std::string>*>(list)->push_back(from); },
      &names);
  v8::LocalVector<v8::Value> there(isolate);
  for (const std::string& name : names) {
    const v8::Local<v8::String> text = v8::String::NewFromUtf8(isolate, name.c_str()).ToLocalChecked();
    if (CipherOf(isolate, text) != nullptr) there.push_back(text);
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, there.data(), there.size()));
}

// Key and iv have been looked at: what does not fit here is the iv of a cipher that has limits of its own.
CipherCtxPtr StartAny(const EVP_CIPHER* cipher, bool encrypt, Bytes key, Bytes iv, size_t tag_bytes) {
  CipherCtxPtr context(EVP_CIPHER_CTX_new());
  const int mode = EVP_CIPHER_get_mode(cipher);
  const int direction = encrypt ? 1 : 0;
  if (context == nullptr || iv.size() > kSliceBytes || key.size() > EVP_MAX_KEY_LENGTH) return nullptr;
  if (mode == EVP_CIPH_WRAP_MODE) EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  if (EVP_CipherInit_ex(context.get(), cipher, nullptr, nullptr, nullptr, direction) != 1) return nullptr;
  if (IsAead(cipher)) {
    const int size = static_cast<int>(iv.size());
    if (EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, size, nullptr) != 1) return nullptr;
    // Of GCM and its like the length is told when the tag is asked for.
    const bool needs_length = mode == EVP_CIPH_CCM_MODE || mode == EVP_CIPH_OCB_MODE;
    const int tag = static_cast<int>(tag_bytes);
    if (needs_length && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag, nullptr) != 1) return nullptr;
  }
  if (EVP_CIPHER_CTX_set_key_length(context.get(), static_cast<int>(key.size())) != 1) return nullptr;
  const uint8_t* const start = iv.empty() ? nullptr : iv.data();
  return EVP_CipherInit_ex(context.get(), nullptr, nullptr, key.data(), start, direction) == 1 ? std::move(context) : nullptr;
}

void CipherStart(const OpInfo& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate);
  const EVP_CIPHER* const kind = CipherOf(isolate, info[0]);
  if (kind == nullptr || realm == nullptr) return;
  auto cipher = std::make_unique<Cipher>();
  {
    const BufferBytes key(info[2]);
    const BufferBytes iv(info[3]);
    cipher->tag_bytes = std::min<size_t>(NumberOr(info[4], kTagBytesMax), kTagBytesMax);
    const int mode = EVP_CIPHER_get_mode(kind);
    cipher->takes_one_piece = mode == EVP_CIPH_CCM_MODE || mode == EVP_CIPH_WRAP_MODE || mode == EVP_CIPH_XTS_MODE;
    cipher->context = StartAny(kind, info[1]->IsTrue(), key.bytes(), iv.bytes(), cipher->tag_bytes);
  }
  v8::Local<v8::Value> handle;
  if (cipher->context != nullptr && realm->objects.Add(isolate, std::move(cipher)).ToLocal(&handle)) info.GetReturnValue().Set(handle);
}

bool UpdateWhole(EVP_CIPHER_CTX* context, Bytes data, std::vector<uint8_t>* out) {
  if (data.size() > size_t{INT32_MAX} - 2 * kBlockBytes) return false;
  out->resize(data.size() + 2 * kBlockBytes);
  int size = 0;
  const bool ok = EVP_CipherUpdate(context, out->data(), &size, NotNull(data), static_cast<int>(data.size())) == 1;
  out->resize(ok ? static_cast<size_t>(size) : 0);
  return ok;
}

void CipherUpdate(const OpInfo& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  const auto* cipher = NativeObjects::Get<Cipher>(info[0]);
  std::vector<uint8_t> out;
  {
    const BufferBytes data(info[1]);
    if (cipher == nullptr || !Realm::From(isolate)->heap.HasRoomFor(2 * data.size() + kBlockBytes)) return;
    out.reserve(data.size() + 2 * kBlockBytes);
    EVP_CIPHER_CTX* const context = cipher->context.get();
    if (!(cipher->takes_one_piece ? UpdateWhole(context, data.bytes(), &out) : Update(isolate, context, data.bytes(), &out))) return;
  }
  ReturnBytes(info, out);
}

void CipherExtra(const OpInfo& info) {
  const OpensslErrors errors;
  const auto* cipher = NativeObjects::Get<Cipher>(info[0]);
  const BufferBytes data(info[1]);
  if (cipher == nullptr) return;
  EVP_CIPHER_CTX* const context = cipher->context.get();
  int size = 0;
  if (info[2]->IsInt32() && EVP_CipherUpdate(context, nullptr, &size, nullptr, info[2].As<v8::Int32>()->Value()) != 1) return;
  if (Extra(info.GetIsolate(), context, data.bytes())) info.GetReturnValue().Set(true);
}

void CipherPadding(const OpInfo& info) {
  const auto* cipher = NativeObjects::Get<Cipher>(info[0]);
  if (cipher != nullptr && EVP_CIPHER_CTX_set_padding(cipher->context.get(), info[1]->IsTrue() ? 1 : 0) == 1) {
    info.GetReturnValue().Set(true);
  }
}

void CipherFinal(const OpInfo& info) {
  const OpensslErrors errors;
  const auto* cipher = NativeObjects::Get<Cipher>(info[0]);
  std::vector<uint8_t> out;
  if (cipher != nullptr && Final(cipher->context.get(), &out)) ReturnBytes(info, out);
}

void CipherTag(const OpInfo& info) {
  const OpensslErrors errors;
  const auto* cipher = NativeObjects::Get<Cipher>(info[0]);
  if (cipher == nullptr) return;
  if (info.Length() > 1) {
    const BufferBytes tag(info[1]);
    if (SetTag(cipher->context.get(), tag.bytes())) info.GetReturnValue().Set(true);
    return;
  }
  uint8_t tag[kTagBytesMax];
  if (EVP_CIPHER_CTX_ctrl(cipher->context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(cipher->tag_bytes), tag) != 1) return;
  ReturnBytes(info, {tag, cipher->tag_bytes});
}

constexpr Op kOps[] = {
    {"aes", Aes},
    {"rsaOaep", RsaOaep},
    {"cipherInfo", CipherInfo},
    {"cipherNames", CipherNames},
    {"cipherStart", CipherStart},
    {"cipherUpdate", CipherUpdate},
    {"cipherExtra", CipherExtra},
    {"cipherPadding", CipherPadding},
    {"cipherFinal", CipherFinal},
    {"cipherTag", CipherTag},
};

}  // namespace

std::span<const Op> CryptoCipherOps() { return kOps; }

}  // namespace zts::js
