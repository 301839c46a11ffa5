// SHA-256, the name of every stored bundle and artifact.
//
// Thread:   Sha256: one thread. The functions: any.
// Needs:    OpenSSL's libcrypto: plain processes only, never the engine (its host exports another OpenSSL).
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace zts {

using Digest = std::array<uint8_t, 32>;

// Takes bytes in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  void Update(std::string_view bytes);
  // Once, at the end.
  Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest Sha256Of(std::string_view bytes);
// 64 lower-case hex digits, and back; none for any other text.
std::string ToHex(const Digest& digest);
std::optional<Digest> DigestFromHex(std::string_view hex);

}  // namespace zts
