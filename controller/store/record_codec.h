// Records to bytes and back.
//
// Thread:   pure functions.
// Errors:   decoding bytes that are no such record is kCorrupt.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "controller/store/store.h"

namespace zts::store {

std::string EncodeCounters(const Counters& counters);
Result<Counters> DecodeCounters(std::string_view bytes);

// The name is in the key, and not in the value.
std::string EncodeFunction(const FunctionRecord& function);
Result<FunctionRecord> DecodeFunction(std::string name, std::string_view bytes);

// Function and number are in the key.
std::string EncodeVersion(const FunctionVersion& version);
Result<FunctionVersion> DecodeVersion(VersionName name, std::string_view bytes);

}  // namespace zts::store
