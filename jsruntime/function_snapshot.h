// The snapshot of one function version: V8's heap after its module has run as the body of a function, so that an isolate begins where the
// module's own work ended.
//
// It holds the web API too, and is good only for what made it: the same V8 and flags, the same web.snapshot, the same table of native
// functions. Its head names all of that, and whoever reads it compares. The text that it ran is beside V8's blob: all isolates read
// the same bytes.
//
// Thread:   pure functions.
// Life:     views live as long as the bytes; V8 reads them while isolates made from it live.
// Errors:   Decode gives nothing for what is cut, or was made by another build. Whether the blob is whole is its digest's to say.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace zts::js {

class Snapshot;

// Where the module's exports are in a context made from it: index of Context::GetDataFromSnapshotOnce, after kSnapshotCalls.
inline constexpr size_t kSnapshotExports = 1;

struct FunctionSnapshot {
  std::string_view text;         // FunctionBody::text
  std::string_view blob;         // at a multiple of 64
  std::string_view environment;  // the EnvironmentKey that it is for; empty: the module has not asked for any
};

std::string EncodeFunctionSnapshot(const Snapshot& base, const FunctionSnapshot& made);
std::optional<FunctionSnapshot> DecodeFunctionSnapshot(const Snapshot& base, Bytes bytes);

// One for each set of variables, whatever their order: what a module has made of them while it loaded is good for the same set alone.
std::string EnvironmentKey(const std::vector<std::pair<std::string, std::string>>& variables);

}  // namespace zts::js
