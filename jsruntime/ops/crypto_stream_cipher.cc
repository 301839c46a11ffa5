#include "jsruntime/ops/crypto_stream_cipher.h"

#include <openssl/objects.h>

#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jsruntime/native_objects.h"
#include "jsruntime/ops/crypto_args.h"
#include "jsruntime/ops/crypto_cipher_steps.h"

namespace zts::js {
namespace {

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
const EVP_CIPHER* IfThere(const EVP_CIPHER* cipher) {
  const int mode = cipher == nullptr ? EVP_CIPH_SIV_MODE : EVP_CIPHER_get_mode(cipher);
  if (mode == EVP_CIPH_SIV_MODE || (mode == EVP_CIPH_CBC_MODE && IsAead(cipher))) return nullptr;
  EVP_CIPHER* const there = EVP_CIPHER_fetch(nullptr, EVP_CIPHER_get0_name(cipher), nullptr);
  EVP_CIPHER_free(there);
  return there == nullptr ? nullptr : cipher;
}

const EVP_CIPHER* CipherOf(v8::Isolate* isolate, v8::Local<v8::Value> name) {
  if (name->IsInt32()) return IfThere(EVP_get_cipherbynid(name.As<v8::Int32>()->Value()));
  if (!name->IsString()) return nullptr;
  return IfThere(EVP_get_cipherbyname(std::string(Utf8Text(isolate, name.As<v8::String>()).view()).c_str()));
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
  std::vector<std::string> names;
  EVP_CIPHER_do_all_sorted(
      [](const EVP_CIPHER*, const char* from, const char*, void* list) { static_cast<std::vector<std::string>*>(list)->push_back(from); },
      &names);
  std::erase_if(names, [](const std::string& name) { return IfThere(EVP_get_cipherbyname(name.c_str())) == nullptr; });
  ReturnNames(info, names);
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
    if (!(cipher->takes_one_piece ? UpdateWhole(context, data.bytes(), &out) : UpdateCipher(isolate, context, data.bytes(), &out))) return;
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
  if (AddExtraData(info.GetIsolate(), context, data.bytes())) info.GetReturnValue().Set(true);
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
  if (cipher != nullptr && FinishCipher(cipher->context.get(), &out)) ReturnBytes(info, out);
}

void CipherTag(const OpInfo& info) {
  const OpensslErrors errors;
  const auto* cipher = NativeObjects::Get<Cipher>(info[0]);
  if (cipher == nullptr) return;
  if (info.Length() > 1) {
    const BufferBytes tag(info[1]);
    if (SetCipherTag(cipher->context.get(), tag.bytes())) info.GetReturnValue().Set(true);
    return;
  }
  uint8_t tag[kTagBytesMax];
  if (EVP_CIPHER_CTX_ctrl(cipher->context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(cipher->tag_bytes), tag) != 1) return;
  ReturnBytes(info, {tag, cipher->tag_bytes});
}

constexpr Op kOps[] = {
    {"cipherExtra", CipherExtra}, {"cipherFinal", CipherFinal}, {"cipherInfo", CipherInfo}, {"cipherNames", CipherNames},
    {"cipherPadding", CipherPadding}, {"cipherStart", CipherStart}, {"cipherTag", CipherTag}, {"cipherUpdate", CipherUpdate},
};

}  // namespace

std::span<const Op> CryptoStreamCipherOps() { return kOps; }

}  // namespace zts::js
