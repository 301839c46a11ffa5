// What `ztsctl up` keeps in its data directory, and the files other runs of ztsctl read there.
//
//   client.json          where the controller is, the token file, and the addresses chosen: later runs use them again
//   token                the secret between ztsctl, controller and worker; only its owner can read it
//   secret.key           what functions' secrets are encrypted under; the controller makes it, only its owner can read it
//   controller/ worker/  theirs
//   run/                 up.lock (held while it is up), up.pid, reload.json, and the ready files of both processes
//   log/                 controller.log, worker.log, up.log
//
// Thread:   one.
// Errors:   each names the file.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cli/local/process.h"

namespace zts::cli {

struct Addresses {
  std::string controller;        // gRPC
  std::string controller_admin;
  std::string http;              // where functions answer
  std::string worker_admin;
};

// The processes of one `up`, for a later `down`.
struct Running {
  ProcessId monitor;
  ProcessId controller;
  ProcessId worker;
};

// How the last reload went.
struct Reloaded {
  bool ok = false;
  std::string message;  // why not
  pid_t before = 0;
  pid_t worker = 0;
  int64_t milliseconds = 0;
};

class DataDir {
 public:
  explicit DataDir(std::string root) : root_(std::move(root)) {}

  // Makes the folders, private to the user.
  Status Create() const;
  // Makes the token when there is none.
  Status EnsureToken() const;
  // Held for as long as the descriptor lives; kExists when somebody else holds it.
  Result<UniqueFd> Lock() const;

  Result<std::optional<Addresses>> ReadAddresses() const;
  Status WriteAddresses(const Addresses& addresses) const;

  std::optional<Running> ReadRunning() const;
  Status WriteRunning(const Running& running) const;
  void RemoveRunning() const;

  std::optional<Reloaded> ReadReload() const;
  Status WriteReload(const Reloaded& reloaded) const;
  void RemoveReload() const;

  const std::string& root() const { return root_; }
  std::string token_file() const { return root_ + "/token"; }
  std::string secret_key_file() const { return root_ + "/secret.key"; }
  std::string ready_file(const std::string& process) const { return root_ + "/run/" + process + ".json"; }
  std::string log_file(const std::string& process) const { return root_ + "/log/" + process + ".log"; }
  std::string folder(const std::string& process) const { return root_ + "/" + process; }

 private:
  std::string root_;
};

// The last lines of a log, for an error message; empty when there is none.
std::string TailOf(const std::string& path, size_t lines_max);

}  // namespace zts::cli
