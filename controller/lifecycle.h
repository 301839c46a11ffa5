// What becomes of a function's versions: which serves, which gets a share, which stay warm, which go. Pure changes of one function's state;
// the registry makes them durable.
//
// Thread:   pure functions.
// Limits:   kVersionsKept, kVersionsKeptFor, kVersionsMax, kVersionsWarm, kHistoryKept.
// Errors:   kInvalid and kNotFound: the change does not fit what the function has; nothing has changed then.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/model.h"
#include "controller/store/store.h"
#include "controller/traffic.h"

namespace zts::controller {

struct FunctionState {
  store::FunctionRecord record;
  std::map<uint64_t, VersionPtr> versions;

  const std::string& name() const { return record.name; }
  // kNotFound when the store does not hold it any more.
  Result<VersionPtr> Find(uint64_t number) const;
};

// All requests from here on; a canary that runs ends.
void MakeActive(FunctionState& state, uint64_t number);

// A share of the requests for `number`, or another share for the canary that runs. 0 for `number`: the one that runs.
Result<uint64_t> SetCanary(FunctionState& state, uint64_t number, const CanaryShare& traffic, uint64_t catalog_version);
// The canary's number.
Result<uint64_t> EndCanary(FunctionState& state);

// Where to go back to: the newest version before the active one that has served. `to` other than 0 names it.
Result<uint64_t> RollbackTarget(const FunctionState& state, uint64_t to);

// The active version was refused before it was proven: back to the fallback, which there is.
void FallBack(FunctionState& state);

// Versions that served before, the latest first: what workers keep ready.
std::vector<VersionPtr> WarmVersions(const FunctionState& state);

// Versions that may get requests: active, canary, fallback or kept warm.
bool InUse(const FunctionState& state, uint64_t number);
void DropOldVersions(FunctionState& state, int64_t now_ns);

// A change of what serves; when, by whom and why is filled in by who makes it durable.
HistoryEvent EventOf(std::string what, uint64_t number, uint32_t share = kWholeShare);
void Remember(FunctionState& state, HistoryEvent event);

// What a record of an older controller leaves unsaid.
void Complete(FunctionState& state);

}  // namespace zts::controller
