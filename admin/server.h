// The admin port of controller and worker: /metrics, /healthz, /readyz, on an address of its own, never the public one.
//
// Owner:    main(), one a process.
// Thread:   Start and the destructor: one thread. The sources are called on the server's own threads: they read what is safe to read.
// Life:     the sources outlive the server.
// Limits:   kAdminConnectionsMax at once, one request each; kAdminRequestTimeout for each read and write of one.
// Errors:   Start fails when the address cannot be bound, and says which.
// Source:   Prometheus text exposition format 0.0.4.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace prometheus {
class Collectable;
}

namespace zts::admin {

class TextSource;

struct Health {
  bool ok = true;
  std::string reason;  // one line: "ready", or what is missing
};

class Server {
 public:
  struct Options {
    std::string address;  // "127.0.0.1:0"; port 0 picks one
    std::function<Health()> healthz;
    std::function<Health()> readyz;
  };
  static Result<std::unique_ptr<Server>> Start(Options options);
  virtual ~Server() = default;

  // Scraped on every GET /metrics. Before the first scrape or at any time; any thread.
  virtual void AddCollectable(std::weak_ptr<prometheus::Collectable> collectable) = 0;
  virtual void AddTextSource(std::weak_ptr<TextSource> source) = 0;
  // "127.0.0.1:43211": the address with the port in use.
  virtual std::string address() const = 0;
};

}  // namespace zts::admin
