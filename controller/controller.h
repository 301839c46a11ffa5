// The control plane as one thing: store, registry, compiler, publisher, services and admin port, wired and started in order.
//
// Owner:    main(), one a process.
// Thread:   Start and the destructor: one thread.
// Life:     the destructor ends everything in reverse: compilers killed, streams closed, store closed; within about a second.
// Errors:   Start: the first part that cannot start, with what to do about it.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "controller/compiler/compiler.h"
#include "controller/limits.h"
#include "controller/rpc_server.h"

namespace zts::controller {

class Controller {
 public:
  struct Options {
    std::string data_dir;
    std::string listen;      // "127.0.0.1:7070"; port 0 picks one
    std::string worker_listen;  // likewise, for workers' streams alone; empty: they come in by `listen`, as they always may
    std::string admin;       // the same
    std::string token_file;  // made when missing
    std::string secret_key_file;  // made when missing and nothing is encrypted yet
    TlsFiles tls;
    // Null: compiler processes.
    std::unique_ptr<Compiler> compiler;
    // How long peers may keep a call waiting.
    Nanos upload_timeout = kUploadTimeout;
    Nanos hello_timeout = kHelloTimeout;
  };
  static Result<std::unique_ptr<Controller>> Start(Options options);
  virtual ~Controller() = default;

  virtual const std::string& rpc_address() const = 0;
  virtual const std::string& worker_address() const = 0;  // empty: there is none of its own
  virtual std::string admin_address() const = 0;
};

}  // namespace zts::controller
