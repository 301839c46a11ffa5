// A fleet of simulated workers and a client that deploys, told what to do line by line on stdin: `{"do": "connect", "workers": 200}`.
// Each command is answered by one line of JSON, or by {"error"}. run.py says the lines; this measures what only one process can.
#include <sys/resource.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "bench/fleet/deploys.h"
#include "bench/fleet/mute_streams.h"
#include "bench/fleet/sim_worker.h"

namespace zts::bench {
namespace {

using nlohmann::json;

constexpr Nanos kPoll = 2 * kMillisecond;
// Nothing here takes so long on a machine that does anything else at all.
constexpr Nanos kPatience = 300 * kSecond;

double Millis(Nanos value) { return static_cast<double>(value) / kMillisecond; }

class Fleet {
 public:
  Fleet(std::string controller, std::string token_file, std::string token)
      : controller_(std::move(controller)), token_file_(std::move(token_file)), token_(std::move(token)), deploys_(controller_, token_) {}
  ~Fleet() {
    for (auto& worker : workers_) worker->Release();
    for (auto& worker : workers_) worker->Stop();
  }

  Result<json> Do(const json& command) {
    const std::string verb = command.value("do", "");
    if (verb == "fill") {
      return Fill(command.value("functions", 100), command.value("sources", 10), command.value("source_bytes", 0),
                  command.value("streams", 8));
    }
    if (verb == "connect") return Connect(command.value("workers", 10));
    if (verb == "await") return AwaitAll(SystemClock().Now());
    if (verb == "deploy") return Deploy(command.value("count", 1), command.value("wait_ms", 0) * kMillisecond);
    if (verb == "forget") return ForgetAll();
    if (verb == "hold") return Hold(command.value("workers", 1));
    if (verb == "release") return Release();
    if (verb == "mute") return Mute(command.value("streams", 1));
    if (verb == "digest") return Digest();
    return Invalid("there is no command '" + verb + "'");
  }

 private:
  Result<json> Fill(int functions, int sources, int source_bytes, int streams) {
    const Nanos began = clock_.Now();
    ZTS_ASSIGN_OR_RETURN(newest_, deploys_.Fill(functions, sources, static_cast<size_t>(source_bytes), streams));
    functions_ = functions;
    return json{{"ms", Millis(clock_.Now() - began)}, {"catalog_version", newest_}};
  }

  Result<json> Connect(int count) {
    const Nanos began = clock_.Now();
    while (workers_.size() < static_cast<size_t>(count)) {
      workers_.push_back(std::make_unique<SimWorker>(
          SimWorker::Options{controller_, token_file_, "sim" + std::to_string(workers_.size())}));
      held_.push_back(false);
      workers_.back()->Start();
    }
    return AwaitAll(began);
  }

  Result<json> ForgetAll() {
    for (auto& worker : workers_) worker->Stop();
    for (auto& worker : workers_) worker->Forget();
    const Nanos began = clock_.Now();
    for (auto& worker : workers_) worker->Start();
    return AwaitAll(began);
  }

  // Until all that answer are connected and serve the newest catalog.
  Result<json> AwaitAll(Nanos began) {
    const Nanos deadline = clock_.Now() + kPatience;
    for (size_t i = 0; i < workers_.size(); ++i) {
      while (!held_[i]) {
        const SimWorker::View view = workers_[i]->view();
        if (view.connected && view.version >= newest_) break;
        if (clock_.Now() > deadline) {
          return Error{ErrorCode::kTimeout, "worker " + std::to_string(i) + " is at catalog " + std::to_string(view.version) + ", not " +
                                                std::to_string(newest_)};
        }
        Pause();
      }
    }
    json answer = *Digest();
    answer["ms"] = Millis(clock_.Now() - began);
    return answer;
  }

  Result<json> Deploy(int count, Nanos wait) {
    json to_last = json::array(), to_each = json::array(), whole = json::array(), live = json::array();
    for (int i = 0; i < count; ++i) {
      const Nanos began = clock_.Now();
      const std::string function = FunctionName(deployed_ % functions_);
      ZTS_ASSIGN_OR_RETURN(const Deploys::Done done, deploys_.Deploy(function, SourceText(-1 - deployed_), wait));
      ++deployed_;
      newest_ = std::max(newest_, done.catalog_version);
      ZTS_ASSIGN_OR_RETURN(const json settled, AwaitAll(began));
      Nanos last = 0;
      for (size_t w = 0; w < workers_.size(); ++w) {
        if (held_[w]) continue;
        const Nanos at = workers_[w]->view().active_at - done.compiled_at;
        last = std::max(last, at);
        to_each.push_back(Millis(at));
      }
      to_last.push_back(Millis(last));
      whole.push_back(Millis(done.live_at - began));
      live.push_back(done.workers_live);
    }
    json answer = *Digest();
    answer["to_last_ms"] = to_last;
    answer["to_each_ms"] = to_each;
    answer["deploy_ms"] = whole;
    answer["workers_live"] = live;
    return answer;
  }

  Result<json> Hold(int count) {
    for (int i = 0; i < count && i < static_cast<int>(workers_.size()); ++i) {
      workers_[i]->Hold();
      held_[i] = true;
    }
    return json::object();
  }

  Result<json> Release() {
    for (size_t i = 0; i < workers_.size(); ++i) {
      workers_[i]->Release();
      held_[i] = false;
    }
    return AwaitAll(clock_.Now());
  }

  Result<json> Mute(int count) {
    mute_.reset();
    if (count > 0) mute_ = std::make_unique<MuteStreams>(controller_, token_, count);
    return json::object();
  }

  Result<json> Digest() {
    std::set<uint64_t> digests;
    SimWorker::View sum;
    for (size_t i = 0; i < workers_.size(); ++i) {
      const SimWorker::View view = workers_[i]->view();
      if (!held_[i]) digests.insert(view.digest);
      sum.bytes += view.bytes;
      sum.full += view.full;
      sum.deltas += view.deltas;
      sum.delta_records += view.delta_records;
      sum.connects += view.connects;
      sum.functions = std::max(sum.functions, view.functions);
    }
    return json{{"digests", digests},       {"functions", sum.functions},         {"bytes", sum.bytes},      {"full", sum.full},
                {"deltas", sum.deltas},     {"delta_records", sum.delta_records}, {"connects", sum.connects}};
  }

  static void Pause() {
    std::mutex mutex;
    std::condition_variable nobody;
    std::unique_lock lock(mutex);
    nobody.wait_for(lock, std::chrono::nanoseconds(kPoll));
  }

  const SystemClock clock_{};
  const std::string controller_, token_file_, token_;
  Deploys deploys_;
  std::vector<std::unique_ptr<SimWorker>> workers_;
  std::vector<bool> held_;
  std::unique_ptr<MuteStreams> mute_;
  uint64_t newest_ = 0;
  int functions_ = 1;
  int deployed_ = 0;
};

// A connection and an event each: more than the usual 1,024.
void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int Main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: fleet CONTROLLER TOKEN-FILE  (commands on stdin; run.py starts it)\n";
    return 2;
  }
  RaiseFileLimit();
  auto token = ReadFile(argv[2], 4096);
  if (!token.ok()) {
    std::cerr << token.error().message << "\n";
    return 1;
  }
  while (!token->empty() && token->back() == '\n') token->pop_back();
  SetLogProcess("fleet");
  Fleet fleet(argv[1], argv[2], *token);
  std::string line;
  while (std::getline(std::cin, line)) {
    const json command = json::parse(line, nullptr, false);
    const Result<json> answer = command.is_object() ? fleet.Do(command) : Result<json>(Invalid("a command is a JSON object"));
    std::cout << (answer.ok() ? *answer : json{{"error", answer.error().message}}).dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace zts::bench

int main(int argc, char** argv) { return zts::bench::Main(argc, argv); }
