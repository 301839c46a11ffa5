#include "admin/server.h"

#include <httplib.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <semaphore>
#include <sstream>
#include <thread>
#include <vector>

#include "admin/limits.h"
#include "admin/text_source.h"
#include "base/bytes.h"

namespace zts::admin {
namespace {

constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kTextType = "text/plain; charset=utf-8";

struct HostPort {
  std::string host;
  int port = 0;
};

Result<HostPort> ParseAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : ParseInteger<uint16_t>(address.substr(colon + 1));
  if (!port || colon == 0) return Invalid("'" + address + "' is no address; write HOST:PORT, as in 127.0.0.1:9090");
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return HostPort{host, *port};
}

// The library's own pool takes any number of jobs, and with them descriptors; this one lets the accepting thread wait, so that
// what is beyond the bound stays in the kernel's backlog.
class BoundedPool final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> job) override {
    free_.acquire();
    pool_.enqueue([this, job = std::move(job)] {
      job();
      free_.release();
    });
  }
  void shutdown() override { pool_.shutdown(); }

 private:
  std::counting_semaphore<> free_{kAdminConnectionsMax};
  httplib::ThreadPool pool_{kAdminConnectionsMax};
};

class HttpServer final : public Server {
 public:
  explicit HttpServer(Options options) : options_(std::move(options)) {}

  ~HttpServer() override {
    http_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status Listen() {
    ZTS_ASSIGN_OR_RETURN(const HostPort at, ParseAddress(options_.address));
    Configure();
    errno = 0;
    int port = at.port;
    const bool bound = port != 0 ? http_.bind_to_port(at.host, port) : (port = http_.bind_to_any_port(at.host)) > 0;
    if (!bound) {
      const std::string what = "cannot listen on the admin address " + options_.address;
      if (errno != 0) return Error::FromErrno(what);
      return Unavailable(what + ": the host name is unknown here");
    }
    // A second listen() changes the backlog of the first.
    if (::listen(listener_, kAdminBacklog) != 0) return Error::FromErrno("cannot listen on the admin address " + options_.address);
    const bool v6 = at.host.find(':') != std::string::npos;
    address_ = (v6 ? "[" + at.host + "]" : at.host) + ":" + std::to_string(port);
    thread_ = std::thread([this] {
      http_.listen_after_bind();
      ended_ = true;
    });
    // stop() before the loop runs would be lost.
    while (!http_.is_running() && !ended_) std::this_thread::yield();
    if (ended_) return Internal("the admin server on " + address_ + " ended at once");
    return {};
  }

  void AddCollectable(std::weak_ptr<prometheus::Collectable> collectable) override {
    const std::lock_guard lock(mutex_);
    collectables_.push_back(std::move(collectable));
  }

  void AddTextSource(std::weak_ptr<TextSource> source) override {
    const std::lock_guard lock(mutex_);
    texts_.push_back(std::move(source));
  }

  std::string address() const override { return address_; }

 private:
  void Configure() {
    http_.new_task_queue = [] { return new BoundedPool(); };
    // The library's default is SO_REUSEPORT, with which two processes would share a port and each see half of the scrapes.
    http_.set_socket_options([this](socket_t fd) {
      listener_ = fd;
      const int on = 1;
      ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    http_.set_keep_alive_max_count(1);
    http_.set_keep_alive_timeout(kAdminRequestTimeout / kSecond);
    http_.set_read_timeout(kAdminRequestTimeout / kSecond);
    http_.set_write_timeout(kAdminRequestTimeout / kSecond);
    http_.set_payload_max_length(0);
    // Routing before the library's own: its routes are regular expressions, and nothing here needs one.
    http_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      Answer(request, response);
      return httplib::Server::HandlerResponse::Handled;
    });
  }

  void Answer(const httplib::Request& request, httplib::Response& response) {
    if (request.method != "GET" && request.method != "HEAD") {
      response.status = 405;
      response.set_header("Allow", "GET, HEAD");
      response.set_content("only GET and HEAD are answered here\n", kTextType);
      return;
    }
    response.status = 200;
    if (request.path == "/metrics") return response.set_content(Scrape(), kMetricsType);
    if (request.path == "/healthz") return AnswerHealth(options_.healthz, response);
    if (request.path == "/readyz") return AnswerHealth(options_.readyz, response);
    if (request.path != "/") response.status = 404;
    response.set_content("/metrics\n/healthz\n/readyz\n", kTextType);
  }

  static void AnswerHealth(const std::function<Health()>& source, httplib::Response& response) {
    const Health health = source ? source() : Health{true, "ok"};
    response.status = health.ok ? 200 : 503;
    response.set_content(health.reason + "\n", kTextType);
  }

  // Those that are still there; the others are forgotten.
  template <typename T>
  std::vector<std::shared_ptr<T>> Alive(std::vector<std::weak_ptr<T>>& sources) {
    const std::lock_guard lock(mutex_);
    std::erase_if(sources, [](const auto& weak) { return weak.expired(); });
    std::vector<std::shared_ptr<T>> alive;
    for (const auto& weak : sources) {
      if (auto strong = weak.lock()) alive.push_back(std::move(strong));
    }
    return alive;
  }

  std::string Scrape() {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& collectable : Alive(collectables_)) {
      auto more = collectable->Collect();
      families.insert(families.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    std::string text = families.empty() ? std::string() : prometheus::TextSerializer().Serialize(families);
    for (const auto& source : Alive(texts_)) source->AppendText(&text);
    return text;
  }

  const Options options_;
  std::string address_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<prometheus::Collectable>> collectables_;
  std::vector<std::weak_ptr<TextSource>> texts_;
  httplib::Server http_;
  socket_t listener_ = -1;  // the library's
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(Options options) {
  auto server = std::make_unique<HttpServer>(std::move(options));
  ZTS_RETURN_IF_ERROR(server->Listen());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace zts::admin
