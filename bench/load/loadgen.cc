// The load generator: runs one load (generator.h) against 127.0.0.1 and prints what came of it as one line of JSON.
//
//   loadgen --port N --targets FILE [--rate R] [--connections N] [--depth N] [--seconds S]
//
// FILE is JSON: [{"method": "GET", "path": "/hello", "body": "as sent", "expect": "the body of the response"}, ...], asked for in turns.
// Bodies may be named as files instead: "body_file", "expect_file". A response whose status is not 200, or whose body is not the
// expected one to the byte, is counted as wrong.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "bench/load/generator.h"

namespace zts {
namespace {

Result<std::string> TextOf(const nlohmann::json& target, const std::string& key) {
  if (target.contains(key + "_file")) return ReadFile(target.at(key + "_file").get<std::string>());
  return target.value(key, "");
}

Result<Target> ReadTarget(const nlohmann::json& target, uint16_t port) {
  ZTS_ASSIGN_OR_RETURN(const std::string body, TextOf(target, "body"));
  ZTS_ASSIGN_OR_RETURN(std::string expected, TextOf(target, "expect"));
  std::string request = target.value("method", "GET") + " " + target.at("path").get<std::string>() +
                        " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\n";
  if (!body.empty()) {
    request += "Content-Type: application/octet-stream\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return Target{request + "\r\n" + body, std::move(expected)};
}

Result<std::vector<Target>> ReadTargets(const std::string& path, uint16_t port) {
  ZTS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  std::vector<Target> targets;
  try {
    for (const auto& target : nlohmann::json::parse(text)) {
      ZTS_ASSIGN_OR_RETURN(targets.emplace_back(), ReadTarget(target, port));
    }
  } catch (const nlohmann::json::exception& error) {
    return Invalid(path + ": " + error.what());
  }
  if (targets.empty()) return Invalid(path + ": no target in it");
  return targets;
}

nlohmann::json Quantiles(const LatencyHistogram& of) {
  const auto us = [](uint64_t nanos) { return static_cast<double>(nanos) / 1e3; };
  return {{"count", of.count()},        {"mean_us", of.mean() / 1e3},     {"p50_us", us(of.Quantile(0.5))},
          {"p90_us", us(of.Quantile(0.9))}, {"p99_us", us(of.Quantile(0.99))}, {"p999_us", us(of.Quantile(0.999))},
          {"max_us", us(of.max())}};
}

// The generator's own CPU: whether it was the one at its limit.
double CpuSeconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void Print(const LoadReport& report) {
  const uint64_t errors = report.wrong_status + report.wrong_body + report.lost + report.unanswered;
  nlohmann::json result = {{"requests", report.good + report.wrong_status + report.wrong_body},
                           {"seconds", static_cast<double>(report.took) / 1e9},
                           {"errors", errors},
                           {"wrong_status", report.wrong_status},
                           {"wrong_body", report.wrong_body},
                           {"lost", report.lost},
                           {"unanswered", report.unanswered},
                           {"reconnects", report.reconnects},
                           {"bytes", report.bytes},
                           {"service", Quantiles(report.service)},
                           {"generator_lag", Quantiles(report.lag)},
                           {"generator_cpu_seconds", CpuSeconds()}};
  result.update(Quantiles(report.latency));
  std::printf("RESULT %s\n", result.dump().c_str());
}

int Main(int argc, char** argv) {
  CLI::App app{"Load on one HTTP/1.1 server: a closed loop, or with --rate an open loop without coordinated omission"};
  LoadOptions options;
  std::string targets;
  app.add_option("--port", options.port, "of the server on 127.0.0.1")->required();
  app.add_option("--targets", targets, "JSON file of what to ask for, in turns, and what must come back")->required();
  app.add_option("--connections", options.connections)->check(CLI::Range(1, 100'000));
  app.add_option("--depth", options.depth, "requests at once a connection, closed loop only")->check(CLI::Range(1, 1'000));
  app.add_option("--rate", options.rate, "requests a second in all; 0: closed loop")->check(CLI::Range(0.0, 1e7));
  app.add_option("--seconds", options.seconds)->check(CLI::Range(0.001, 86'400.0));
  CLI11_PARSE(app, argc, argv);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  auto read = ReadTargets(targets, options.port);
  if (!read) {
    std::fprintf(stderr, "loadgen: %s\n", read.error().message.c_str());
    return 2;
  }
  options.targets = std::move(read).value();
  const auto report = RunLoad(options);
  if (!report) {
    std::fprintf(stderr, "loadgen: %s\n", report.error().message.c_str());
    return 1;
  }
  Print(*report);
  return 0;
}

}  // namespace
}  // namespace zts

int main(int argc, char** argv) { return zts::Main(argc, argv); }
