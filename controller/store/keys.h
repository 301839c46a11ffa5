// The keys of the store. docs/storage_format.md is the same list with the values.
//
// Thread:   pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "controller/store/store.h"

namespace zts::store {

// What this build writes, and the newest it reads.
inline constexpr std::string_view kFormat = "1";

inline constexpr std::string_view kFormatKey = "m/format";
inline constexpr std::string_view kStoreIdKey = "m/store-id";
inline constexpr std::string_view kCountersKey = "m/counters";
inline constexpr std::string_view kProbeKey = "m/probe";

inline constexpr std::string_view kFunctionPrefix = "f/";
inline constexpr std::string_view kVersionPrefix = "v/";
inline constexpr std::string_view kBlobPrefix = "b/";

// f/NAME
std::string FunctionKey(std::string_view name);
// v/NAME/ and the number as 8 bytes, most significant first: versions of a function are neighbours, in order.
std::string VersionKey(std::string_view function, uint64_t number);
// b/ and the 32 bytes of the digest.
std::string BlobKey(const Digest& digest);

// Back from a key with its prefix; none for any other text.
std::optional<std::string> ParseFunctionKey(std::string_view key);
std::optional<VersionName> ParseVersionKey(std::string_view key);

}  // namespace zts::store
