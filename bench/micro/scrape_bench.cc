// What a scrape of a full worker costs: 1,000 functions on two shards, every one of them used.
#include <benchmark/benchmark.h>

#include <string>

#include "base/check.h"
#include "base/clock.h"
#include "worker/ipc/shared_counters.h"
#include "worker/supervisor/counter_rows.h"
#include "worker/supervisor/function_windows.h"
#include "worker/supervisor/metrics.h"

namespace zts {
namespace {

constexpr uint32_t kShards = 2;

struct Worker {
  explicit Worker(int functions)
      : counters(std::move(*ipc::SharedCounters::Create(kShards))),
        rows(counters.get(), &clock),
        version_rows(counters.get(), &clock),
        windows(counters.get(), &rows) {
    for (int i = 0; i < functions; ++i) Use(rows.Assign("function-" + std::to_string(i)), i);
    windows.Step();
  }
  // As a function that has answered a few thousand requests, from fast to slow.
  void Use(uint32_t row, int seed) {
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      ipc::FunctionCounters& function = counters->shard(shard).functions[row];
      function.requests[1].Add(3000 + static_cast<uint64_t>(seed));
      function.requests[4].Add(3);
      function.outcomes[0].Add(3000);
      function.outcomes[1].Add(3);
      function.cold_starts[0].Add(1);
      function.isolates.Set(1);
      function.heap_used_bytes.Set(3 << 20);
      for (Nanos latency = 20 * kMicrosecond; latency < kSecond; latency += latency / 20 + seed) function.latency.Record(latency);
    }
  }

  SystemClock clock;
  std::unique_ptr<ipc::SharedCounters> counters;
  supervisor::CounterRows rows;
  supervisor::VersionRows version_rows;
  supervisor::FunctionWindows windows;
};

void BM_Scrape(benchmark::State& state) {
  const Worker worker(static_cast<int>(state.range(0)));
  const supervisor::Metrics metrics(worker.counters.get(), &worker.rows, &worker.version_rows, &worker.windows,
                                    [] { return supervisor::WorkerFigures(); });
  size_t bytes = 0;
  for (auto _ : state) {
    std::string text;
    metrics.AppendText(&text);
    bytes = text.size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_Scrape)->Arg(1)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace zts

BENCHMARK_MAIN();
