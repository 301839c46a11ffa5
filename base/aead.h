// AES-256-GCM: bytes that only the holder of a key can read, and that nobody else can change unnoticed.
//
// Each Seal draws a new random nonce; one key is good for 2^32 of them (NIST SP 800-38D 8.3), far more than are ever sealed here.
//
// Thread:   pure functions.
// Errors:   Open: kDenied when key, context or bytes are not those of Seal; it does not say which.
// Needs:    OpenSSL's libcrypto: plain processes only, never the engine (its host exports another OpenSSL).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zts {

using AeadKey = std::array<uint8_t, 32>;

// Nonce, ciphertext and tag, one behind the other. `context` is not inside, but must be the same when it is opened.
Result<std::string> Seal(const AeadKey& key, std::string_view context, std::string_view plain);
Result<std::string> Open(const AeadKey& key, std::string_view context, std::string_view sealed);

}  // namespace zts
