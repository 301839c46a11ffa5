// This worker's line to the controller: one gRPC stream, opened again for ever, with what it pushes handed to a CatalogReceiver.
//
// Owner:    main(), one.
// Thread:   Start, Stop: one thread. status: any. Two threads inside: one reads and applies, one sends logs and windows.
// Life:     receiver and logs outlive it.
// Limits:   kBackoffMin..kBackoffMax between attempts, jittered, so that a fleet does not come back at one instant. kJitAnswersMax.
// Errors:   none to handle: a controller that is away, refuses the token or talks nonsense is logged and tried again.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "worker/supervisor/engine_host.h"
#include "worker/supervisor/jit_survey.h"
#include "worker/supervisor/log_queue.h"
#include "worker/supervisor/version_rows.h"
#include "worker/supervisor/sync/catalog_receiver.h"
#include "zts/v1/stats.pb.h"

namespace zts::supervisor {

class ControllerClient {
 public:
  static constexpr Nanos kBackoffMin = 50 * kMillisecond;
  static constexpr Nanos kBackoffMax = 1 * kSecond;
  // Answers that wait to be sent: a controller asks two questions at a time.
  static constexpr size_t kJitAnswersMax = 16;

  struct Options {
    std::string address;     // "127.0.0.1:7070"
    std::string token_file;  // read again for each attempt, so that a token can be changed
    std::string worker;
    std::string http_address;
    uint32_t shards = 0;
    std::function<EngineStatus()> engine;
    // What versions with a canary beside them did since it was asked last; may be empty.
    std::function<std::vector<VersionWindow>()> windows = {};
    // PEM files, read again for each attempt, so that they can be renewed; without a ca the line is plain text.
    struct Tls {
      std::string ca;
      std::string cert;
      std::string key;
    };
    Tls tls = {};
    // What V8 has made of a function; the answer comes once, on any thread, or never where the worker ends. May be empty.
    std::function<void(const std::string& function, Nanos watch, JitSurveys::Done done)> ask_jit = {};
  };
  ControllerClient(Options options, CatalogReceiver* receiver, LogQueue* logs);
  ~ControllerClient();

  // Again after a Stop, too.
  void Start();
  // Figures for the controller: sent soon, or never when the stream is away or newer ones come first.
  void OfferStats(v1::WorkerStats stats);
  // Ends the stream and both threads; without a Start before it, nothing.
  void Stop();

  struct Status {
    bool connected = false;
    uint64_t connects = 0;
    uint64_t failures = 0;
    std::string last_error;
  };
  Status status() const;

 private:
  class Session;
  class LogSender;
  void Run();
  Result<void> RunSession();
  std::optional<v1::WorkerStats> TakeStats();
  void AskJit(const v1::AskJit& ask);
  std::vector<v1::WorkerJit> TakeJit();
  void OnConnected(LogSender& logs);
  void Report(const Error& error);
  Nanos NextBackoff();
  bool stopping() const;

  const Options options_;
  CatalogReceiver* receiver_;
  LogQueue* logs_;

  mutable std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  Session* session_ = nullptr;
  std::optional<v1::WorkerStats> stats_;
  std::vector<v1::WorkerJit> jit_;  // to be sent: one a question of the controller's
  Status status_;

  std::minstd_rand random_;
  Nanos backoff_ = 0;
  std::string reported_;
  std::thread thread_;
};

}  // namespace zts::supervisor
