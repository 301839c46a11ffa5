#include "controller/store/keys.h"

namespace zts::store {

std::string FunctionKey(std::string_view name) { return std::string(kFunctionPrefix).append(name); }

std::string VersionKey(std::string_view function, uint64_t number) {
  std::string key = std::string(kVersionPrefix).append(function);
  key += '/';
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(number >> shift & 0xff);
  return key;
}

std::string BlobKey(const Digest& digest) {
  return std::string(kBlobPrefix).append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

std::optional<std::string> ParseFunctionKey(std::string_view key) {
  if (key.size() <= kFunctionPrefix.size() || !key.starts_with(kFunctionPrefix)) return std::nullopt;
  return std::string(key.substr(kFunctionPrefix.size()));
}

std::optional<VersionName> ParseVersionKey(std::string_view key) {
  constexpr size_t kTail = 1 + sizeof(uint64_t);
  if (!key.starts_with(kVersionPrefix) || key.size() <= kVersionPrefix.size() + kTail) return std::nullopt;
  const size_t slash = key.size() - kTail;
  if (key[slash] != '/') return std::nullopt;
  uint64_t number = 0;
  for (const char c : key.substr(slash + 1)) number = number << 8 | static_cast<unsigned char>(c);
  return VersionName{std::string(key.substr(kVersionPrefix.size(), slash - kVersionPrefix.size())), number};
}

}  // namespace zts::store
