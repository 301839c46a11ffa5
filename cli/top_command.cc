// The verb `top`.
#include <thread>

#include "base/bytes.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/figures.h"
#include "cli/function_name.h"
#include "cli/text.h"

namespace zts::cli {
namespace {

constexpr Nanos kIntervalDefault = 2 * kSecond;
constexpr Nanos kIntervalMin = 200 * kMillisecond;

void PrintTable(Console& console, const std::vector<FunctionReport>& reports) {
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "REQ/S", "ERR/S", "P50", "P99", "COLD", "LIMITS", "IN FLIGHT", "ISOLATES", "MEMORY"}};
  for (const FunctionReport& report : reports) {
    const Figures& all = report.all;
    rows.push_back({report.function, FormatRate(all.requests_per_second), FormatRate(all.errors_per_second), FormatLatency(all.p50),
                    FormatLatency(all.p99), std::to_string(all.cold_starts), std::to_string(all.limits_hit),
                    std::to_string(all.in_flight), std::to_string(all.isolates), FormatBytes(all.memory_bytes)});
  }
  console.out() << RenderTable(rows);
  if (reports.empty()) console.out() << "no function is busy or has an isolate\n";
}

void Print(Console& console, const std::vector<FunctionReport>& reports) {
  if (!console.json()) return PrintTable(console, reports);
  auto functions = nlohmann::json::array();
  for (const FunctionReport& report : reports) {
    functions.push_back(JsonOf(report.all));
    functions.back()["name"] = report.function;
  }
  console.PrintJson({{"functions", functions}});
}

}  // namespace

ExitCode Top(Context& context, const TopOptions& options) {
  Nanos interval = kIntervalDefault;
  if (!options.interval.empty()) {
    const auto typed = ParseDurationNs(options.interval);
    if (!typed || *typed < kIntervalMin) {
      return context.console.Fail(UsageFailure("--interval is a time of at least 200ms, as in 2s", "top"));
    }
    interval = *typed;
  }
  return WithClient(context, [&](Client& client, const Endpoint& endpoint) {
    Console& console = context.console;
    const bool once = options.once || (!console.out_is_terminal() && !console.json());
    while (true) {
      auto reports = client.Stats("");
      if (!reports.ok()) return console.Fail(FailureOf(reports.error(), endpoint.data_dir));
      std::erase_if(*reports, [&](const auto& report) { return !IsInNamespace(report.function, context.name_space); });
      // Home, and clear from there: the table takes the place of the last one.
      if (!once && !console.json()) console.out() << "\x1b[H\x1b[J";
      Print(console, *reports);
      console.out() << std::flush;
      if (once) return ExitCode::kOk;
      // A command line has nothing else to do, and Ctrl-C ends it.
      std::this_thread::sleep_for(std::chrono::nanoseconds(interval));  // tidy: ok
    }
  });
}

}  // namespace zts::cli
