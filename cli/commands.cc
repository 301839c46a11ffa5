#include "cli/commands.h"

#include <algorithm>
#include <functional>

#include "base/clock.h"
#include "cli/client.h"
#include "cli/connect.h"
#include "cli/function_name.h"
#include "cli/text.h"

namespace zts::cli {
namespace {

nlohmann::json JsonOf(const FunctionVersion& version) {
  return {{"name", version.function},      {"version", version.number},
          {"active", version.active},      {"digest", version.digest},
          {"bytes", version.bundle_bytes}, {"code_cache_bytes", version.code_cache_bytes},
          {"routes", version.routes},      {"created", FormatTimestamp(version.created)}};
}

// Where functions answer: the first worker's address stands for all.
std::string UrlOf(const WorkerList& workers, const std::string& function) {
  for (const WorkerInfo& worker : workers) {
    if (!worker.http_address.empty()) return "http://" + worker.http_address + "/" + function;
  }
  return "";
}

// How many catalogs it is behind.
uint64_t LagOf(const WorkerList& workers, const WorkerInfo& worker) {
  return workers.catalog_version > worker.catalog_version ? workers.catalog_version - worker.catalog_version : 0;
}

ExitCode CheckedName(Context& context, const std::string& function, const char* verb) {
  const Status checked = CheckFunctionName(function);
  if (checked.ok()) return ExitCode::kOk;
  return context.console.Fail(UsageFailure(checked.error().message, verb));
}

std::string Since(Nanos wall) { return FormatAge(SystemClock().WallNow() - wall); }

}  // namespace

Failure FailureOf(const Error& error, const std::string& data_dir) {
  Failure failure{ExitCodeOf(error.code), std::string(ErrorCodeName(error.code)), error.message, "", {}};
  if (error.code == ErrorCode::kUnavailable) failure.hint = UnreachableHint(data_dir);
  if (error.code == ErrorCode::kDenied) {
    failure.hint =
        "--data-dir finds the token of 'ztsctl up' by itself, else set ZTS_TOKEN; an admin makes tokens: ztsctl token create";
  }
  return failure;
}

Failure UsageFailure(const std::string& message, const std::string& verb) {
  return {ExitCode::kUsage, "usage", message, "see 'ztsctl " + verb + (verb.empty() ? "--help'" : " --help'"), {}};
}

ExitCode List(Context& context) {
  return WithClient(context, [&](Client& client, const Endpoint& endpoint) {
    Console& console = context.console;
    auto functions = client.ListFunctions();
    if (!functions.ok()) return console.Fail(FailureOf(functions.error(), endpoint.data_dir));
    std::erase_if(*functions, [&](const auto& function) { return !IsInNamespace(function.function, context.name_space); });
    const auto workers = client.ListWorkers();
    if (!workers.ok()) return console.Fail(FailureOf(workers.error(), endpoint.data_dir));
    if (console.json()) {
      auto array = nlohmann::json::array();
      for (const FunctionVersion& function : *functions) {
        array.push_back(JsonOf(function));
        array.back()["url"] = UrlOf(*workers, function.function);
      }
      console.PrintJson({{"functions", array}});
      return ExitCode::kOk;
    }
    if (functions->empty()) {
      console.Note((context.name_space.empty() ? "no functions yet" : "no functions in namespace " + context.name_space) +
                   std::string("; deploy one: ztsctl deploy hello.js"));
      return ExitCode::kOk;
    }
    std::vector<std::vector<std::string>> rows = {{"NAME", "VERSION", "SIZE", "DEPLOYED", "URL"}};
    for (const FunctionVersion& function : *functions) {
      rows.push_back({function.function, "v" + std::to_string(function.number), FormatBytes(function.bundle_bytes),
                      Since(function.created), UrlOf(*workers, function.function)});
    }
    console.out() << RenderTable(rows) << std::flush;
    if (workers->empty()) console.Warn("no worker is connected: nothing is served");
    return ExitCode::kOk;
  });
}

ExitCode Delete(Context& context, const std::string& function) {
  if (const ExitCode exit = CheckedName(context, function, "delete"); exit != ExitCode::kOk) return exit;
  return WithClient(context, [&](Client& client, const Endpoint& endpoint) {
    Console& console = context.console;
    const auto deleted = client.Delete(function);
    if (!deleted.ok()) {
      Failure failure = FailureOf(deleted.error(), endpoint.data_dir);
      if (deleted.error().code == ErrorCode::kNotFound) failure.hint = "'ztsctl list' shows the functions there are";
      return console.Fail(failure);
    }
    const bool everywhere = deleted->workers_done >= deleted->workers_total;
    if (console.json()) {
      console.PrintJson(
          {{"name", function}, {"workers_done", deleted->workers_done}, {"workers_total", deleted->workers_total}});
    } else {
      console.out() << function << " deleted; " << deleted->workers_done << "/" << deleted->workers_total
                    << " workers have stopped serving it" << std::endl;
      if (!everywhere)
        console.Warn("the others stop as soon as they hear of it; 'ztsctl workers' shows where each stands");
    }
    return everywhere ? ExitCode::kOk : ExitCode::kNotLive;
  });
}

ExitCode Workers(Context& context) {
  return WithClient(context, [&](Client& client, const Endpoint& endpoint) {
    Console& console = context.console;
    const auto workers = client.ListWorkers();
    if (!workers.ok()) return console.Fail(FailureOf(workers.error(), endpoint.data_dir));
    if (console.json()) {
      auto array = nlohmann::json::array();
      for (const WorkerInfo& worker : *workers) {
        array.push_back({{"name", worker.name}, {"http", worker.http_address}, {"shards", worker.shards},
                         {"catalog_version", worker.catalog_version}, {"lag", LagOf(*workers, worker)},
                             {"artifact_key", worker.artifact_key},
                         {"io", worker.io_backend}, {"connected", FormatTimestamp(worker.connected)}});
      }
      console.PrintJson({{"workers", array}});
      return ExitCode::kOk;
    }
    if (workers->empty()) {
      console.Note("no worker is connected; 'ztsctl up' starts one beside its controller");
      return ExitCode::kOk;
    }
    std::vector<std::vector<std::string>> rows = {{"NAME", "SERVES ON", "SHARDS", "IO", "CATALOG", "LAG", "CONNECTED"}};
    for (const WorkerInfo& worker : *workers) {
      rows.push_back({Printable(worker.name), Printable(worker.http_address), std::to_string(worker.shards),
                      Printable(worker.io_backend), std::to_string(worker.catalog_version), std::to_string(LagOf(*workers, worker)),
                      Since(worker.connected)});
    }
    console.out() << RenderTable(rows) << std::flush;
    return ExitCode::kOk;
  });
}

}  // namespace zts::cli
