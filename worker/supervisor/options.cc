#include "worker/supervisor/options.h"

#include <CLI/CLI.hpp>

#include <iostream>

#include "base/bytes.h"
#include "worker/supervisor/memory_budget.h"

namespace zts::supervisor {
namespace {

bool IsLoopback(const std::string& address) {
  // Who connects to "all addresses" comes out on this machine.
  for (const char* here : {"127.", "localhost:", "[::1]", "0.0.0.0:", "[::]"}) {
    if (address.starts_with(here)) return true;
  }
  return false;
}

int Refuse(const std::string& why) {
  std::cerr << why << "\nRun with --help for more information." << std::endl;
  return 2;
}

}  // namespace

std::variant<WorkerOptions, int> ParseOptions(int argc, const char* const* argv) {
  WorkerOptions options;
  bool pin = false, no_pin = false;
  std::string memory_budget;
  CLI::App app("Serves functions on this machine: follows a controller, keeps the engine that runs them, and goes on without the "
               "controller when it is away.");
  app.name("zts-worker");
  app.add_option("--controller", options.controller, "The controller's address, for example 127.0.0.1:7070")->required();
  app.add_option("--token-file", options.token_file, "File with the token that the controller gave this worker")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--tls-ca", options.tls_ca, "What the controller's certificate is signed by (PEM); without it the line is plain text")
      ->check(CLI::ExistingFile);
  auto* cert = app.add_option("--tls-cert", options.tls_cert, "This worker's certificate (PEM); its common name is --name");
  auto* key = app.add_option("--tls-key", options.tls_key, "Its private key (PEM)")->needs(cert);
  cert->needs(key);
  app.add_flag("--insecure", options.insecure, "Plain text also to a controller on another machine");
  app.add_option("--data-dir", options.data_dir, "Folder of this worker alone: its identity and what it serves")->required();
  app.add_option("--http", options.http, "Where functions answer")->capture_default_str();
  app.add_option("--admin", options.admin, "Where /metrics, /healthz and /readyz answer; port 0 picks one")->capture_default_str();
  app.add_option("--threads", options.threads, "Shards, each a thread [cores by affinity and cgroup quota]")
      ->check(CLI::Range(1, 1024));
  app.add_option("--memory-budget", memory_budget,
                 "Memory of all functions' isolates, like 2GiB; idle ones go beyond it [three fifths of the cgroup's or the machine's]");
  app.add_option("--io", options.io, "How sockets are driven")
      ->check(CLI::IsMember({"auto", "uring", "epoll"}))
      ->capture_default_str();
  app.add_option("--jit", options.jit, "When JavaScript becomes machine code: never, after a while, or at once and sooner")
      ->check(CLI::IsMember({"disabled", "lazy", "eager"}))
      ->envname("ZTS_JIT_POLICY")
      ->capture_default_str();
  app.add_option("--jit-threshold", options.jit_threshold, "Calls before a function is optimised as far as can be [3000; eager: 300]")
      ->check(CLI::Range(1, 1'000'000))
      ->envname("ZTS_JIT_THRESHOLD");
  app.add_option("--name", options.name, "This worker's name, stable over restarts [host name and an id]");
  auto* on = app.add_flag("--pin", pin, "Give each shard a core [when there is one for each]");
  app.add_flag("--no-pin", no_pin, "Leave shards to the kernel's scheduler")->excludes(on);
  app.add_option("--egress-ca", options.egress_ca, "File of certificates that functions' requests trust beside the system's")
      ->check(CLI::ExistingFile);
  app.add_option("--ready-file", options.ready_file, "Written when requests are served: {\"pid\",\"http\",\"admin\"}");
  app.add_option("--drain-seconds", options.drain_seconds, "How long requests in flight may take after SIGTERM")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  app.add_flag("--takeover", options.takeover,
               "Take the place of the worker that is using --data-dir, without refusing a connection; where there is none, start as ever");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (options.tls_ca.empty() && !options.tls_cert.empty()) return Refuse("--tls-cert needs --tls-ca");
  if (options.tls_ca.empty() && !options.insecure && !IsLoopback(options.controller)) {
    return Refuse("the controller at " + options.controller +
                  " is another machine, and the token and functions' secrets would travel in plain text; give --tls-ca, or "
                  "say --insecure where the network itself is trusted");
  }
  if (!memory_budget.empty()) {
    const auto bytes = ParseByteSize(memory_budget);
    if (!bytes || *bytes < kMemoryBudgetMin) {
      return Refuse("--memory-budget " + memory_budget + ": a size like 512MiB or 2GiB, " + std::to_string(kMemoryBudgetMin >> 20) +
                    "MiB at least");
    }
    options.memory_budget = *bytes;
  }
  if (pin) options.pin = true;
  if (no_pin) options.pin = false;
  return options;
}

}  // namespace zts::supervisor
