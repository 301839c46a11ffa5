// Nanoseconds to find the function of a request among 10, 1,000 and 10,000 of them, and to build the catalog.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "worker/engine/route/catalog.h"

namespace zts::route {
namespace {

std::vector<FunctionSpec> Functions(int64_t count) {
  std::vector<FunctionSpec> functions;
  for (int64_t i = 0; i < count; ++i) {
    auto script = std::make_shared<js::Script>();
    script->function = "function-" + std::to_string(i);
    functions.push_back({.script = std::move(script), .routes = {{"www" + std::to_string(i) + ".example.com", "/api/v1"}}});
  }
  return functions;
}

// Requests of all functions in turns, so that the index is as cold as it is in life.
template <typename Make>
void FindInTurns(benchmark::State& state, Make&& make) {
  const CatalogPtr catalog = *Catalog::Build(1, Functions(state.range(0)));
  std::vector<std::pair<std::string, std::string>> requests;
  for (int64_t i = 0; i < state.range(0); ++i) requests.push_back(make(std::to_string(i * 7'919 % state.range(0))));
  size_t next = 0;
  for (auto _ : state) {
    const auto& [authority, target] = requests[next];
    ZTS_CHECK(catalog->Find(authority, target) != nullptr);
    if (++next == requests.size()) next = 0;
  }
}

void BM_FindByPath(benchmark::State& state) {
  FindInTurns(state, [](const std::string& n) { return std::pair("127.0.0.1:8080", "/function-" + n + "?x=1"); });
}
BENCHMARK(BM_FindByPath)->Arg(10)->Arg(1'000)->Arg(10'000);

void BM_FindByName(benchmark::State& state) {
  FindInTurns(state, [](const std::string& n) { return std::pair("function-" + n + ".localhost:8080", "/some/path"); });
}
BENCHMARK(BM_FindByName)->Arg(10)->Arg(10'000);

void BM_FindByRoute(benchmark::State& state) {
  FindInTurns(state, [](const std::string& n) { return std::pair("www" + n + ".example.com", "/api/v1/items/17"); });
}
BENCHMARK(BM_FindByRoute)->Arg(10)->Arg(10'000);

void BM_Build(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    auto functions = Functions(state.range(0));
    state.ResumeTiming();
    ZTS_CHECK(Catalog::Build(1, std::move(functions)).ok());
  }
}
BENCHMARK(BM_Build)->Arg(100)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace zts::route
