// What V8 has made of a function's code in one engine: put together from what its threads tell, each when it comes to it.
//
// Owner:    EngineHost, one JitSurveys.
// Thread:   the host's.
// Limits:   kSurveysMax under way, one a function; kAnswerTime after the watch for the threads to answer in: who is in the middle of a long
//           turn is counted as silent. kJitFunctionsMax functions a version.
// Errors:   a survey that cannot be made says why in `problem`.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "jsruntime/jit_report.h"
#include "worker/ipc/engine.pb.h"

namespace zts::supervisor {

// Of all isolates of a version.
struct FunctionJit {
  std::string name;
  int line = 0;
  int column = 0;
  std::array<uint32_t, js::kJitTiers> isolates{};  // how many have it at each tier
  uint64_t code_bytes = 0;                         // of the fastest code, in one of them
  uint64_t samples = 0;
  std::vector<js::Deoptimization> deoptimizations;
};

struct VersionJit {
  uint64_t number = 0;
  uint32_t isolates = 0;  // 0: it is not loaded
  uint32_t watched = 0;   // of them, for all of the time
  std::vector<FunctionJit> functions;  // in the order of the source
  uint32_t left_out = 0;
};

struct JitSurvey {
  Nanos watch = 0;
  std::vector<VersionJit> versions;
  uint32_t threads_silent = 0;
  std::string problem;  // empty: none
};

class JitSurveys {
 public:
  static constexpr size_t kSurveysMax = 4;
  static constexpr Nanos kAnswerTime = 2 * kSecond;

  explicit JitSurveys(const Clock* clock) : clock_(clock) {}

  // What to ask the engine; nothing: `done` has been told why not. Else it is called once.
  using Done = std::function<void(JitSurvey)>;
  struct Subject {
    std::string function;
    std::map<uint64_t, uint64_t> numbers;  // by version id
    uint32_t threads = 0;
  };
  std::optional<ipc::ToEngine> Begin(Subject subject, Nanos watch, Done done);

  void OnAnswer(const ipc::JitAnswer& answer);
  // The engine is gone, or is about to be.
  void EndAll(const std::string& problem);
  void OnTime();
  // When OnTime is due; 0: never.
  Nanos NextDeadline() const;

 private:
  using Place = std::tuple<int, int, std::string>;
  struct Gathered {
    VersionJit jit;
    std::map<Place, FunctionJit> functions;
  };
  struct Open {
    uint64_t id;
    Subject subject;
    Nanos watch;
    Nanos deadline;
    std::set<uint32_t> answered;  // threads
    std::map<uint64_t, Gathered> versions;
    Done done;
  };
  static void Add(const ipc::VersionCode& code, Gathered* version);
  void End(std::list<Open>::iterator open, const std::string& problem);

  const Clock* const clock_;
  uint64_t last_id_ = 0;
  std::list<Open> open_;
};

}  // namespace zts::supervisor
