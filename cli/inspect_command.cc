// The verb `inspect`.
#include <algorithm>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/figures.h"
#include "cli/function_name.h"
#include "cli/source_cache.h"
#include "cli/text.h"

namespace zts::cli {
namespace {

// What the controller still holds of its log is looked through for as many errors.
constexpr uint32_t kLogBacklog = 1000;
constexpr size_t kErrorsShown = 5;
constexpr size_t kVersionsShown = 5;
// The backlog comes at once; this long without a record, it is over.
constexpr Nanos kLogIdle = 300 * kMillisecond;

struct Inspection {
  std::vector<FunctionVersion> versions;  // newest first
  WorkerList workers;
  FunctionReport report;
  std::vector<std::pair<LogEntry, Explained>> errors;  // newest last

  const Figures* On(const std::string& worker) const {
    for (const auto& [name, figures] : report.workers) {
      if (name == worker) return &figures;
    }
    return nullptr;
  }
  const FunctionVersion& Active() const {
    const auto active = std::find_if(versions.begin(), versions.end(), [](const auto& version) { return version.active; });
    return active != versions.end() ? *active : versions.front();
  }
};

class Errors final : public Client::TailSink {
 public:
  explicit Errors(std::vector<std::pair<LogEntry, Explained>>& found) : found_(found) {}
  void OnRecord(const LogEntry& entry) override {
    // A controller from before levels sends all.
    if (entry.severity == "exception" || entry.severity == "error") found_.push_back({entry, {}});
  }

 private:
  std::vector<std::pair<LogEntry, Explained>>& found_;
};

Result<Inspection> Ask(Client& client, const std::string& function) {
  Inspection found;
  ZTS_ASSIGN_OR_RETURN(FunctionStory story, client.Story(function));
  found.versions = std::move(story.versions);
  if (found.versions.empty()) return Error{ErrorCode::kNotFound, "there is no function " + function};
  ZTS_ASSIGN_OR_RETURN(found.workers, client.ListWorkers());
  ZTS_ASSIGN_OR_RETURN(std::vector<FunctionReport> reports, client.Stats(function));
  if (!reports.empty()) found.report = std::move(reports.front());
  TailOptions tail;
  tail.function = function;
  tail.level_min = "error";
  tail.backlog = kLogBacklog;
  tail.idle_max = kLogIdle;
  Errors errors(found.errors);
  ZTS_RETURN_IF_ERROR(client.TailLogs(tail, errors));
  if (found.errors.size() > kErrorsShown) found.errors.erase(found.errors.begin(), found.errors.end() - kErrorsShown);
  SourceCache sources([&](const std::string& name, uint64_t number) { return client.Source(name, number); });
  for (auto& [entry, explained] : found.errors) explained = sources.Explain(entry.function, entry.version, entry.message);
  return found;
}

nlohmann::json JsonOf(const std::string& function, const Inspection& found) {
  const FunctionVersion& active = found.Active();
  auto versions = nlohmann::json::array(), workers = nlohmann::json::array(), errors = nlohmann::json::array();
  for (const FunctionVersion& version : found.versions) {
    versions.push_back({{"version", version.number}, {"active", version.active}, {"digest", version.digest},
                        {"bytes", version.bundle_bytes}, {"start", StartName(version.snapshot_bytes, version.code_cache_bytes)},
                        {"start_reason", version.start_reason}, {"jit", version.jit},
                        {"jit_threshold", version.jit_threshold}, {"isolation", version.isolation},
                        {"created", FormatTimestamp(version.created)}});
  }
  for (const WorkerInfo& worker : found.workers) {
    const Figures* figures = found.On(worker.name);
    workers.push_back(JsonOf(figures != nullptr ? *figures : Figures{}));
    workers.back().update({{"name", worker.name}, {"catalog_version", worker.catalog_version}, {"io", worker.io_backend}});
  }
  for (const auto& [entry, explained] : found.errors) {
    errors.push_back({{"time", FormatTimestamp(entry.time)}, {"version", entry.version}, {"request_id", entry.request_id},
                      {"worker", entry.worker}, {"message", explained.text}});
    if (explained.place) errors.back()["source"] = JsonOfPlace(*explained.place);
  }
  return {{"name", function},
          {"active_version", active.number},
          {"versions", versions},
          {"routes", active.routes},
          {"secrets", active.secrets},
          {"jit", active.jit},
          {"jit_threshold", active.jit_threshold},
          {"isolation", active.isolation},
          {"limits",
           {{"cpu_ms", active.cpu_per_request / kMillisecond},
            {"wall_ms", active.wall_per_request / kMillisecond},
            {"startup_ms", active.startup_cpu / kMillisecond},
            {"memory_bytes", active.memory_bytes_max},
            {"nursery_bytes", active.nursery_bytes},
            {"request_garbage_bytes", active.request_garbage_bytes}}},
          {"figures", JsonOf(found.report.all)},
          {"workers", workers},
          {"errors", errors}};
}

std::string LimitText(Nanos limit) { return limit == 0 ? "default" : FormatMilliseconds(limit); }

std::string SizeText(uint64_t bytes) { return bytes == 0 ? "default" : FormatBytes(bytes); }

std::string StartOf(const FunctionVersion& version) {
  const std::string name = StartName(version.snapshot_bytes, version.code_cache_bytes);
  return version.start_reason.empty() ? name : name + ": " + Printable(version.start_reason);
}

void PrintHead(Console& console, const std::string& function, const Inspection& found) {
  const FunctionVersion& active = found.Active();
  console.out() << console.Paint(Style::kBold, function) << "  v" << active.number << "\n\nlimits  cpu "
                << LimitText(active.cpu_per_request) << ", wall " << LimitText(active.wall_per_request) << ", startup "
                << LimitText(active.startup_cpu) << ", memory "
                << SizeText(active.memory_bytes_max) << ", nursery " << SizeText(active.nursery_bytes);
  if (active.request_garbage_bytes > 0) console.out() << ", garbage a request " << FormatBytes(active.request_garbage_bytes);
  console.out() << "\nroutes  /" << function << ", " << function << ".localhost/";
  for (const std::string& route : active.routes) console.out() << ", " << Printable(route);
  if (!active.secrets.empty()) console.out() << "\nsecrets ";
  for (const std::string& name : active.secrets) console.out() << " " << Printable(name);
  if (const std::string engine = EngineText(active); !engine.empty()) console.out() << "\nengine  " << engine;
  console.out() << "\n\n";
}

// Since each worker's start.
void PrintMemory(Console& console, const Inspection& found) {
  std::vector<std::vector<std::string>> rows = {
      {"WORKER", "COLLECTIONS", "OF THE WHOLE HEAP", "PAUSES IN TURNS", "BETWEEN TURNS", "HEAP USED", "COMMITTED", "BUFFERS", "LIMIT"}};
  for (const auto& [worker, figures] : found.report.workers) {
    const MemoryFigures& memory = figures.memory;
    rows.push_back({Printable(worker), std::to_string(memory.minor_collections + memory.major_collections),
                    std::to_string(memory.major_collections), FormatLatency(memory.pause_inside), FormatLatency(memory.pause_outside),
                    FormatBytes(memory.heap_used_bytes), FormatBytes(memory.heap_committed_bytes), FormatBytes(memory.external_bytes),
                    FormatBytes(memory.limit_bytes)});
  }
  if (rows.size() > 1) console.out() << RenderTable(rows) << "\n";
}

void Print(Console& console, const std::string& function, const Inspection& found) {
  PrintHead(console, function, found);
  std::vector<std::vector<std::string>> rows = {{"VERSION", "STATE", "SIZE", "DEPLOYED", "STARTS FROM"}};
  for (const FunctionVersion& version : found.versions) {
    if (rows.size() > kVersionsShown) break;
    rows.push_back({"v" + std::to_string(version.number), StateName(version), FormatBytes(version.bundle_bytes),
                    FormatAge(SystemClock().WallNow() - version.created), StartOf(version)});
  }
  console.out() << RenderTable(rows) << "\n";
  rows = {{"WORKER", "CATALOG", "REQ/S", "ERR/S", "P50", "P99", "COLD", "LIMITS", "ISOLATES", "MEMORY"}};
  for (const WorkerInfo& worker : found.workers) {
    const Figures* known = found.On(worker.name);
    const Figures figures = known != nullptr ? *known : Figures{};
    rows.push_back({Printable(worker.name), std::to_string(worker.catalog_version), FormatRate(figures.requests_per_second),
                    FormatRate(figures.errors_per_second), FormatLatency(figures.p50), FormatLatency(figures.p99),
                    std::to_string(figures.cold_starts), std::to_string(figures.limits_hit), std::to_string(figures.isolates),
                    FormatBytes(figures.memory_bytes)});
  }
  console.out() << RenderTable(rows) << "\n";
  PrintMemory(console, found);
  if (found.errors.empty()) console.out() << "no errors in the log that the controller holds\n";
  for (const auto& [entry, explained] : found.errors) {
    console.out() << console.Paint(Style::kDim, FormatTimestamp(entry.time)) << "  v" << entry.version << "  " << entry.request_id << "  "
                  << console.Paint(Style::kRed, Printable(RenderExplained(explained), Newlines::kKeep)) << "\n";
  }
  console.out() << std::flush;
}

}  // namespace

ExitCode Inspect(Context& context, const InspectOptions& options) {
  const std::string& function = options.function;
  if (const Status checked = CheckFunctionName(function); !checked.ok()) {
    return context.console.Fail(UsageFailure(checked.error().message, "inspect"));
  }
  if (options.jit) return InspectJit(context, options);
  if (!options.watch.empty()) return context.console.Fail(UsageFailure("--watch goes with --jit", "inspect"));
  return WithClient(context, [&](Client& client, const Endpoint& endpoint) {
    Console& console = context.console;
    const auto found = Ask(client, function);
    if (!found.ok()) {
      Failure failure = FailureOf(found.error(), endpoint.data_dir);
      if (found.error().code == ErrorCode::kNotFound) failure.hint = "'ztsctl list' shows the functions there are";
      return console.Fail(failure);
    }
    if (console.json()) {
      console.PrintJson(JsonOf(function, *found));
    } else {
      Print(console, function, *found);
    }
    return ExitCode::kOk;
  });
}

}  // namespace zts::cli
