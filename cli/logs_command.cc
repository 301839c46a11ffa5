// ztsctl logs and why: what functions print and throw, with version and request id; follows across restarts of the controller.
#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/function_name.h"
#include "cli/source_cache.h"
#include "cli/text.h"

namespace zts::cli {
namespace {

// Without -f: the backlog comes at once, so that this long a silence is its end.
constexpr Nanos kBacklogIdle = 300 * kMillisecond;
constexpr Nanos kRetryFirst = 200 * kMillisecond;
constexpr Nanos kRetryMax = 2 * kSecond;
// What is asked for after a reconnect, to find what came in between.
constexpr uint32_t kCatchUpLines = 1000;

Style StyleOf(const std::string& severity) {
  if (severity == "error" || severity == "exception") return Style::kRed;
  if (severity == "warn") return Style::kYellow;
  return severity == "debug" ? Style::kDim : Style::kCyan;
}

class Printer final : public Client::TailSink {
 public:
  Printer(Console& console, SourceCache::Fetch fetch) : console_(console), sources_(std::move(fetch)) {}

  bool ever_connected() const { return ever_connected_; }
  const TailPlace& place() const { return place_; }
  size_t records() const { return records_; }
  // The stream is gone; another will be opened from place().
  void OnLost() {
    if (!lost_) console_.Note("-- the controller is gone; waiting for it");
    lost_ = true;
    catching_up_ = true;
  }

  void OnConnected() override {
    if (lost_) console_.Note("-- connected again");
    ever_connected_ = true;
    lost_ = false;
  }
  void OnRecord(const LogEntry& entry) override {
    // After a reconnect the backlog holds what has been shown already. Times of one worker only grow.
    Nanos& last = last_time_[entry.worker];
    if (catching_up_ && entry.time <= last) return;
    last = std::max(last, entry.time);
    ++records_;
    if (console_.json()) {
      PrintAsJson(entry);
    } else {
      PrintAsText(entry);
    }
  }
  void OnDropped(uint64_t count) override {
    if (console_.json()) {
      console_.PrintJson({{"dropped", count}});
    } else {
      WarnOfDropped(count);
    }
  }
  void OnGap() override { console_.Note("-- some records of the time between are not held any more"); }
  void OnPlace(const TailPlace& place) override {
    if (place.source == place_.source) {
      // The controller goes on exactly where it was.
      catching_up_ = false;
    } else if (catching_up_) {
      console_.Note("-- it was started anew: records of the time between may be missing");
    }
    place_ = place;
  }

 private:
  void PrintAsJson(const LogEntry& entry) {
    const Explained explained = sources_.Explain(entry.function, entry.version, entry.message);
    nlohmann::json record = {{"time", FormatTimestamp(entry.time)},
                             {"name", entry.function},
                             {"version", entry.version},
                             {"request_id", entry.request_id},
                             {"level", entry.severity},
                             {"message", explained.text},
                             {"worker", entry.worker},
                             {"dropped", entry.dropped}};
    if (explained.place) record["source"] = JsonOfPlace(*explained.place);
    console_.PrintJson(std::move(record));
  }

  void PrintAsText(const LogEntry& entry) {
    if (entry.dropped > 0) WarnOfDropped(entry.dropped);
    console_.out() << console_.Paint(Style::kDim, FormatClock(entry.time)) << " "
                   << console_.Paint(Style::kBold, Printable(entry.function) + "@v" + std::to_string(entry.version))
                   << " " << console_.Paint(Style::kDim, entry.request_id.empty() ? "-" : Printable(entry.request_id))
                   << " " << console_.Paint(StyleOf(entry.severity), Printable(entry.severity)) << " "
                   << Printable(RenderExplained(sources_.Explain(entry.function, entry.version, entry.message)), Newlines::kKeep)
                   << std::endl;
  }

  void WarnOfDropped(uint64_t count) {
    console_.Warn(std::to_string(count) + (count == 1 ? " record was" : " records were") +
                  " lost here: they came faster than they could be taken");
  }

  Console& console_;
  SourceCache sources_;
  std::map<std::string, Nanos> last_time_;
  TailPlace place_;
  size_t records_ = 0;
  bool ever_connected_ = false;
  bool lost_ = false;
  bool catching_up_ = false;
};

TailOptions TailOf(const LogsOptions& options) {
  TailOptions tail;
  tail.function = options.function;
  tail.level_min = options.level_min;
  tail.version = options.version;
  tail.request_id = options.request_id;
  tail.backlog = options.lines;
  return tail;
}

enum class Finding : uint8_t { kAny, kSomething };  // kSomething: no record at all is a failure

ExitCode ShowBacklog(Context& context, const Endpoint& endpoint, const LogsOptions& options, Finding finding) {
  Client client(endpoint);
  Printer printer(context.console, [&](const std::string& function, uint64_t number) { return client.Source(function, number); });
  TailOptions tail = TailOf(options);
  tail.idle_max = kBacklogIdle;
  const Status ended = client.TailLogs(tail, printer);
  if (!ended.ok()) return context.console.Fail(FailureOf(ended.error(), endpoint.data_dir));
  if (finding == Finding::kAny || printer.records() > 0) return ExitCode::kOk;
  return context.console.Fail({.code = "unknown",
                               .message = "nothing is known of request " + Printable(options.request_id),
                               .hint = "a request is known when it was slow, failed, or its function logged something, for as long as the "
                                       "controller holds its record; the id is the x-zts-request-id field of the response"});
}

// Ends by Ctrl-C, or by an error that trying again does not mend.
ExitCode Follow(Context& context, Endpoint endpoint, const LogsOptions& options) {
  Printer printer(context.console, [&](const std::string& function, uint64_t number) {
    // The controller may have another address by now.
    return Client(endpoint).Source(function, number);
  });
  Nanos retry = kRetryFirst;
  TailOptions tail = TailOf(options);
  tail.heartbeats = true;
  while (true) {
    Client client(endpoint);
    const auto began = std::chrono::steady_clock::now();
    const Status ended = client.TailLogs(tail, printer);
    if (!context.console.out()) return ExitCode::kOk;  // nobody reads any more: | head
    if (!printer.ever_connected() || ended.error().code != ErrorCode::kUnavailable) {
      return context.console.Fail(FailureOf(ended.error(), endpoint.data_dir));
    }
    printer.OnLost();
    if (std::chrono::steady_clock::now() - began > std::chrono::nanoseconds(kRetryMax)) retry = kRetryFirst;
    std::this_thread::sleep_for(std::chrono::nanoseconds(retry));  // tidy: ok, a command line has nothing else to do, and Ctrl-C ends it
    retry = std::min(retry * 2, kRetryMax);
    tail.backlog = kCatchUpLines;
    tail.place = printer.place();
    // A controller that was started anew may have another address.
    if (const Result<Endpoint> again = FindController(context.data_dir_flag, context.env); again.ok())
      endpoint = *again;
  }
}

ExitCode Show(Context& context, const LogsOptions& options, Finding finding) {
  if (!options.function.empty()) {
    const Status checked = CheckFunctionName(options.function);
    if (!checked.ok()) return context.console.Fail(UsageFailure(checked.error().message, "logs"));
  }
  const Result<Endpoint> endpoint = FindController(context.data_dir_flag, context.env);
  if (!endpoint.ok()) {
    return context.console.Fail(FailureOf(endpoint.error(), DataDirectory(context.data_dir_flag, context.env)));
  }
  return options.follow ? Follow(context, *endpoint, options) : ShowBacklog(context, *endpoint, options, finding);
}

}  // namespace

ExitCode Logs(Context& context, const LogsOptions& options) { return Show(context, options, Finding::kAny); }

ExitCode Why(Context& context, const std::string& request_id) {
  LogsOptions options;
  options.request_id = request_id;
  options.lines = kCatchUpLines;
  return Show(context, options, Finding::kSomething);
}

}  // namespace zts::cli
