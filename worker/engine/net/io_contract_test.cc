// One suite for every Io: what io.h and loop.h promise, tried on each back end and each variant of it.
#include <gtest/gtest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/slot_map.h"
#include "worker/engine/net/epoll_io.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/net/testing/fake_io.h"
#include "worker/engine/net/testing/io_contract.h"
#include "worker/engine/net/uring_io.h"

namespace zts::net {
namespace {

struct Variant {
  std::string name;
  std::function<std::unique_ptr<Network>(const NetworkOptions&)> make;
};

void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

// Bytes that differ everywhere, so that a lost, doubled or exchanged piece shows.
std::string Pattern(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text(size, '\0');
  for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
    const uint64_t word = random();
    std::memcpy(&text[at], &word, std::min(sizeof(word), size - at));
  }
  return text;
}

// True for "aaaa" and "".
bool IsOneLetter(std::string_view text) { return text.find_first_not_of(text.substr(0, 1)) == std::string_view::npos; }

// More than all socket buffers between two ends can hold.
std::string Flood() { return std::string(20'000'000, 'x'); }

// The server under test: keeps what it receives, and checks the order of events that the contract promises.
class Server final : public LoopHandler {
 public:
  struct Connection {
    Handle handle = -1;
    std::string received;
    bool ended = false;
    int error = 0;
    int sent = 0;
    int send_error = 0;
    bool sending = false;
    bool closing = false;
    bool quiescing = false;
    bool quiet = false;
    uint64_t closing_pass = 0;
    std::string out;
    std::vector<Lease> held;
  };

  explicit Server(Io* io) : io_(io), connections_(4096) {}

  void OnAccept(Handle handle) override {
    ++accepted;
    if (!open_at_once) {
      unopened.push_back(handle);
      return;
    }
    OpenConnection(handle);
  }
  void OpenConnection(Handle handle) {
    const auto slot = connections_.Insert();
    ASSERT_TRUE(slot.has_value());
    connections_.Find(*slot)->handle = handle;
    io_->Open(handle, *slot);
    last = *slot;
    if (on_open) on_open(*slot);
  }
  void OnAcceptError(int error) override {
    EXPECT_LT(error, 0);
    ++accept_errors;
  }
  void OnRecv(SlotId slot, Lease lease, int error) override {
    Connection* connection = Known(slot);
    if (connection == nullptr) return;
    EXPECT_FALSE(connection->ended) << "bytes after the end";
    EXPECT_EQ(connection->error, 0) << "bytes after an error";
    EXPECT_FALSE(connection->quiet) << "bytes after kQuiet";
    if (lease.bytes().empty()) {
      connection->ended = error == 0;
      connection->error = error;
    }
    connection->received.append(lease.text());
    if (hold_leases && !lease.bytes().empty()) connection->held.push_back(std::move(lease));
    if (on_recv) on_recv(slot);
  }
  void OnSent(SlotId slot, int error) override {
    Connection* connection = Known(slot);
    if (connection == nullptr) return;
    EXPECT_TRUE(connection->sending);
    connection->sending = false;
    ++connection->sent;
    connection->send_error = error;
    if (on_sent) on_sent(slot);
  }
  void OnQuiet(SlotId slot) override {
    Connection* connection = Known(slot);
    if (connection == nullptr) return;
    EXPECT_TRUE(std::exchange(connection->quiescing, false));
    connection->quiet = true;
    if (on_quiet) on_quiet(slot);
  }
  void OnClosed(SlotId slot) override {
    ++closed;
    if (slot.generation == 0) return;  // one that never had a slot
    Connection* connection = connections_.Find(slot);
    ASSERT_NE(connection, nullptr) << "kClosed for a slot that is gone";
    EXPECT_TRUE(connection->closing);
    connections_.Erase(slot);
  }
  void OnPassEnd() override { ++pass; }

  Connection* Find(SlotId slot) { return connections_.Find(slot); }
  Connection& At(SlotId slot) {
    Connection* connection = connections_.Find(slot);
    if (connection == nullptr) abort();
    return *connection;
  }
  // The whole of `bytes`: what the kernel takes at once, and the rest by Send.
  void SendAll(SlotId slot, const std::string& bytes) { SendRest(slot, bytes, io_->TrySend(At(slot).handle, AsBytes(bytes))); }
  // Of which so much is `taken`.
  void SendRest(SlotId slot, const std::string& bytes, int64_t taken) {
    Connection& connection = At(slot);
    if (taken < 0) {
      connection.send_error = static_cast<int>(taken);
      return;
    }
    if (static_cast<size_t>(taken) == bytes.size()) {
      ++connection.sent;
      return;
    }
    connection.out = bytes.substr(static_cast<size_t>(taken));
    connection.sending = true;
    io_->Send(connection.handle, slot, AsBytes(connection.out));
  }
  void Close(SlotId slot, Io::CloseMode mode) {
    Connection& connection = At(slot);
    connection.closing = true;
    connection.closing_pass = pass;
    io_->Close(connection.handle, slot, mode);
  }
  void Quiesce(SlotId slot) {
    At(slot).quiescing = true;
    io_->Quiesce(At(slot).handle, slot);
  }
  // The connection goes on under another slot; what it has received so far stays with the caller.
  UniqueFd Release(SlotId slot) {
    UniqueFd socket = io_->Release(At(slot).handle);
    connections_.Erase(slot);
    return socket;
  }
  size_t open() const { return connections_.size(); }
  void ForEach(const std::function<void(SlotId, Connection&)>& f) { connections_.ForEach(f); }

  bool open_at_once = true;
  bool hold_leases = false;
  std::function<void(SlotId)> on_open, on_recv, on_sent, on_quiet;
  std::vector<Handle> unopened;
  SlotId last;
  int accepted = 0;
  int accept_errors = 0;
  int closed = 0;
  uint64_t pass = 0;

 private:
  // After Close only events of the same Poll still come.
  Connection* Known(SlotId slot) {
    Connection* connection = connections_.Find(slot);
    EXPECT_NE(connection, nullptr) << "an event after kClosed";
    if (connection == nullptr || !connection->closing) return connection;
    EXPECT_EQ(connection->closing_pass, pass) << "an event after Close";
    return nullptr;
  }

  Io* io_;
  SlotMap<Connection> connections_;
};

class IoContractTest : public ::testing::TestWithParam<Variant> {
 protected:
  // False: this machine has no such back end; the test is skipped.
  bool Start(const NetworkOptions& options = {}) {
    network_ = GetParam().make(options);
    auto io = network_->MakeIo();
    if (!io.ok()) {
      unavailable_ = io.error().message;
      // Only where io_uring is refused as a whole; without a feature it has to do.
      EXPECT_FALSE(UringIo::Create().ok()) << unavailable_;
      return false;
    }
    io_ = io->get();
    loop_ = std::make_unique<Loop>(std::move(io).value(), &network_->clock());
    server_ = std::make_unique<Server>(io_);
    EXPECT_TRUE(io_->Listen(network_->listen_fd()).ok());
    return true;
  }

  // Passes of the loop, with a step of the peers before each, until it holds. The bound only ends a test that hangs.
  bool Until(const std::function<bool()>& holds, const std::function<void()>& step = [] {}) {
    for (int i = 0; i < 200'000; ++i) {
      step();
      if (holds()) return true;
      loop_->RunOnce(server_.get(), kMillisecond);
    }
    return false;
  }
  void Passes(int count) {
    for (int i = 0; i < count; ++i) loop_->RunOnce(server_.get(), kMillisecond);
  }

  std::unique_ptr<Peer> ConnectAndOpen(SlotId* slot) {
    const int before = server_->accepted;
    std::unique_ptr<Peer> peer = network_->Connect();
    EXPECT_TRUE(Until([&] { return server_->accepted == before + 1; }));
    *slot = server_->last;
    return peer;
  }

  void CloseAll() {
    std::vector<SlotId> open;
    server_->ForEach([&](SlotId slot, Server::Connection& connection) {
      connection.held.clear();
      if (!connection.closing) open.push_back(slot);
    });
    for (const SlotId slot : open) server_->Close(slot, Io::CloseMode::kAbort);
    EXPECT_TRUE(Until([&] { return server_->open() == 0; }));
  }

  void TearDown() override {
    if (loop_ != nullptr) CloseAll();
    server_.reset();
    loop_.reset();
  }

  std::unique_ptr<Network> network_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Server> server_;
  Io* io_ = nullptr;
  std::string unavailable_;
};

#define START_OR_SKIP(...) \
  if (!Start(__VA_ARGS__)) GTEST_SKIP() << unavailable_

TEST_P(IoContractTest, KnowsWhoIsAtTheOtherEnd) {
  START_OR_SKIP();
  SlotId one, other;
  const auto peer = ConnectAndOpen(&one), second = ConnectAndOpen(&other);
  const auto port_of = [&](SlotId slot) { return io_->PeerOf(server_->At(slot).handle).port; };
  EXPECT_EQ(port_of(one), peer->port());
  EXPECT_EQ(port_of(other), second->port());
  EXPECT_NE(peer->port(), second->port());
  EXPECT_EQ(io_->PeerOf(server_->At(one).handle).size, 4);
  // What came another way has no address.
  auto [end, socket] = network_->Pair();
  const Handle adopted = io_->Adopt(std::move(socket));
  EXPECT_FALSE(io_->PeerOf(adopted).known());
  server_->OpenConnection(adopted);
}

TEST_P(IoContractTest, EchoesAndClosesInOrder) {
  START_OR_SKIP();
  server_->on_recv = [&](SlotId slot) {
    Server::Connection& connection = server_->At(slot);
    if (connection.ended) {
      server_->Close(slot, Io::CloseMode::kLinger);
    } else {
      server_->SendAll(slot, std::exchange(connection.received, {}));
    }
  };
  auto peer = network_->Connect();
  EXPECT_EQ(peer->Write("hello"), 5u);
  std::string echoed;
  EXPECT_TRUE(Until([&] { return echoed == "hello"; }, [&] { echoed += peer->Read(); }));
  peer->Finish();
  EXPECT_TRUE(Until([&] { return server_->closed == 1; }));
  EXPECT_TRUE(Until([&] { return peer->saw_end(); }, [&] { echoed += peer->Read(); }));
  EXPECT_EQ(echoed, "hello");
  EXPECT_FALSE(peer->saw_reset());
  EXPECT_EQ(io_->counters().accepts, 1u);
  EXPECT_EQ(io_->counters().recv_bytes, 5u);
  EXPECT_EQ(io_->counters().sent_bytes, 5u);
}

TEST_P(IoContractTest, CarriesTenMegabytesBothWaysAtOnce) {
  START_OR_SKIP();
  const std::string up = Pattern(10'000'000, 1);
  const std::string down = Pattern(10'000'000, 2);
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  server_->SendAll(slot, down);
  size_t written = 0;
  std::string got;
  EXPECT_TRUE(Until([&] { return got.size() >= down.size() && server_->At(slot).received.size() >= up.size(); },
                    [&] {
                      written += peer->Write(std::string_view(up).substr(written));
                      got += peer->Read();
                    }));
  EXPECT_TRUE(got == down);
  EXPECT_TRUE(server_->At(slot).received == up);
  EXPECT_TRUE(Until([&] { return server_->At(slot).sent == 1; }));
  EXPECT_EQ(server_->At(slot).send_error, 0);
}

// One that is given up before it is opened belongs to whoever adopts it, with what has arrived meanwhile.
TEST_P(IoContractTest, AReleasedConnectionGoesOnAtAnother) {
  START_OR_SKIP();
  server_->open_at_once = false;
  auto peer = network_->Connect();
  ASSERT_TRUE(Until([&] { return server_->unopened.size() == 1; }));
  UniqueFd socket = io_->Release(server_->unopened[0]);
  // Whatever Io that is: where a ring is refused to one shard alone, they differ.
  EXPECT_FALSE(network_->has_descriptors() && (::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) != 0);
  EXPECT_EQ(peer->Write("hello"), 5u);
  server_->OpenConnection(io_->Adopt(std::move(socket)));
  const SlotId slot = server_->last;
  EXPECT_TRUE(Until([&] { return server_->At(slot).received == "hello"; }));
  server_->SendAll(slot, "hi");
  std::string got;
  EXPECT_TRUE(Until([&] { return got == "hi"; }, [&] { got += peer->Read(); }));
  server_->Close(slot, Io::CloseMode::kAbort);
  EXPECT_TRUE(Until([&] { return server_->closed == 1; }));
}

TEST_P(IoContractTest, AnAdoptedSocketIsAConnectionLikeOthers) {
  START_OR_SKIP();
  const std::string up = Pattern(2'000'000, 4);
  const std::string down = Pattern(2'000'000, 5);
  auto [peer, socket] = network_->Pair();
  server_->OpenConnection(io_->Adopt(std::move(socket)));
  const SlotId slot = server_->last;
  server_->SendAll(slot, down);
  size_t written = 0;
  std::string got;
  EXPECT_TRUE(Until([&] { return got.size() >= down.size() && server_->At(slot).received.size() >= up.size(); },
                    [&, far = peer.get()] {
                      written += far->Write(std::string_view(up).substr(written));
                      got += far->Read();
                    }));
  EXPECT_TRUE(got == down);
  EXPECT_TRUE(server_->At(slot).received == up);
  EXPECT_TRUE(Until([&] { return server_->At(slot).sent == 1; }));
  peer->Finish();
  EXPECT_TRUE(Until([&] { return server_->At(slot).ended; }));
  server_->Close(slot, Io::CloseMode::kAbort);
  EXPECT_TRUE(Until([&] { return server_->closed == 1; }));
  EXPECT_EQ(server_->accepted, 0);
}

TEST_P(IoContractTest, SendAloneCarriesAllAndAnEmptyOneToo) {
  START_OR_SKIP();
  const std::string down = Pattern(3'000'000, 3);
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  Server::Connection& connection = server_->At(slot);
  connection.sending = true;
  io_->Send(connection.handle, slot, AsBytes(down));
  std::string got;
  EXPECT_TRUE(Until([&] { return got.size() >= down.size() && connection.sent == 1; }, [&] { got += peer->Read(); }));
  EXPECT_TRUE(got == down);
  connection.sending = true;
  io_->Send(connection.handle, slot, {});
  EXPECT_TRUE(Until([&] { return connection.sent == 2; }));
  EXPECT_EQ(connection.send_error, 0);
}

TEST_P(IoContractTest, APeerThatHasFinishedStillReads) {
  START_OR_SKIP();
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  EXPECT_EQ(peer->Write("question"), 8u);
  peer->Finish();
  EXPECT_TRUE(Until([&] { return server_->At(slot).ended; }));
  EXPECT_EQ(server_->At(slot).received, "question");
  server_->SendAll(slot, "answer");
  EXPECT_TRUE(Until([&] { return server_->At(slot).sent == 1; }));
  server_->Close(slot, Io::CloseMode::kLinger);
  std::string got;
  EXPECT_TRUE(Until([&] { return peer->saw_end(); }, [&] { got += peer->Read(); }));
  EXPECT_EQ(got, "answer");
  EXPECT_TRUE(Until([&] { return server_->closed == 1; }));
}

TEST_P(IoContractTest, AResetIsAnErrorOfThatConnectionAlone) {
  START_OR_SKIP();
  SlotId broken, whole;
  auto one = ConnectAndOpen(&broken);
  auto two = ConnectAndOpen(&whole);
  one->Reset();
  EXPECT_TRUE(Until([&] { return server_->At(broken).error != 0; }));
  EXPECT_EQ(server_->At(broken).error, -ECONNRESET);
  server_->Close(broken, Io::CloseMode::kLinger);
  EXPECT_TRUE(Until([&] { return server_->closed == 1; }));
  EXPECT_EQ(two->Write("still here"), 10u);
  EXPECT_TRUE(Until([&] { return server_->At(whole).received == "still here"; }));
}

TEST_P(IoContractTest, SendsToManyAtOnceWhileTheySend) {
  START_OR_SKIP();
  constexpr size_t kConnections = 24;
  constexpr int kRounds = 30;
  std::vector<std::unique_ptr<Peer>> peers(kConnections);
  std::vector<SlotId> slots(kConnections);
  std::vector<std::string> expected(kConnections), seen(kConnections), asked(kConnections);
  for (size_t i = 0; i < kConnections; ++i) peers[i] = ConnectAndOpen(&slots[i]);
  const auto read_all = [&] {
    for (size_t i = 0; i < kConnections; ++i) seen[i] += peers[i]->Read();
  };
  for (int round = 0; round < kRounds; ++round) {
    std::vector<SendNowItem> items;
    std::vector<size_t> whose;
    std::vector<std::string> texts(kConnections);
    for (size_t i = 0; i < kConnections; ++i) {
      const std::string question = std::to_string(round) + "?";
      asked[i] += question.substr(0, peers[i]->Write(question));
      // The last ones in turns have more than a socket takes; and from round to round it is more or fewer that send.
      if (server_->At(slots[i]).sending || i % 7 == static_cast<size_t>(round % 7) || i > static_cast<size_t>(round)) continue;
      texts[i] = i + 2 < kConnections ? std::to_string(round) + ":" + std::to_string(i) + ";" : Flood();
      expected[i] += texts[i];
      items.push_back({server_->At(slots[i]).handle, AsBytes(texts[i])});
      whose.push_back(i);
    }
    io_->TrySendAll(items);
    for (size_t at = 0; at < items.size(); ++at) {
      ASSERT_GE(items[at].taken, 0);
      server_->SendRest(slots[whose[at]], texts[whose[at]], items[at].taken);
    }
    if (round % 3 == 0) Passes(1);
    read_all();
  }
  EXPECT_TRUE(Until([&] {
    read_all();
    return seen == expected;
  }));
  for (size_t i = 0; i < kConnections; ++i) {
    EXPECT_TRUE(Until([&] { return server_->At(slots[i]).received == asked[i]; })) << i;
  }
}

TEST_P(IoContractTest, TwoPiecesGoOneBehindTheOther) {
  START_OR_SKIP();
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  const std::string large = Pattern(200'000, 6), larger = Pattern(20'000'000, 7);
  std::string expected, seen;
  for (const auto& [first, second] : std::vector<std::pair<std::string, std::string>>{
           {"head", "body"}, {"", "alone"}, {"alone", ""}, {large, "short"}, {"short", large}, {large, large}, {"head", larger}}) {
    const std::string both = first + second;
    server_->SendRest(slot, both, io_->TrySendBoth(server_->At(slot).handle, AsBytes(first), AsBytes(second)));
    expected += both;
    EXPECT_TRUE(Until([&] { return (seen += peer->Read()).size() >= expected.size() && !server_->At(slot).sending; }));
    EXPECT_TRUE(seen == expected) << seen.size() << " of " << expected.size();
  }
  peer->Reset();
  EXPECT_TRUE(Until([&] { return server_->At(slot).error != 0 || server_->At(slot).ended; }));
  EXPECT_LT(io_->TrySendBoth(server_->At(slot).handle, AsBytes("a"), AsBytes("b")), 0);
}

TEST_P(IoContractTest, OfManySendsTheBrokenOneFailsAlone) {
  START_OR_SKIP();
  std::vector<std::unique_ptr<Peer>> peers(8);
  std::vector<SlotId> slots(peers.size());
  for (size_t i = 0; i < peers.size(); ++i) peers[i] = ConnectAndOpen(&slots[i]);
  const SlotId broken = slots[3];
  peers[3]->Reset();
  EXPECT_TRUE(Until([&] { return server_->At(broken).error != 0 || server_->At(broken).ended; }));
  const std::string text = "answer";
  std::vector<SendNowItem> items;
  for (const SlotId slot : slots) items.push_back({server_->At(slot).handle, AsBytes(text)});
  io_->TrySendAll(items);
  for (size_t i = 0; i < items.size(); ++i) {
    if (i == 3) {
      EXPECT_LT(items[i].taken, 0);
      continue;
    }
    ASSERT_GE(items[i].taken, 0) << i;
    server_->SendRest(slots[i], text, items[i].taken);
    std::string seen;
    EXPECT_TRUE(Until([&] { return (seen += peers[i]->Read()) == text; })) << i << ": " << seen;
  }
  io_->TrySendAll({});
}

TEST_P(IoContractTest, AResetEndsAPendingSend) {
  START_OR_SKIP();
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  server_->SendAll(slot, Flood());
  EXPECT_TRUE(server_->At(slot).sending);
  Passes(3);
  peer->Reset();
  EXPECT_TRUE(Until([&] { return server_->At(slot).sent == 1; }));
  EXPECT_LT(server_->At(slot).send_error, 0);
  EXPECT_LT(io_->TrySend(server_->At(slot).handle, AsBytes("more")), 0);
  server_->Close(slot, Io::CloseMode::kAbort);
  EXPECT_TRUE(Until([&] { return server_->closed == 1; }));
}

TEST_P(IoContractTest, CloseGivesUpAPendingSend) {
  START_OR_SKIP({.linger_timeout = 20 * kMillisecond});
  for (const Io::CloseMode mode : {Io::CloseMode::kAbort, Io::CloseMode::kLinger}) {
    SlotId slot;
    auto peer = ConnectAndOpen(&slot);
    const int closed = server_->closed;
    server_->SendAll(slot, Flood());
    EXPECT_TRUE(server_->At(slot).sending);
    Passes(3);
    server_->Close(slot, mode);
    EXPECT_TRUE(Until([&] { return server_->closed == closed + 1; }));
    // The slot is gone, and with it the memory of the send: nothing may read it any more.
    Passes(5);
    EXPECT_EQ(server_->Find(slot), nullptr);
  }
}

TEST_P(IoContractTest, CloseInTheSamePassAsTheSend) {
  START_OR_SKIP();
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  server_->SendAll(slot, Flood());
  server_->Close(slot, Io::CloseMode::kAbort);
  EXPECT_TRUE(Until([&] { return server_->closed == 1; }));
}

TEST_P(IoContractTest, LingerLetsThePeerReadTheAnswerThoughItStillSends) {
  START_OR_SKIP();
  server_->on_recv = [&](SlotId slot) {
    if (server_->At(slot).sending || server_->At(slot).ended) return;
    server_->SendAll(slot, "413 too large");
    // A partial send of the fake would leave a rest; the answer is whole when it was taken whole.
    if (server_->At(slot).sent == 1) server_->Close(slot, Io::CloseMode::kLinger);
  };
  server_->on_sent = [&](SlotId slot) { server_->Close(slot, Io::CloseMode::kLinger); };
  auto peer = network_->Connect();
  const std::string up = Pattern(4'000'000, 7);
  size_t written = 0;
  EXPECT_TRUE(Until([&] { return written == up.size(); }, [&] { written += peer->Write(std::string_view(up).substr(written)); }));
  std::string got;
  EXPECT_TRUE(Until([&] { return peer->saw_end() || peer->saw_reset(); }, [&] { got += peer->Read(); }));
  EXPECT_EQ(got, "413 too large");
  EXPECT_FALSE(peer->saw_reset());
  peer->Finish();
  EXPECT_TRUE(Until([&] { return server_->closed == 1; }));
}

TEST_P(IoContractTest, LingerEndsThoughThePeerNeverDoes) {
  START_OR_SKIP({.linger_timeout = 20 * kMillisecond});
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  server_->Close(slot, Io::CloseMode::kLinger);
  EXPECT_TRUE(Until([&] { return server_->closed == 1; }, [&] { peer->Write("more and more"); }));
}

TEST_P(IoContractTest, PauseBoundsWhatArrivesAndResumeLosesNothing) {
  START_OR_SKIP();
  const std::string up = Pattern(3'000'000, 8);
  SlotId slot;
  size_t at_pause = 0;
  server_->on_recv = [&](SlotId paused) {
    if (at_pause != 0) return;
    at_pause = server_->At(paused).received.size();
    io_->PauseRecv(server_->At(paused).handle, paused);
  };
  auto peer = ConnectAndOpen(&slot);
  size_t written = 0;
  const auto write = [&] { written += peer->Write(std::string_view(up).substr(written)); };
  EXPECT_TRUE(Until([&] { return at_pause != 0; }, write));
  for (int i = 0; i < 50; ++i) {
    write();
    Passes(1);
  }
  // At most the buffers there are, once: those were on their way.
  const size_t after_pause = server_->At(slot).received.size();
  EXPECT_LE(after_pause - at_pause, 64u * 4096);
  EXPECT_LT(after_pause, up.size());
  for (int i = 0; i < 20; ++i) {
    write();
    Passes(1);
  }
  EXPECT_EQ(server_->At(slot).received.size(), after_pause);
  io_->ResumeRecv(server_->At(slot).handle, slot);
  EXPECT_TRUE(Until([&] { return server_->At(slot).received.size() >= up.size(); }, write));
  EXPECT_TRUE(server_->At(slot).received == up);
}

TEST_P(IoContractTest, PauseAndResumeInAnyOrderLoseNothing) {
  START_OR_SKIP();
  const std::string up = Pattern(2'000'000, 9);
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  const Handle handle = server_->At(slot).handle;
  size_t written = 0;
  std::mt19937 random(10);
  EXPECT_TRUE(Until([&] { return server_->At(slot).received.size() >= up.size(); },
                    [&] {
                      written += peer->Write(std::string_view(up).substr(written, 10'000));
                      for (uint32_t flips = random() % 4; flips > 0; --flips) {
                        io_->PauseRecv(handle, slot);
                        if (random() % 2 == 0) io_->PauseRecv(handle, slot);
                        io_->ResumeRecv(handle, slot);
                        if (random() % 2 == 0) io_->ResumeRecv(handle, slot);
                      }
                    }));
  EXPECT_TRUE(server_->At(slot).received == up);
}

TEST_P(IoContractTest, APausedConnectionCanBeClosed) {
  START_OR_SKIP();
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  io_->PauseRecv(server_->At(slot).handle, slot);
  Passes(2);
  peer->Write("unread");
  Passes(3);
  EXPECT_EQ(server_->At(slot).received, "");
  server_->Close(slot, Io::CloseMode::kAbort);
  EXPECT_TRUE(Until([&] { return server_->closed == 1; }));
}

TEST_P(IoContractTest, AQuietConnectionReceivesNothingAndGoesOnWhenItIsResumed) {
  START_OR_SKIP();
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  const Handle handle = server_->At(slot).handle;
  std::string expected;
  for (int i = 0; i < 3; ++i) {
    server_->Quiesce(slot);
    EXPECT_TRUE(Until([&] { return server_->At(slot).quiet; }));
    EXPECT_EQ(peer->Write("later"), 5u);
    Passes(5);
    EXPECT_EQ(server_->At(slot).received, expected);
    server_->At(slot).quiet = false;
    io_->ResumeRecv(handle, slot);
    expected += "later";
    EXPECT_TRUE(Until([&] { return server_->At(slot).received == expected; }));
  }
  // One that was paused before becomes quiet as well.
  io_->PauseRecv(handle, slot);
  server_->Quiesce(slot);
  EXPECT_TRUE(Until([&] { return server_->At(slot).quiet; }));
}

// From place to place in the middle of a stream: nothing is lost, nothing comes twice, and who had it hears no more of it.
TEST_P(IoContractTest, AQuietConnectionCanBeReleasedAgainAndAgain) {
  START_OR_SKIP({.buffer_count = 8, .buffer_bytes = 1024});
  const std::string up = Pattern(1'000'000, 12);
  std::string received;
  SlotId slot;
  int moves = 0;
  auto peer = ConnectAndOpen(&slot);
  server_->on_quiet = [&](SlotId quiet) {
    received += server_->At(quiet).received;
    UniqueFd socket = server_->Release(quiet);
    EXPECT_FALSE(network_->has_descriptors() && (::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) != 0);
    server_->OpenConnection(io_->Adopt(std::move(socket)));
    slot = server_->last;
    ++moves;
  };
  std::mt19937 random(13);
  size_t written = 0;
  int sent = 0;
  std::string got;
  EXPECT_TRUE(Until([&] { return received.size() + server_->At(slot).received.size() >= up.size(); },
                    [&] {
                      written += peer->Write(std::string_view(up).substr(written, 5'000));
                      got += peer->Read();
                      if (!server_->At(slot).quiescing && !server_->At(slot).sending && random() % 3 == 0) {
                        server_->SendAll(slot, "x");
                        ++sent;
                        if (!server_->At(slot).sending) server_->Quiesce(slot);
                      }
                    }));
  EXPECT_TRUE(received + server_->At(slot).received == up);
  EXPECT_GT(moves, 20);
  EXPECT_TRUE(Until([&] { return got == std::string(static_cast<size_t>(sent), 'x'); }, [&] { got += peer->Read(); }));
  peer->Finish();
  EXPECT_TRUE(Until([&] { return server_->At(slot).ended; }));
}

TEST_P(IoContractTest, TheEndOfTheOtherSideIsToldWhereTheConnectionIsThen) {
  START_OR_SKIP();
  SlotId slot;
  auto peer = ConnectAndOpen(&slot);
  server_->Quiesce(slot);
  EXPECT_TRUE(Until([&] { return server_->At(slot).quiet; }));
  EXPECT_EQ(peer->Write("last"), 4u);
  peer->Finish();
  Passes(3);
  server_->OpenConnection(io_->Adopt(server_->Release(slot)));
  slot = server_->last;
  EXPECT_TRUE(Until([&] { return server_->At(slot).ended; }));
  EXPECT_EQ(server_->At(slot).received, "last");
  // And that of one which has told its end already is told again.
  server_->Quiesce(slot);
  EXPECT_TRUE(Until([&] { return server_->At(slot).quiet; }));
  server_->OpenConnection(io_->Adopt(server_->Release(slot)));
  EXPECT_TRUE(Until([&] { return server_->At(server_->last).ended; }));
}

TEST_P(IoContractTest, OneOnItsWayToQuietCanBeClosedAndReset) {
  START_OR_SKIP();
  std::mt19937 random(14);
  for (int i = 0; i < 40; ++i) {
    SlotId slot;
    auto peer = ConnectAndOpen(&slot);
    const int closed = server_->closed;
    peer->Write("some");
    if (i % 2 == 0) Passes(1);
    server_->Quiesce(slot);
    if (i % 3 == 0) peer->Reset();
    for (uint32_t passes = random() % 3; passes > 0; --passes) Passes(1);
    server_->Close(slot, i % 4 == 0 ? Io::CloseMode::kLinger : Io::CloseMode::kAbort);
    if (i % 3 != 0) peer->Finish();
    EXPECT_TRUE(Until([&] { return server_->closed == closed + 1; }));
  }
}

TEST_P(IoContractTest, WithoutBuffersReceivingWaitsAndLosesNothing) {
  START_OR_SKIP({.buffer_count = 4, .buffer_bytes = 1024});
  constexpr int kPeers = 24;
  server_->hold_leases = true;
  std::vector<std::unique_ptr<Peer>> peers;
  std::vector<SlotId> slots;
  for (int i = 0; i < kPeers; ++i) {
    slots.emplace_back();
    peers.push_back(ConnectAndOpen(&slots.back()));
  }
  for (int i = 0; i < kPeers; ++i) EXPECT_EQ(peers[i]->Write(Pattern(3000, 100 + i)), 3000u);
  const auto held = [&] {
    size_t count = 0;
    for (const SlotId slot : slots) count += server_->At(slot).held.size();
    return count;
  };
  EXPECT_TRUE(Until([&] { return held() == 4; }));
  EXPECT_TRUE(Until([&] { return io_->counters().recv_starved > 0; }));
  Passes(20);
  EXPECT_EQ(held(), 4u);
  if (network_->has_descriptors()) {
    // It sleeps: among a few waits, one lasts as long as it may.
    bool slept = false;
    for (int i = 0; i < 20 && !slept; ++i) {
      const Nanos before = network_->clock().Now();
      loop_->RunOnce(server_.get(), 3 * kMillisecond);
      slept = network_->clock().Now() - before >= 3 * kMillisecond;
    }
    EXPECT_TRUE(slept);
  }
  // One lease back at a time, all the way.
  const auto all_there = [&] {
    return std::all_of(slots.begin(), slots.end(), [&](SlotId slot) { return server_->At(slot).received.size() == 3000; });
  };
  EXPECT_TRUE(Until(all_there, [&] {
    for (const SlotId slot : slots) {
      if (server_->At(slot).held.empty()) continue;
      server_->At(slot).held.erase(server_->At(slot).held.begin());
      return;
    }
  }));
  for (int i = 0; i < kPeers; ++i) EXPECT_TRUE(server_->At(slots[i]).received == Pattern(3000, 100 + i));
}

TEST_P(IoContractTest, StarvedConnectionsCanBeClosedAndPaused) {
  START_OR_SKIP({.buffer_count = 2, .buffer_bytes = 256});
  server_->hold_leases = true;
  std::vector<std::unique_ptr<Peer>> peers;
  std::vector<SlotId> slots;
  for (int i = 0; i < 8; ++i) {
    slots.emplace_back();
    peers.push_back(ConnectAndOpen(&slots.back()));
  }
  for (auto& peer : peers) peer->Write(Pattern(1000, 11));
  EXPECT_TRUE(Until([&] { return io_->counters().recv_starved > 0; }));
  Passes(10);
  for (size_t i = 0; i < 4; ++i) {
    server_->At(slots[i]).held.clear();
    server_->Close(slots[i], i % 2 == 0 ? Io::CloseMode::kAbort : Io::CloseMode::kLinger);
    peers[i]->Finish();
  }
  for (size_t i = 4; i < 6; ++i) io_->PauseRecv(server_->At(slots[i]).handle, slots[i]);
  const auto release = [&] {
    for (size_t i = 4; i < 8; ++i) server_->At(slots[i]).held.clear();
  };
  EXPECT_TRUE(Until([&] { return server_->closed == 4; }, release));
  const auto full = [&](size_t from, size_t to) {
    return std::all_of(slots.begin() + static_cast<long>(from), slots.begin() + static_cast<long>(to),
                       [&](SlotId slot) { return server_->At(slot).received.size() == 1000; });
  };
  EXPECT_TRUE(Until([&] { return full(6, 8); }, release));
  for (size_t i = 4; i < 6; ++i) io_->ResumeRecv(server_->At(slots[i]).handle, slots[i]);
  EXPECT_TRUE(Until([&] { return full(4, 8); }, release));
}

TEST_P(IoContractTest, ThousandsOfConnectionsReuseSlotsAndHandles) {
  START_OR_SKIP({.linger_timeout = 50 * kMillisecond});
  std::mt19937 random(12);
  server_->on_recv = [&](SlotId slot) {
    Server::Connection& connection = server_->At(slot);
    if (connection.closing) return;
    const uint32_t choice = random() % 4;
    // Bytes of one connection never reach another: each sends its own letter only.
    EXPECT_TRUE(IsOneLetter(connection.received));
    if (choice == 0) server_->Close(slot, Io::CloseMode::kAbort);
    if (choice == 1) server_->Close(slot, Io::CloseMode::kLinger);
    const char letter = connection.received.empty() ? '-' : connection.received[0];
    if (choice == 2 && !connection.sending) server_->SendAll(slot, std::string(100, letter));
    if (choice == 3 && (connection.ended || connection.error != 0)) server_->Close(slot, Io::CloseMode::kAbort);
  };
  int made = 0;
  std::deque<std::unique_ptr<Peer>> peers;
  EXPECT_TRUE(Until([&] { return made == 2000; }, [&] {
    for (int i = 0; i < 20 && made < 2000; ++i, ++made) {
      peers.push_back(network_->Connect());
      peers.back()->Write(std::string(1 + random() % 300, static_cast<char>('a' + made % 26)));
      if (random() % 8 == 0) peers.back()->Finish();
    }
    while (peers.size() > 100) {
      EXPECT_TRUE(IsOneLetter(peers.front()->Read()));
      peers.front()->Reset();
      peers.pop_front();
    }
  }));
  EXPECT_TRUE(Until([&] { return server_->accepted == made; }));
  CloseAll();
  EXPECT_EQ(server_->closed, made);
}

TEST_P(IoContractTest, AHandleThatWasNeverOpenedCanBeAnsweredAndClosed) {
  START_OR_SKIP({.linger_timeout = 20 * kMillisecond});
  server_->open_at_once = false;
  auto aborted = network_->Connect();
  auto answered = network_->Connect();
  EXPECT_TRUE(Until([&] { return server_->unopened.size() == 2; }));
  io_->Close(server_->unopened[0], {}, Io::CloseMode::kAbort);
  int64_t taken = 0;
  while (taken == 0) taken = io_->TrySend(server_->unopened[1], AsBytes("5"));  // the fake may take nothing at first
  io_->Close(server_->unopened[1], {}, Io::CloseMode::kLinger);
  EXPECT_TRUE(Until([&] { return server_->closed == 2; }, [&] { answered->Write("request"); }));
  std::string got;
  for (int i = 0; i < 10; ++i) got += answered->Read();
  // Ended by the time-out with bytes unread: what was sent is not promised then.
  EXPECT_TRUE(got == "5" || answered->saw_reset());
}

TEST_P(IoContractTest, StopListeningLeavesTheQueueAndTheOpenOnes) {
  START_OR_SKIP();
  SlotId slot;
  auto open = ConnectAndOpen(&slot);
  io_->StopListening(Io::Queue::kLeave);
  Passes(1);
  const int accepted = server_->accepted;
  auto queued = network_->Connect();
  queued->Write("early");
  open->Write("still served");
  EXPECT_TRUE(Until([&] { return server_->At(slot).received == "still served"; }));
  Passes(10);
  EXPECT_EQ(server_->accepted, accepted);
  ASSERT_TRUE(io_->Listen(network_->listen_fd()).ok());
  EXPECT_TRUE(Until([&] { return server_->accepted == accepted + 1; }));
  EXPECT_TRUE(Until([&] { return server_->At(server_->last).received == "early"; }));
}

TEST_P(IoContractTest, StopListeningTakesTheQueueAndRefusesTheRest) {
  START_OR_SKIP();
  SlotId slot;
  auto open = ConnectAndOpen(&slot);
  const int accepted = server_->accepted;
  std::vector<std::unique_ptr<Peer>> queued;
  for (int i = 0; i < 3; ++i) {
    queued.push_back(network_->Connect());
    queued.back()->Write("early");
  }
  EXPECT_EQ(io_->StopListening(Io::Queue::kTake), 3u);
  EXPECT_TRUE(Until([&] { return server_->accepted == accepted + 3; }));
  EXPECT_TRUE(Until([&] { return server_->At(server_->last).received == "early"; }));
  EXPECT_FALSE(io_->Listen(network_->listen_fd()).ok());
  auto late = network_->Connect();
  late->Read();
  EXPECT_TRUE(late->saw_reset());
  open->Write("still served");
  EXPECT_TRUE(Until([&] { return server_->At(slot).received == "still served"; }));
  EXPECT_EQ(server_->accepted, accepted + 3);
}

TEST_P(IoContractTest, WithoutDescriptorsAcceptingWaitsAndGoesOn) {
  START_OR_SKIP();
  if (!network_->has_descriptors()) GTEST_SKIP() << "no descriptors behind its handles";
  SlotId slot;
  auto first = ConnectAndOpen(&slot);
  io_->StopListening(Io::Queue::kLeave);
  Passes(1);
  auto second = network_->Connect();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool listening = io_->Listen(network_->listen_fd()).ok();
  const bool refused = Until([&] { return server_->accept_errors > 0; });
  const uint64_t polls = io_->counters().polls;
  Passes(20);
  const int errors = server_->accept_errors;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(listening);
  EXPECT_TRUE(refused);
  EXPECT_EQ(server_->accepted, 1);
  EXPECT_LE(errors, 5) << "in " << io_->counters().polls - polls << " polls";
  EXPECT_TRUE(Until([&] { return server_->accepted == 2; }));
}

TEST_P(IoContractTest, ManyEventsThroughASmallWindow) {
  START_OR_SKIP();
  std::vector<std::unique_ptr<Peer>> peers;
  std::vector<SlotId> slots;
  for (int i = 0; i < 200; ++i) {
    slots.emplace_back();
    peers.push_back(ConnectAndOpen(&slots.back()));
  }
  for (auto& peer : peers) {
    peer->Write("x");
    peer->Finish();
  }
  std::vector<Completion> out(3);
  size_t bytes = 0, ends = 0;
  for (int i = 0; i < 100'000 && ends < peers.size(); ++i) {
    const size_t count = io_->Poll(out, kMillisecond);
    ASSERT_LE(count, out.size());
    for (size_t k = 0; k < count; ++k) {
      ASSERT_EQ(out[k].event, Event::kRecv);
      bytes += out[k].lease.bytes().size();
      ends += out[k].lease.bytes().empty();
      out[k].lease.Drop();
    }
  }
  EXPECT_EQ(bytes, peers.size());
  EXPECT_EQ(ends, peers.size());
}

TEST_P(IoContractTest, PostFromOtherThreadsIsNeverLost) {
  START_OR_SKIP();
  constexpr int kThreads = 3;
  constexpr int kRounds = 200;
  std::atomic<int> ran{0};
  std::atomic<int> finished{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      std::mutex mutex;
      std::condition_variable done;
      for (int i = 0; i < kRounds; ++i) {
        // A round trip: the loop has gone to sleep, or is about to, when the next one is posted.
        bool here = false;
        loop_->Post([&] {
          ran.fetch_add(1);
          std::lock_guard lock(mutex);
          here = true;
          done.notify_one();
        });
        std::unique_lock lock(mutex);
        done.wait(lock, [&] { return here; });
      }
      if (finished.fetch_add(1) + 1 == kThreads) loop_->Stop();
    });
  }
  loop_->Run(server_.get());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran.load(), kThreads * kRounds);
}

TEST_P(IoContractTest, WakeEndsThePresentOrTheNextWait) {
  START_OR_SKIP();
  io_->Wake();
  std::vector<Completion> out(4);
  EXPECT_EQ(io_->Poll(out, -1), 0u);  // would hang
  std::thread waker([&] { io_->Wake(); });
  EXPECT_EQ(io_->Poll(out, -1), 0u);
  waker.join();
}

TEST_P(IoContractTest, TimersRunThoughNothingElseHappens) {
  START_OR_SKIP();
  std::vector<int> order;
  Timer late([&] {
    order.push_back(2);
    loop_->Stop();
  });
  Timer early([&] { order.push_back(1); });
  const Nanos start = network_->clock().Now();
  loop_->Arm(&late, start + 8 * kMillisecond);
  loop_->Arm(&early, start + 3 * kMillisecond);
  loop_->Run(server_.get());
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_GE(network_->clock().Now(), start + 8 * kMillisecond);
}

TEST_P(IoContractTest, SaysWhatItIs) {
  START_OR_SKIP();
  EXPECT_FALSE(io_->features().backend.empty());
  const uint64_t polls = io_->counters().polls;
  Passes(2);
  EXPECT_EQ(io_->counters().polls, polls + 2);
}

Variant Epoll() {
  return {"Epoll", [](const NetworkOptions& options) {
            return MakeTcpNetwork(options, [](const NetworkOptions& wanted) -> Result<std::unique_ptr<Io>> {
              ZTS_ASSIGN_OR_RETURN(std::unique_ptr<Io> io, EpollIo::Create({.buffer_count = wanted.buffer_count,
                                                                            .buffer_bytes = wanted.buffer_bytes,
                                                                            .linger_timeout = wanted.linger_timeout}));
              return io;
            });
          }};
}

// With all of `without` switched off; tiny queues make what is exceptional otherwise common.
Variant Uring(std::string name, std::string without, unsigned submissions = 256, unsigned completions = 1024) {
  return {std::move(name), [=](const NetworkOptions& options) {
            return MakeTcpNetwork(options, [=](const NetworkOptions& wanted) -> Result<std::unique_ptr<Io>> {
              ZTS_ASSIGN_OR_RETURN(const UringFeatures features, UringFeatures::Without(without));
              ZTS_ASSIGN_OR_RETURN(std::unique_ptr<Io> io, UringIo::Create({.buffer_count = wanted.buffer_count,
                                                                            .buffer_bytes = wanted.buffer_bytes,
                                                                            .linger_timeout = wanted.linger_timeout,
                                                                            .submission_entries = submissions,
                                                                            .completion_entries = completions,
                                                                            .features = features}));
              return io;
            });
          }};
}

Variant Fake(std::string name, const FakeFaults& faults, uint64_t seed) {
  return {std::move(name), [faults, seed](NetworkOptions options) {
            options.seed = seed;
            return MakeFakeNetwork(options, faults);
          }};
}

std::vector<Variant> Variants() {
  std::vector<Variant> variants = {
      Epoll(),
      Uring("Uring", ""),
      Uring("UringTinyQueues", "", 2, 4),
      Uring("UringOneShot", "multishot_accept,multishot_recv"),
      Uring("UringCoop", "defer_taskrun"),
      Uring("UringPlain", "multishot_accept,multishot_recv,coop_taskrun,single_issuer,registered_ring,no_sqarray"),
      Uring("UringPlainTinyQueues", "coop_taskrun,single_issuer,registered_ring,no_sqarray", 2, 4),
      Fake("Fake", FakeFaults::None(), 1)};
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    variants.push_back(Fake("FakeRough" + std::to_string(seed), FakeFaults::Rough(), seed));
  }
  return variants;
}

INSTANTIATE_TEST_SUITE_P(All, IoContractTest, ::testing::ValuesIn(Variants()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace zts::net
