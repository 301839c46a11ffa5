#include "base/aead.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>

namespace zts {
namespace {

constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* BytesOf(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* BytesOf(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
int SizeOf(std::string_view text) { return static_cast<int>(text.size()); }

Error Refused() { return {ErrorCode::kDenied, "the bytes were not sealed with this key, or have been changed since"}; }

}  // namespace

Result<std::string> Seal(const AeadKey& key, std::string_view context, std::string_view plain) {
  std::string sealed(kNonceBytes + plain.size() + kTagBytes, '\0');
  unsigned char* const nonce = BytesOf(sealed);
  if (RAND_bytes(nonce, kNonceBytes) != 1) return Internal("no random bytes for a nonce");
  const Context cipher(EVP_CIPHER_CTX_new());
  int bytes = 0;
  const bool done = cipher && EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce) == 1 &&
                    EVP_EncryptUpdate(cipher.get(), nullptr, &bytes, BytesOf(context), SizeOf(context)) == 1 &&
                    EVP_EncryptUpdate(cipher.get(), nonce + kNonceBytes, &bytes, BytesOf(plain), SizeOf(plain)) == 1 &&
                    EVP_EncryptFinal_ex(cipher.get(), nonce + kNonceBytes + plain.size(), &bytes) == 1 &&
                    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, nonce + kNonceBytes + plain.size()) == 1;
  if (!done) return Internal("AES-256-GCM does not work on this machine");
  return sealed;
}

Result<std::string> Open(const AeadKey& key, std::string_view context, std::string_view sealed) {
  if (sealed.size() < kNonceBytes + kTagBytes) return Refused();
  const std::string_view body = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string plain(body.size(), '\0');
  const Context cipher(EVP_CIPHER_CTX_new());
  int bytes = 0;
  const bool done = cipher && EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), BytesOf(sealed)) == 1 &&
                    EVP_DecryptUpdate(cipher.get(), nullptr, &bytes, BytesOf(context), SizeOf(context)) == 1 &&
                    EVP_DecryptUpdate(cipher.get(), BytesOf(plain), &bytes, BytesOf(body), SizeOf(body)) == 1 &&
                    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, BytesOf(tag)) == 1 &&
                    EVP_DecryptFinal_ex(cipher.get(), BytesOf(plain) + plain.size(), &bytes) == 1;
  if (!done) return Refused();
  return plain;
}

}  // namespace zts
