// What zts-worker is told on its command line.
//
// Thread:   one.
// Errors:   Parse prints help, version or what is wrong with the arguments, and says how to exit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace zts::supervisor {

struct WorkerOptions {
  std::string controller;
  std::string token_file;
  std::string tls_ca;           // what the controller's certificate is signed by; empty: plain text
  std::string tls_cert;         // this worker's own; its common name is the worker's name
  std::string tls_key;
  bool insecure = false;        // plain text also to a controller that is not on this machine
  std::string data_dir;
  std::string http = "127.0.0.1:8080";
  std::string admin = "127.0.0.1:0";
  std::string io = "auto";
  std::string jit = "lazy";     // how the engine compiles JavaScript: disabled, lazy or eager
  uint32_t jit_threshold = 0;   // calls before a function is optimised; 0: the policy's own
  uint32_t threads = 0;         // 0: as many as there are cores for
  std::string name;             // empty: the host's, with the data folder's id
  uint64_t memory_budget = 0;   // bytes of functions' isolates; 0: by what the cgroup or the machine has
  std::optional<bool> pin;      // none: when each shard can have a core of its own
  std::string ready_file;
  std::string egress_ca;        // a file of certificates; empty: the system's alone
  uint32_t drain_seconds = 30;
  bool takeover = false;
};

// The options, or the exit code of a process that has nothing more to do.
std::variant<WorkerOptions, int> ParseOptions(int argc, const char* const* argv);

}  // namespace zts::supervisor
