// `inspect --jit`: what V8 has made of a function's code on each worker.
#include <algorithm>
#include <tuple>

#include "base/bytes.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/function_name.h"
#include "cli/source_cache.h"
#include "cli/text.h"

namespace zts::cli {
namespace {

constexpr std::array<const char*, 4> kTiers = {"interpreter", "baseline", "maglev", "turbofan"};
constexpr Nanos kWatchDefault = 2 * kSecond;
constexpr Nanos kWatchMax = 30 * kSecond;
// Of a version; people look at the top, programs get all.
constexpr size_t kFunctionsShown = 25;

Result<Nanos> WatchOf(const std::string& text) {
  if (text.empty()) return kWatchDefault;
  if (text == "0") return Nanos{0};
  const std::optional<int64_t> watch = ParseDurationNs(text);
  if (!watch || *watch < 0 || *watch > kWatchMax) return Invalid("--watch " + text + ": write a duration of at most 30s, or 0");
  return *watch;
}

size_t FastestTier(const JitFunction& function) {
  size_t tier = kTiers.size() - 1;
  while (tier > 0 && function.tiers[tier] == 0) --tier;
  return tier;
}

// One tier where all isolates agree, which is the usual case; else how many are at each.
std::string TierText(const JitFunction& function) {
  std::string text;
  size_t used = 0;
  for (size_t tier = kTiers.size(); tier-- > 0;) {
    if (function.tiers[tier] == 0) continue;
    text += (used++ == 0 ? "" : ", ") + std::string(kTiers[tier]) + " " + std::to_string(function.tiers[tier]);
  }
  return used == 1 ? kTiers[FastestTier(function)] : text;
}

struct Where {
  std::string file;
  int line = 0;
  int column = 0;
  std::string Text() const {
    const std::string place = std::to_string(line) + (column > 0 ? ":" + std::to_string(column) : "");
    return line == 0 ? "-" : file.empty() ? "line " + place : Printable(file) + ":" + place;
  }
};

// In the file it was written in, where that is known.
class Places {
 public:
  Places(Client& client, std::string function)
      : function_(std::move(function)),
        sources_([&client](const std::string& name, uint64_t number) { return client.Source(name, number); }) {}

  Where Of(uint64_t number, int line, int column) {
    const OriginalSources* sources = line > 0 ? sources_.Find(function_, number) : nullptr;
    if (sources == nullptr) return {"", line, column};
    // A deoptimisation has no column: any mapping of its line will do, so the last.
    const auto place = sources->Find(line, column > 0 ? column : INT32_MAX);
    if (!place) return {sources->main_module(), line, column};
    return {std::string(place->file), place->line, column > 0 ? place->column : 0};
  }

 private:
  const std::string function_;
  SourceCache sources_;
};

nlohmann::json JsonOf(const JitVersion& version, Places& places) {
  auto functions = nlohmann::json::array();
  for (const JitFunction& function : version.functions) {
    const Where where = places.Of(version.number, function.line, function.column);
    auto tiers = nlohmann::json::object(), deoptimizations = nlohmann::json::array();
    for (size_t tier = 0; tier < kTiers.size(); ++tier) tiers[kTiers[tier]] = function.tiers[tier];
    for (const JitDeoptimization& each : function.deoptimizations) {
      const Where at = places.Of(version.number, each.line, 0);
      deoptimizations.push_back({{"reason", each.reason}, {"count", each.count}, {"file", at.file}, {"line", at.line}});
    }
    functions.push_back({{"name", function.name},
                         {"file", where.file},
                         {"line", where.line},
                         {"column", where.column},
                         {"tier", kTiers[FastestTier(function)]},
                         {"isolates", tiers},
                         {"code_bytes", function.code_bytes},
                         {"time_ms", function.samples},
                         {"deoptimizations", deoptimizations}});
  }
  return {{"version", version.number},
          {"loaded", version.isolates > 0},
          {"isolates", version.isolates},
          {"isolates_watched", version.watched},
          {"functions", functions},
          {"functions_left_out", version.left_out}};
}

void PrintVersion(Console& console, const JitVersion& version, Nanos watch, Places& places) {
  console.out() << "v" << version.number << "  ";
  if (version.isolates == 0) {
    console.out() << "not loaded: no request has come for it here lately\n";
    return;
  }
  console.out() << version.isolates << (version.isolates == 1 ? " isolate" : " isolates");
  if (watch > 0) console.out() << ", watched for " << FormatMilliseconds(watch) << " ms";
  if (watch > 0 && version.watched < version.isolates) console.out() << " (" << version.watched << " of them; the others are new)";
  console.out() << "\n\n";
  std::vector<JitFunction> functions = version.functions;
  std::stable_sort(functions.begin(), functions.end(), [](const JitFunction& a, const JitFunction& b) {
    return std::tuple(a.samples, FastestTier(a)) > std::tuple(b.samples, FastestTier(b));
  });
  if (functions.size() > kFunctionsShown) functions.resize(kFunctionsShown);
  std::vector<std::vector<std::string>> rows = {{"FUNCTION", "TIER", "CODE", "TIME", "WHERE"}};
  std::vector<std::vector<std::string>> gone = {{"DEOPTIMISED", "TIMES", "REASON", "WHERE"}};
  for (const JitFunction& function : functions) {
    const std::string name = Printable(function.name);
    rows.push_back({name, TierText(function), FormatBytes(function.code_bytes),
                    watch > 0 ? std::to_string(function.samples) + " ms" : "-",
                    places.Of(version.number, function.line, function.column).Text()});
    for (const JitDeoptimization& each : function.deoptimizations) {
      gone.push_back({name, std::to_string(each.count), Printable(each.reason), places.Of(version.number, each.line, 0).Text()});
    }
  }
  console.out() << RenderTable(rows);
  const size_t more = version.functions.size() - functions.size() + version.left_out;
  if (more > 0) console.out() << "and " << more << " more" << (version.left_out == 0 ? "; --json shows all" : "") << "\n";
  if (gone.size() > 1) console.out() << "\n" << RenderTable(gone);
}

void Print(Console& console, const std::string& function, const std::vector<WorkerJit>& workers, Places& places) {
  console.out() << console.Paint(Style::kBold, function) << "\n";
  if (workers.empty()) console.out() << "\nno worker is connected\n";
  for (const WorkerJit& worker : workers) {
    console.out() << "\n" << console.Paint(Style::kBold, "worker " + Printable(worker.worker)) << "\n";
    if (!worker.problem.empty()) console.out() << Printable(worker.problem) << "\n";
    for (const JitVersion& version : worker.versions) PrintVersion(console, version, worker.watch, places);
    if (worker.threads_silent > 0) {
      console.out() << worker.threads_silent << " of its threads are busy with long turns and did not answer in time\n";
    }
  }
  console.out() << std::flush;
}

}  // namespace

ExitCode InspectJit(Context& context, const InspectOptions& options) {
  const Result<Nanos> watch = WatchOf(options.watch);
  if (!watch.ok()) return context.console.Fail(UsageFailure(watch.error().message, "inspect"));
  return WithClient(context, [&](Client& client, const Endpoint& endpoint) {
    Console& console = context.console;
    const auto workers = client.Jit(options.function, *watch);
    if (!workers.ok()) {
      Failure failure = FailureOf(workers.error(), endpoint.data_dir);
      if (workers.error().code == ErrorCode::kNotFound) failure.hint = "'ztsctl list' shows the functions there are";
      return console.Fail(failure);
    }
    Places places(client, options.function);
    if (!console.json()) {
      Print(console, options.function, *workers, places);
      return ExitCode::kOk;
    }
    auto all = nlohmann::json::array();
    for (const WorkerJit& worker : *workers) {
      auto versions = nlohmann::json::array();
      for (const JitVersion& version : worker.versions) versions.push_back(JsonOf(version, places));
      all.push_back({{"name", worker.worker}, {"versions", versions}, {"threads_silent", worker.threads_silent}});
      if (!worker.problem.empty()) all.back()["problem"] = worker.problem;
    }
    console.PrintJson({{"name", options.function}, {"watched_ms", *watch / kMillisecond}, {"workers", all}});
    return ExitCode::kOk;
  });
}

}  // namespace zts::cli
