// What JavaScript costs a request, and what an isolate costs a cold start: run inside the host.
//
//   isolate_bench.node [--smoke]
//   isolate_bench.node --cold [ROUNDS [KIB]]    cold starts by phase alone, of bundles of this size
//
// Prints the median and the least of several rounds; the engine's I/O is not part of it. The client copies each body out, as the
// engine does.
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/layout.h"
#include "jsruntime/compiler.h"
#include "jsruntime/host.h"
#include "jsruntime/testing/make_script.h"

namespace zts::js {
namespace {

class CopyingClient final : public IsolateClient {
 public:
  void OnResponse(InvocationId, const ResponseView& response) override {
    checksum += response.status() + response.headers().size();
    const size_t length = response.body_bytes();
    if (length > buffer_.size()) buffer_.resize(length);
    response.CopyBody(buffer_.data());
    checksum += length + (length > 0 ? buffer_[0] : 0);
    ++answered;
  }
  void OnFailure(InvocationId, const Outcome& outcome) override {
    std::fprintf(stderr, "failed: %s\n", outcome.message.c_str());
    std::abort();
  }
  Taken OnChunk(InvocationId, std::string_view bytes) override { return {bytes.size(), Room::kYes}; }
  void OnResponseEnd(InvocationId, const Outcome&) override {}
  void OnConsole(InvocationId, LogSeverity, std::string_view) override {}
  void OnTimerDue(Nanos) override {}
  void OnTasksPosted() override { tasks = true; }

  uint64_t checksum = 0;
  uint64_t answered = 0;
  std::atomic<bool> tasks{false};

 private:
  std::string buffer_ = std::string(4096, '\0');
};

struct Case {
  const char* name;
  const char* source;
};

constexpr Case kCases[] = {
    {"hello", "export default { fetch() { return new Response('Hello, world!'); } }"},
    {"hello, with header", "export default { fetch() { return new Response('<p>hi', { headers: { 'content-type': 'text/html' } }); } }"},
    {"method + url", "export default { fetch(r) { return new Response(r.method + r.url); } }"},
    {"headers.get", "export default { fetch(r) { return new Response(r.headers.get('user-agent')); } }"},
    {"JSON reply", "export default { fetch(r) { return Response.json({ id: 7, name: 'seven', tags: ['a', 'b'], ok: true }); } }"},
    {"async hello", "export default { async fetch() { return new Response('Hello, world!'); } }"},
    {"async + await", "export default { async fetch() { await null; return new Response('Hello, world!'); } }"},
    {"await text()", "export default { async fetch(r) { return new Response(await r.text()); } }"},
    {"URL + searchParams",
     "export default { fetch(r) { const u = new URL(r.url); return new Response(u.pathname + u.searchParams.get('b')); } }"},
    {"url, header, URL, JSON",
     "export default { fetch(r) { const u = new URL(r.url); return Response.json({ p: u.pathname, a: r.headers.get('user-agent') }); } }"},
    {"1 KiB string", "const s = 'x'.repeat(1024); export default { fetch() { return new Response(s); } }"},
    {"64 KiB string", "const s = 'x'.repeat(65536); export default { fetch() { return new Response(s); } }"},
};

struct Figures {
  double median;
  double least;
};

Figures Measure(int rounds, const std::function<double()>& round) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(round());
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front()};
}

double Since(Nanos start) { return static_cast<double>(SystemClock().Now() - start); }

void BenchRequests(Host& host, int rounds, int requests) {
  const HeaderField headers[] = {{"Host", "hello.localhost:8080"}, {"User-Agent", "bench/1.0"}, {"Accept", "*/*"},
                                 {"Accept-Encoding", "gzip, br"}};
  RequestView request;
  request.method = "GET";
  request.authority = "hello.localhost:8080";
  request.target = "/path/of/it?a=1&b=2";
  request.headers = headers;
  request.body = "body";
  std::printf("%-24s %10s %10s   (ns a request)\n", "handler", "median", "least");
  for (const Case& each : kCases) {
    CopyingClient client;
    const auto isolate = host.NewIsolate();
    const LoadReport report = isolate->Load(MakeScript("bench", "v1", each.source));
    if (!report.outcome.ok()) {
      std::fprintf(stderr, "%s: %s\n", each.name, report.outcome.message.c_str());
      std::abort();
    }
    isolate->Attach(&client);
    InvocationId id = 0;
    const auto round = [&] {
      const Nanos start = SystemClock().Now();
      for (int i = 0; i < requests; ++i) isolate->Dispatch(++id, &request);
      const double each_ns = Since(start) / requests;
      if (client.tasks.exchange(false)) isolate->RunTasks();
      return each_ns;
    };
    for (int i = 0; i < 3; ++i) round();
    const Figures figures = Measure(rounds, round);
    std::printf("%-24s %10.0f %10.0f   checksum %llu of %llu\n", each.name, figures.median, figures.least,
                static_cast<unsigned long long>(client.checksum), static_cast<unsigned long long>(client.answered));
  }
}

// A module of about this many bytes, of which a little runs: while it loads, and `called` of its functions in a request.
std::string Bundle(size_t bytes, int called = 0) {
  std::string source, calls;
  for (int i = 0; i < called; ++i) calls += "part" + std::to_string(i * 7) + "(2); ";
  for (int i = 0; source.size() < bytes; ++i) {
    const std::string n = std::to_string(i);
    source += "function part" + n + "(x) { const y = { a: x, b: [x, x + " + n + "] }; return y.b.map((z) => z * 2).join('-'); }\n";
  }
  return source + "const first = part0(1); export default { fetch() { " + calls + "return new Response(first); } };\n";
}

struct ColdStart {
  double made = 0;       // the isolate and its context; 0 with a spare one
  double compiled = 0;   // ready to evaluate
  double evaluated = 0;  // ready for requests
  double answered = 0;   // the first one
  double cpu = 0;        // of the thread, for all of it
  double total() const { return made + compiled + evaluated + answered; }
};

long FaultsOfThread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

double ThreadCpu() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// One cold start, from `isolate` if there is one. The code cache is the script's own where none is given.
ColdStart StartCold(Host& host, const ScriptPtr& script, std::unique_ptr<Isolate> isolate, const RequestView& request,
                    Bytes code_cache = {}) {
  CopyingClient client;
  ColdStart took;
  const double cpu_begin = ThreadCpu();
  const Nanos begin = SystemClock().Now();
  if (isolate == nullptr) isolate = script->function_snapshot.empty() ? host.NewIsolate() : host.RestoreIsolate(script);
  const Nanos made = SystemClock().Now();
  const LoadReport report = isolate->LoadFrom(script, code_cache.empty() ? script->code_cache : code_cache);
  const Nanos loaded = SystemClock().Now();
  isolate->Attach(&client);
  isolate->Dispatch(1, &request);
  if (client.answered != 1 || (!script->code_cache.empty() && report.cache != LoadReport::Cache::kAccepted)) std::abort();
  took.made = static_cast<double>(made - begin);
  took.compiled = static_cast<double>(report.compile);
  took.evaluated = static_cast<double>(loaded - made - report.compile);
  took.answered = Since(loaded);
  took.cpu = ThreadCpu() - cpu_begin;
  return took;
}

// The quantile of one part of the cold starts, microseconds.
double Quantile(const std::vector<ColdStart>& starts, double quantile, double (*part)(const ColdStart&)) {
  std::vector<double> times;
  for (const ColdStart& start : starts) times.push_back(part(start));
  std::sort(times.begin(), times.end());
  return times[static_cast<size_t>(quantile * static_cast<double>(times.size() - 1))] / 1000;
}

void PrintColdStarts(const std::string& name, const std::vector<ColdStart>& starts, long faults) {
  const auto total = [](const ColdStart& start) { return start.total(); };
  const auto cpu = [](const ColdStart& start) { return start.cpu; };
  std::printf("%-36s %8.0f %8.0f %8.0f |%8.0f %8.0f |", name.c_str(), Quantile(starts, 0.5, total), Quantile(starts, 0.99, total),
              Quantile(starts, 0, total), Quantile(starts, 0.5, cpu), Quantile(starts, 0.99, cpu));
  std::printf("%8.0f %8.0f %8.0f %8.0f |%6ld\n", Quantile(starts, 0.5, [](const ColdStart& start) { return start.made; }),
              Quantile(starts, 0.5, [](const ColdStart& start) { return start.compiled; }),
              Quantile(starts, 0.5, [](const ColdStart& start) { return start.evaluated; }),
              Quantile(starts, 0.5, [](const ColdStart& start) { return start.answered; }), faults / static_cast<long>(starts.size()));
}

// What an isolate that has answered three requests leaves for the next ones.
std::string LearnedCode(Host& host, const ScriptPtr& script, const RequestView& request) {
  CopyingClient client;
  const auto isolate = host.NewIsolate();
  if (!isolate->Load(script).outcome.ok()) std::abort();
  isolate->Attach(&client);
  for (InvocationId id = 1; id <= 3; ++id) isolate->Dispatch(id, &request);
  const double begin = ThreadCpu();
  std::string code = isolate->MakeCodeCache();
  std::printf("code cache of %zu bytes, learned one of %zu bytes made in %.0f us\n", script->code_cache.size(), code.size(),
              (ThreadCpu() - begin) / 1000);
  return code;
}

const std::vector<size_t> kColdSizesKib = {50, 1024};

// As the engine's warm-up has them: four spares, one of which is taken, and the next made afterwards.
void BenchByPhase(Host& host, int rounds, const std::vector<size_t>& sizes_kib) {
  RequestView request;
  request.method = "GET";
  request.authority = "h";
  request.target = "/";
  std::printf("\n%-36s %8s %8s %8s |%8s %8s |%8s %8s %8s %8s |%6s  (us)\n", "cold start by phase", "p50", "p99", "least", "CPU p50",
              "CPU p99", "make", "compile", "evaluate", "answer", "faults");
  std::vector<std::pair<size_t, int>> shapes;
  for (const size_t kib : sizes_kib) shapes.insert(shapes.end(), {{kib, 0}, {kib, 40}});
  for (const auto& [kib, called] : shapes) {
    const std::string text = Bundle(kib << 10, called);
    auto script = MakeScript("bench", "v1", text);
    const Compiled compiled = Compile(host, script);
    script->code_cache = AsBytes(compiled.code_cache);
    const std::string learned_code = LearnedCode(host, script, request);
    std::deque<std::unique_ptr<Isolate>> spares;
    for (int i = 0; i < 4; ++i) spares.push_back(host.NewIsolate({.room_bytes = kSpareRoomBytes}));
    struct Way {
      std::string name;
      bool spare;
      Bytes code_cache;
      std::vector<ColdStart> starts;
      long faults = 0;
    };
    const std::string size = std::to_string(kib) + " KiB, " + (called > 0 ? std::to_string(called) + " called, " : "");
    Way ways[] = {{size + "code cache, spare", true, script->code_cache, {}},
                  {size + "learned, spare", true, AsBytes(learned_code), {}},
                  {size + "code cache, nothing warm", false, script->code_cache, {}},
                  {size + "learned, nothing warm", false, AsBytes(learned_code), {}}};
    for (int i = 0; i < rounds; ++i) {
      for (Way& way : ways) {
        std::unique_ptr<Isolate> isolate;
        if (way.spare) {
          isolate = std::move(spares.front());
          spares.pop_front();
        }
        const long before = FaultsOfThread();
        way.starts.push_back(StartCold(host, script, std::move(isolate), request, way.code_cache));
        way.faults += FaultsOfThread() - before;
        if (way.spare) spares.push_back(host.NewIsolate({.room_bytes = kSpareRoomBytes}));
      }
    }
    for (const Way& way : ways) PrintColdStarts(way.name, way.starts, way.faults);
    auto snapshot = MakeScript("bench", "v1", text);
    const Recorded recorded = Record(host, snapshot);
    if (recorded.snapshot.empty()) std::abort();
    snapshot->function_snapshot = AsBytes(recorded.snapshot);
    std::vector<ColdStart> restored;
    const long before = FaultsOfThread();
    for (int i = 0; i < rounds; ++i) restored.push_back(StartCold(host, snapshot, nullptr, request));
    PrintColdStarts(std::to_string(kib) + " KiB, snapshot", restored, FaultsOfThread() - before);
  }
}

void BenchColdStart(Host& host, int rounds) {
  std::printf("\n%-44s %10s %10s   (us)\n", "cold start", "median", "least");
  const auto print = [](const std::string& name, const Figures& figures) {
    std::printf("%-44s %10.0f %10.0f\n", name.c_str(), figures.median / 1000, figures.least / 1000);
  };
  print("NewIsolate (isolate + context)", Measure(rounds, [&] {
    const Nanos start = SystemClock().Now();
    const auto isolate = host.NewIsolate();
    return Since(start);
  }));
  RequestView request;
  request.method = "GET";
  request.authority = "h";
  request.target = "/";
  for (const size_t size : {size_t{2} << 10, size_t{50} << 10, size_t{1} << 20}) {
    const std::string text = Bundle(size);
    auto plain = MakeScript("bench", "v1", text);
    const Compiled compiled = Compile(host, plain);
    auto cached = MakeScript("bench", "v1", text);
    cached->code_cache = AsBytes(compiled.code_cache);
    for (const auto& script : {plain, cached}) {
      const std::string kind = std::to_string(size >> 10) + " KiB, " + (script == cached ? "code cache" : "source");
      std::vector<double> dispose;
      print("Load + first request, " + kind, Measure(rounds, [&] {
        CopyingClient client;
        auto isolate = host.NewIsolate();
        const Nanos start = SystemClock().Now();
        const LoadReport report = isolate->Load(script);
        isolate->Attach(&client);
        isolate->Dispatch(1, &request);
        const double took = Since(start);
        if (script == cached && report.cache != LoadReport::Cache::kAccepted) std::abort();
        const Nanos end = SystemClock().Now();
        isolate.reset();
        dispose.push_back(Since(end));
        return took;
      }));
      std::sort(dispose.begin(), dispose.end());
      print("  dispose, " + kind, {dispose[dispose.size() / 2], dispose[0]});
    }
  }
  CopyingClient client;
  std::vector<std::unique_ptr<Isolate>> many;
  const auto script = MakeScript("bench", "v1", kCases[0].source);
  double used = 0;
  double committed = 0;
  for (int i = 0; i < rounds; ++i) {
    many.push_back(host.NewIsolate());
    if (!many.back()->Load(script).outcome.ok()) std::abort();
    many.back()->Attach(&client);
    many.back()->Dispatch(1, &request);
    used += static_cast<double>(many.back()->memory().heap_used_bytes) / (1 << 20) / rounds;
    committed += static_cast<double>(many.back()->memory().heap_committed_bytes) / (1 << 20) / rounds;
  }
  std::printf("\nV8's heap of an isolate after one request: %.2f MiB used, %.2f MiB resident\n", used, committed);
}

// A bundle that works for about so long while it loads: rounds over a table, and what is left of it.
std::string WorkingBundle(size_t bytes, int rounds) {
  return Bundle(bytes) +
         "const table = new Array(1000).fill(1); const index = new Map();\n"
         "for (let r = 0; r < " + std::to_string(rounds) + "; r++) for (let i = 0; i < 1000; i++) table[i] = (table[i] * 31 + i + r) | 0;\n"
         "for (let i = 0; i < 1000; i++) index.set('key' + i, { id: i, value: table[i] });\n"
         "export function look(key) { return index.get(key).value + table[0]; }\n";
}

// The same cold start from the function's snapshot and from a spare isolate with the code cache, in turns.
void BenchSnapshot(Host& host, int rounds, int work_divisor) {
  std::printf("\n%-44s %10s %10s   (us)\n", "cold start, work while loading", "median", "least");
  RequestView request;
  request.method = "GET";
  request.authority = "h";
  request.target = "/";
  struct Shape {
    size_t bytes;
    int rounds;
  };
  for (const Shape shape : {Shape{2 << 10, 0}, Shape{50 << 10, 5'000}, Shape{1 << 20, 0}, Shape{1 << 20, 5'000}, Shape{1 << 20, 100'000}}) {
    const std::string text = WorkingBundle(shape.bytes, shape.rounds / work_divisor);
    auto script = MakeScript("bench", "v1", text);
    const Compiled compiled = Compile(host, script);
    const Recorded recorded = Record(host, script);
    if (!compiled.outcome.ok() || recorded.snapshot.empty()) {
      std::fprintf(stderr, "%s %s\n", compiled.outcome.message.c_str(), recorded.refusal.c_str());
      std::abort();
    }
    auto cached = MakeScript("bench", "v1", text);
    cached->code_cache = AsBytes(compiled.code_cache);
    auto snapshot = MakeScript("bench", "v1", text);
    snapshot->function_snapshot = AsBytes(recorded.snapshot);
    std::vector<double> from_cache, from_snapshot;
    MemoryUse cache_use, snapshot_use;
    for (int i = 0; i < rounds; ++i) {
      {
        CopyingClient client;
        const auto isolate = host.NewIsolate({.room_bytes = kSpareRoomBytes});  // a spare: made before
        const Nanos start = SystemClock().Now();
        isolate->Load(cached);
        isolate->Attach(&client);
        isolate->Dispatch(1, &request);
        from_cache.push_back(Since(start));
        cache_use = isolate->memory();
      }
      CopyingClient client;
      const Nanos start = SystemClock().Now();
      const auto isolate = host.RestoreIsolate(snapshot);
      isolate->Load(snapshot);
      isolate->Attach(&client);
      isolate->Dispatch(1, &request);
      from_snapshot.push_back(Since(start));
      snapshot_use = isolate->memory();
    }
    const std::string kind = std::to_string(shape.bytes >> 10) + " KiB, " +
                             std::to_string(compiled.report.evaluate / kMillisecond) + " ms of work";
    const auto print = [&](const std::string& what, std::vector<double>& times, const MemoryUse& use, size_t blob) {
      std::sort(times.begin(), times.end());
      std::printf("%-44s %10.0f %10.0f   heap %.2f MiB, artifact %zu KiB\n", (kind + ", " + what).c_str(), times[times.size() / 2] / 1000,
                  times.front() / 1000, static_cast<double>(use.heap_committed_bytes) / (1 << 20), blob >> 10);
    };
    print("code cache", from_cache, cache_use, compiled.code_cache.size());
    print("snapshot", from_snapshot, snapshot_use, recorded.snapshot.size());
  }
}

int Main(int argc, char** argv) {
  const bool smoke = argc > 1 && std::strcmp(argv[1], "--smoke") == 0;
  const bool only_cold = argc > 1 && std::strcmp(argv[1], "--cold") == 0;
  const auto snapshot = FindInstalled("web.snapshot");
  auto host = snapshot.ok() ? Host::Start({*snapshot}) : Result<std::unique_ptr<Host>>(snapshot.error());
  if (!host.ok()) {
    std::fprintf(stderr, "%s\n", host.error().message.c_str());
    return 1;
  }
  std::printf("V8 %s\n", ArtifactKey().c_str());
  if (only_cold) {
    const auto number = [&](int index, int otherwise) {
      return argc > index ? ParseInteger<int>(argv[index]).value_or(otherwise) : otherwise;
    };
    BenchByPhase(**host, number(2, 200), argc > 3 ? std::vector<size_t>{static_cast<size_t>(number(3, 50))} : kColdSizesKib);
    return 0;
  }
  BenchRequests(**host, smoke ? 1 : 15, smoke ? 100 : 20'000);
  BenchColdStart(**host, smoke ? 1 : 60);
  BenchByPhase(**host, smoke ? 1 : 200, kColdSizesKib);
  BenchSnapshot(**host, smoke ? 1 : 40, smoke ? 1000 : 1);
  return 0;
}

}  // namespace
}  // namespace zts::js

ZTS_HOST_MAIN(zts::js::Main);
