// The patterns that JavaScript is written in, each on its way from bytecode to optimised code: run inside the host.
//
//   jit_patterns_bench.node [--smoke] [--jit=disabled|lazy|eager] [--jit-threshold=CALLS]
//
// Each is a function of its own that is called from one place together with many others, so that V8 does not melt it into its caller.
// Prints its tier after the first request and at the end, the requests it took to get there, and what a call costs at first and at last.
// Fails where one does not reach the optimiser (with a policy that has one).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/bytes.h"
#include "base/layout.h"
#include "jsruntime/host.h"
#include "jsruntime/testing/make_script.h"
#include "jsruntime/testing/recording_client.h"

namespace zts::js {
namespace {

constexpr int kCallsPerRequest = 100;
constexpr int kLook = 50;           // requests between looks at the tier
constexpr int kRequestsMax = 20000;
constexpr int kMeasured = 200;

struct Pattern {
  const char* name;
  const char* source;  // defines pattern(i), and what it needs
};

constexpr Pattern kPatterns[] = {
    {"closures", "const adder = (n) => (x) => x + n; const pattern = (i) => { const f = adder(i); return f(1) + f(2); };"},
    {"async", "async function pattern(i) { const x = await i; return x + 1; }"},
    {"spread", "const sum = (...all) => all.length + all[0]; function pattern(i) { const a = [i, 2, 3]; return sum(...a, ...[4, i]); }"},
    {"object spread", "function pattern(i) { const o = { a: i, b: 2 }; const p = { ...o, c: 3 }; return p.a + p.c; }"},
    {"destructuring", "function pattern(i) { const { a, ...rest } = { a: i, b: 2, c: 3 }; const [x, y] = [a, rest.b]; return x + y; }"},
    {"delete", "function pattern(i) { const o = { a: i, b: 2 }; delete o.a; return o.b; }"},
    {"instanceof", "class A {} class B extends A {} const all = [new A(), new B(), {}]; "
                   "function pattern(i) { return all[i % 3] instanceof A ? 1 : 0; }"},
    {"module bindings", "let count = 0; const step = 2; export function bump() { count += step; return count; } "
                        "function pattern(i) { return bump() + i; }"},
    {"wide integers", "function pattern(i) { const wide = 4294967296 + i; return wide % 1000003; }"},
    {"BigInt", "function pattern(i) { return Number(BigInt.asUintN(64, BigInt(i) * 6364136223846793005n + 1n) >> 40n); }"},
    {".length", "const list = [1, 2, 3], text = 'abcdef', bytes = new Uint8Array(9); "
                "function pattern(i) { return list.length + text.length + bytes.length + i; }"},
    {"polymorphic calls", "const all = [{ f: (x) => x }, { f: (x) => x + 1, b: 1 }, { b: 1, f: (x) => x + 2 }, "
                          "{ c: 1, f: (x) => x + 3 }, "
                          "{ d: 1, f: (x) => x + 4 }, { e: 1, f: (x) => x + 5 }]; function pattern(i) { return all[i % 6].f(i); }"},
    {"classes", "class P { #x; constructor(x) { this.#x = x; } get x() { return this.#x; } } "
                "class Q extends P { twice() { return 2 * this.x; } } "
                "function pattern(i) { return new Q(i).twice(); }"},
    {"generators", "function* three(i) { yield i; yield 2; yield 3; } "
                   "function pattern(i) { let s = 0; for (const x of three(i)) s += x; return s; }"},
    {"try", "function pattern(i) { try { if (i < 0) throw new Error('x'); return i; } catch { return 0; } finally { total++; } } "
            "let total = 0;"},
    {"Map", "const map = new Map([[0, 1], [1, 2], [2, 3]]); function pattern(i) { return map.get(i % 3) + (map.has(i) ? 1 : 0); }"},
};

std::string SourceOf(const Pattern& pattern) {
  return std::string(pattern.source) +
         "\nconst others = [(x) => x, (x) => x + 1, (x) => x + 2, (x) => x + 3, (x) => x + 4, (x) => x + 5];\n"
         "const all = [pattern, ...others];\n"
         "export default async () => { let s = 0; for (let i = 0; i < " + std::to_string(kCallsPerRequest) +
         "; i++) for (const f of all_) { const r = f(i); s += typeof r === 'number' ? r : await r; } return new Response(String(s)); };\n";
}

class Run {
 public:
  Run(Host& host, const Pattern& pattern) : isolate_(host.NewIsolate()) {
    std::string source = SourceOf(pattern);
    // A pattern may have an `all` of its own.
    source.replace(source.rfind("const all = "), 12, "const all_ = ");
    const LoadReport report = isolate_->Load(MakeScript("bench", "v1", source));
    if (!report.outcome.ok()) Fail(pattern, report.outcome.message);
    isolate_->Attach(&client_);
  }

  // Nanoseconds a call, the others' share included.
  double Requests(int count) {
    const Nanos begin = clock_.Now();
    for (int i = 0; i < count; ++i) {
      isolate_->Dispatch(++id_, &request_);
      if (client_.tasks_posted.exchange(0) > 0) isolate_->RunTasks();
    }
    const auto took = static_cast<double>(clock_.Now() - begin);
    if (!client_.failures.empty()) Fail({"", ""}, client_.failures.begin()->second.message);
    client_.responses.clear();
    client_.answers.clear();
    return took / count / kCallsPerRequest;
  }

  JitTier Tier() {
    for (const FunctionCode& code : isolate_->TakeJitReport()) {
      if (code.name == "pattern") return code.tier;
    }
    return JitTier::kInterpreted;
  }

 private:
  [[noreturn]] static void Fail(const Pattern& pattern, const std::string& why) {
    std::fprintf(stderr, "%s failed: %s\n", pattern.name, why.c_str());
    std::abort();
  }
  SystemClock clock_;
  RecordingClient client_;
  RequestView request_{"GET", "http", "bench.localhost", "/", {}, "", "r"};
  std::unique_ptr<Isolate> isolate_;
  InvocationId id_ = 0;
};

// Whether it got there.
bool Measure(Host& host, const Pattern& pattern, JitTier wanted, int requests_max) {
  Run run(host, pattern);
  const double first = run.Requests(1);
  const JitTier began = run.Tier();
  int requests = 1;
  JitTier tier = began;
  for (; tier < wanted && requests < requests_max; requests += kLook, tier = run.Tier()) {
    run.Requests(kLook);
    std::this_thread::yield();
  }
  const double last = run.Requests(kMeasured);
  std::printf("%-20s %-12s %-12s %8d %10.0f %8.0f\n", pattern.name, std::string(JitTierName(began)).c_str(),
              std::string(JitTierName(tier)).c_str(), requests, first, last);
  return tier >= wanted;
}

int Main(int argc, char** argv) {
  Host::Options options;
  int requests_max = kRequestsMax;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--smoke") continue;
    if (argument.starts_with("--jit=")) {
      const auto mode = ParseJitMode(argument.substr(6));
      if (mode.ok()) options.jit.mode = *mode;
      if (mode.ok()) continue;
    }
    if (argument.starts_with("--jit-threshold=")) {
      const auto calls = ParseInteger<uint32_t>(argument.substr(16));
      if (calls) options.jit.threshold = *calls;
      if (calls) continue;
    }
    std::fprintf(stderr, "usage: jit_patterns_bench.node [--smoke] [--jit=disabled|lazy|eager] [--jit-threshold=CALLS]\n");
    return 2;
  }
  const auto path = FindInstalled("web.snapshot");
  if (path.ok()) options.snapshot_path = *path;
  auto host = Host::Start(options);
  if (!host.ok()) {
    std::fprintf(stderr, "%s\n", host.error().message.c_str());
    return 1;
  }
  const bool optimizes = options.jit.mode != JitPolicy::Mode::kDisabled;
  if (!optimizes) requests_max = 10 * kLook;
  std::printf("policy %.*s\n%-20s %-12s %-12s %8s %10s %8s\n", static_cast<int>(JitModeName(options.jit.mode).size()),
              JitModeName(options.jit.mode).data(), "pattern", "first", "last", "requests", "ns first", "ns last");
  bool all = true;
  for (const Pattern& pattern : kPatterns) {
    all = Measure(**host, pattern, optimizes ? JitTier::kOptimized : JitTier::kBaseline, requests_max) == optimizes && all;
  }
  if (!all) std::fprintf(stderr, optimizes ? "not every pattern was optimised\n" : "a pattern was compiled\n");
  return all ? 0 : 1;
}

}  // namespace
}  // namespace zts::js

ZTS_HOST_MAIN(zts::js::Main);
