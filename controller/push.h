// What is said to a worker and what it answers, free of the wire format.
//
// Thread:   values. WorkerLink: see there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/catalog.h"
#include "controller/model.h"

namespace zts::controller {

struct WorkerHello {
  std::string name;
  std::string http_address;
  uint32_t shards = 0;
  std::string artifact_key;
  std::string io_backend;
  std::string store_id;  // of the catalog it has; empty when it has none
  uint64_t active_version = 0;
};

// The way from one catalog to another: one value, shared by all workers that go it, so that it is put together and encoded once.
struct Update {
  enum class Kind { kFull, kDelta };
  std::string store_id;
  uint64_t catalog_version = 0;
  Kind kind = Kind::kFull;
  uint64_t base_version = 0;  // of a delta
  std::vector<CatalogEntry> upserts;
  std::vector<std::string> removals;
};

using UpdatePtr = std::shared_ptr<const Update>;

// To prepare it.
struct Prepare {
  UpdatePtr update;
  uint64_t nonce = 0;
};

struct Activate {
  uint64_t catalog_version = 0;
  uint64_t nonce = 0;
};

// A question about a function's code: answered beside the catalogs, to JitHub.
struct AskJit {
  uint64_t id = 0;
  std::string function;
  Nanos watch = 0;
};

using Push = std::variant<Prepare, Activate, AskJit>;

struct FunctionProblem {
  std::string function;
  uint64_t number = 0;
  SourceProblem problem;
};

struct PushResult {
  enum class State { kPrepared, kActive, kNack };
  uint64_t catalog_version = 0;
  uint64_t nonce = 0;
  State state = State::kNack;
  std::vector<FunctionProblem> problems;
};

// The way to one connected worker.
//
// Thread:   called under the publisher's lock: returns at once and does not call back.
// Limits:   never more than one catalog waits for its answer.
class WorkerLink {
 public:
  virtual ~WorkerLink() = default;
  virtual void Send(Push push) = 0;
  // Ends the stream with this reason.
  virtual void Close(Error why) = 0;
};

}  // namespace zts::controller
