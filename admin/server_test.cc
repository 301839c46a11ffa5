#include "admin/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/tcp.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "admin/limits.h"
#include "admin/text_source.h"
#include "base/unique_fd.h"

namespace zts::admin {
namespace {

class OneGauge : public prometheus::Collectable {
 public:
  explicit OneGauge(double value) : value_(value) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily family;
    family.name = "zts_test_value";
    family.help = "A value.";
    family.type = prometheus::MetricType::Gauge;
    family.metric.emplace_back();
    family.metric.back().gauge.value = value_;
    return {family};
  }

 private:
  double value_;
};

std::unique_ptr<Server> StartOrDie(Server::Options options = {}) {
  options.address = "127.0.0.1:0";
  auto server = Server::Start(std::move(options));
  EXPECT_TRUE(server.ok()) << (server.ok() ? "" : server.error().message);
  return std::move(server).value();
}

httplib::Client ClientOf(const Server& server) { return httplib::Client("http://" + server.address()); }

TEST(AdminServerTest, ServesMetricsOfEveryCollectable) {
  auto server = StartOrDie();
  auto gauge = std::make_shared<OneGauge>(42);
  server->AddCollectable(gauge);
  const auto answer = ClientOf(*server).Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(answer->body.find("# TYPE zts_test_value gauge"), std::string::npos) << answer->body;
  EXPECT_NE(answer->body.find("zts_test_value 42"), std::string::npos) << answer->body;
}

class OneLine final : public TextSource {
 public:
  void AppendText(std::string* out) const override { *out += "# TYPE own_text gauge\nown_text 4\n"; }
};

TEST(AdminServerTest, ServesTextBesideCollectables) {
  auto server = StartOrDie();
  const auto gauge = std::make_shared<OneGauge>(42);
  auto text = std::make_shared<OneLine>();
  server->AddCollectable(gauge);
  server->AddTextSource(text);
  const auto both = ClientOf(*server).Get("/metrics");
  ASSERT_TRUE(both);
  EXPECT_NE(both->body.find("zts_test_value 42"), std::string::npos);
  EXPECT_NE(both->body.find("\nown_text 4\n"), std::string::npos);
  text.reset();
  const auto one = ClientOf(*server).Get("/metrics");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->body.find("own_text"), std::string::npos);
}

TEST(AdminServerTest, ForgetsACollectableThatIsGone) {
  auto server = StartOrDie();
  auto gauge = std::make_shared<OneGauge>(42);
  server->AddCollectable(gauge);
  gauge.reset();
  const auto answer = ClientOf(*server).Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "");
}

TEST(AdminServerTest, HealthAndReadinessSayWhy) {
  std::atomic<bool> ready{false};
  Server::Options options;
  options.healthz = [] { return Health{true, "store writable"}; };
  options.readyz = [&] { return ready ? Health{true, "ready"} : Health{false, "no catalog yet"}; };
  auto server = StartOrDie(std::move(options));
  auto client = ClientOf(*server);
  auto health = client.Get("/healthz");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 200);
  EXPECT_EQ(health->body, "store writable\n");
  auto not_ready = client.Get("/readyz");
  ASSERT_TRUE(not_ready);
  EXPECT_EQ(not_ready->status, 503);
  EXPECT_EQ(not_ready->body, "no catalog yet\n");
  ready = true;
  auto is_ready = client.Get("/readyz");
  ASSERT_TRUE(is_ready);
  EXPECT_EQ(is_ready->status, 200);
}

TEST(AdminServerTest, RefusesOtherPathsAndMethods) {
  auto server = StartOrDie();
  auto client = ClientOf(*server);
  auto missing = client.Get("/nothing");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404);
  EXPECT_NE(missing->body.find("/metrics"), std::string::npos);
  auto post = client.Post("/metrics", "x", "text/plain");
  ASSERT_TRUE(post);
  EXPECT_EQ(post->status, 405);
  EXPECT_EQ(post->get_header_value("Allow"), "GET, HEAD");
  auto head = client.Head("/healthz");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
}

TEST(AdminServerTest, AddressInUseFailsWithItsName) {
  auto first = StartOrDie();
  auto second = Server::Start({first->address(), {}, {}});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find(first->address()), std::string::npos) << second.error().message;
  EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
}

TEST(AdminServerTest, RefusesWhatIsNoAddress) {
  for (const char* address : {"", "localhost", ":1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:x"}) {
    const auto server = Server::Start({address, {}, {}});
    ASSERT_FALSE(server.ok()) << address;
    EXPECT_EQ(server.error().code, ErrorCode::kInvalid) << address;
  }
}

TEST(AdminServerTest, MoreClientsThanConnectionsAreAllAnswered) {
  auto server = StartOrDie();
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (size_t i = 0; i < 3 * kAdminConnectionsMax; ++i) {
    clients.emplace_back([&] {
      const auto answer = ClientOf(*server).Get("/healthz");
      if (answer && answer->status == 200) ++answered;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 3 * kAdminConnectionsMax);
}

TEST(AdminServerTest, ManyAtOnceWaitAndNoneIsSentAway) {
  auto server = StartOrDie();
  const std::string port = server->address().substr(server->address().rfind(':') + 1);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::vector<UniqueFd> connections;
  for (int i = 0; i < 64; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connections.emplace_back(fd);
    ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    tcp_info info{};
    socklen_t size = sizeof info;
    ASSERT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    EXPECT_EQ(info.tcpi_total_retrans, 0u) << "connection " << i << " was not let in at once";
  }
}

}  // namespace
}  // namespace zts::admin
