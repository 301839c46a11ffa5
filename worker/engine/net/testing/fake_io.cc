#include "worker/engine/net/testing/fake_io.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace zts::net {
namespace {

BufferPool MakePool(const FakeIoOptions& options) {
  auto pool = BufferPool::Create(options.buffer_count, options.buffer_bytes);
  ZTS_CHECK(pool.ok());
  return std::move(pool).value();
}

}  // namespace

FakeIo::FakeIo(const FakeIoOptions& options)
    : random_(options.seed),
      faults_(options.faults),
      clock_(options.clock),
      linger_timeout_(options.linger_timeout),
      socket_buffer_bytes_(options.socket_buffer_bytes),
      buffers_(MakePool(options)) {
  features_.backend = "fake";
}

FakeIo::~FakeIo() = default;

FakeIo::PeerId FakeIo::Connect() {
  links_.push_back(std::make_shared<Link>());
  links_.back()->port = static_cast<uint16_t>(1024 + links_.size() % 64'000);
  if (shut_) {
    links_.back()->server = Link::Server::kClosed;
    Reset(links_.back().get());
    return links_.size() - 1;
  }
  queue_.push_back(links_.size() - 1);
  return links_.size() - 1;
}

size_t FakeIo::PeerWrite(PeerId peer, std::string_view bytes) {
  Link& link = *links_.at(peer);
  if (link.reset || link.peer_finished) return 0;
  if (link.server == Link::Server::kClosing || link.server == Link::Server::kClosed) {
    // Bytes for a socket that is gone are answered with a reset.
    if (!bytes.empty()) Reset(&link);
    return 0;
  }
  const size_t taken = std::min(bytes.size(), socket_buffer_bytes_ - std::min(socket_buffer_bytes_, link.to_server.size()));
  link.to_server.append(bytes.substr(0, taken));
  return taken;
}

std::string FakeIo::PeerRead(PeerId peer, size_t bytes_max) {
  Link& link = *links_.at(peer);
  std::string bytes = link.to_peer.substr(0, bytes_max);
  link.to_peer.erase(0, bytes.size());
  return bytes;
}

void FakeIo::PeerFinish(PeerId peer) { links_.at(peer)->peer_finished = true; }

void FakeIo::PeerReset(PeerId peer) { Reset(links_.at(peer).get()); }

bool FakeIo::PeerSawEnd(PeerId peer) const {
  const Link& link = *links_.at(peer);
  return !link.reset && link.server_finished && link.to_peer.empty();
}

bool FakeIo::PeerSawReset(PeerId peer) const { return links_.at(peer)->reset; }

bool FakeIo::PeerQueued(PeerId peer) const { return links_.at(peer)->server == Link::Server::kQueued; }

size_t FakeIo::open_handles() const { return live_.size(); }

Status FakeIo::Listen(int) {
  if (shut_) return Internal("the socket to accept from does not listen");
  listening_ = true;
  return {};
}

size_t FakeIo::StopListening(Queue queue) {
  listening_ = false;
  if (queue == Queue::kTake) {
    taken_ = queue_.size();
    shut_ = true;
  }
  return taken_;
}

FakeIo::Link& FakeIo::LinkOf(Handle handle) const {
  ZTS_CHECK(handle >= 0 && static_cast<size_t>(handle) < by_handle_.size());
  Link* link = by_handle_[static_cast<size_t>(handle)];
  ZTS_CHECK(link != nullptr);
  return *link;
}

PeerAddress FakeIo::PeerOf(Handle handle) const {
  const Link& link = LinkOf(handle);
  return link.port == 0 ? PeerAddress{} : PeerAddress{.bytes = {'\xc0', 0, 2, 1}, .size = 4, .port = link.port};
}

FakeIo::Link& FakeIo::OpenLink(Handle handle, SlotId slot) {
  Link& link = LinkOf(handle);
  ZTS_CHECK(link.server == Link::Server::kOpen && link.slot == slot);
  return link;
}

// Both directions end at once, and what is on the way is lost.
void FakeIo::Reset(Link* link) {
  link->reset = true;
  link->to_server.clear();
  link->to_peer.clear();
}

void FakeIo::Open(Handle handle, SlotId slot) {
  Link& link = LinkOf(handle);
  ZTS_CHECK(link.server == Link::Server::kAccepted);
  link.server = Link::Server::kOpen;
  link.slot = slot;
}

void FakeIo::PauseRecv(Handle handle, SlotId slot) {
  Link& link = OpenLink(handle, slot);
  ZTS_CHECK(!link.quiescing);
  link.paused = true;
}

void FakeIo::ResumeRecv(Handle handle, SlotId slot) {
  Link& link = OpenLink(handle, slot);
  ZTS_CHECK(!link.quiescing);
  link.paused = false;
}

void FakeIo::Quiesce(Handle handle, SlotId slot) {
  Link& link = OpenLink(handle, slot);
  ZTS_CHECK(!link.quiescing);
  link.paused = true;
  link.quiescing = true;
}

int64_t FakeIo::TrySend(Handle handle, Bytes bytes) {
  if (on_try_send_) on_try_send_();
  Link& link = LinkOf(handle);
  ZTS_CHECK(link.server == Link::Server::kAccepted || link.server == Link::Server::kOpen);
  ZTS_CHECK(!link.sending);
  if (link.reset) return -ECONNRESET;
  size_t taken = std::min(bytes.size(), socket_buffer_bytes_ - std::min(socket_buffer_bytes_, link.to_peer.size()));
  if (Chance(faults_.partial_send)) taken = Cut(0, taken);
  link.to_peer.append(AsText(bytes.first(taken)));
  counters_.sent_bytes += taken;
  return static_cast<int64_t>(taken);
}

void FakeIo::Send(Handle handle, SlotId slot, Bytes bytes) {
  Link& link = OpenLink(handle, slot);
  ZTS_CHECK(!link.sending);
  link.sending = true;
  link.unsent = bytes;
}

void FakeIo::Close(Handle handle, SlotId slot, CloseMode mode) {
  Link& link = LinkOf(handle);
  ZTS_CHECK(link.server == Link::Server::kAccepted || (link.server == Link::Server::kOpen && link.slot == slot));
  link.slot = slot;
  link.sending = false;
  link.unsent = {};
  link.server_finished = true;
  if (mode == CloseMode::kLinger && !link.recv_over && !link.reset) {
    link.server = Link::Server::kLingering;
    link.linger_until = Now() + linger_timeout_;
  } else {
    EndServerSide(&link);
  }
}

// The socket closes. Bytes nobody has read turn that into a reset.
void FakeIo::EndServerSide(Link* link) {
  if (!link->to_server.empty()) Reset(link);
  link->server_finished = true;
  link->server = Link::Server::kClosing;
}

size_t FakeIo::Poll(std::span<Completion> out, Nanos timeout) {
  ++counters_.polls;
  Batch batch{out};
  const bool woken = woken_.exchange(false);
  if (!Chance(faults_.spurious_wake)) {
    Accept(&batch);
    std::vector<PeerId> order = live_;
    std::shuffle(order.begin(), order.end(), random_);
    for (const PeerId peer : order) Advance(links_[peer].get(), &batch);
    std::erase_if(live_, [this](PeerId peer) { return links_[peer]->server == Link::Server::kClosed; });
  }
  last_wait_ = batch.count > 0 || woken ? 0 : WaitTime(timeout);
  return batch.count;
}

void FakeIo::Accept(Batch* batch) {
  // What was taken when listening stopped has its descriptors already: it cannot fail any more.
  while ((listening_ || taken_ > 0) && !queue_.empty() && !batch->full()) {
    if (Chance(faults_.late)) return;
    if (taken_ > 0) {
      --taken_;
    } else if (Chance(faults_.accept_error)) {
      batch->Add({.event = Event::kAccept, .error = -EMFILE});
      return;
    }
    const PeerId peer = queue_.front();
    queue_.pop_front();
    ++counters_.accepts;
    batch->Add({.event = Event::kAccept, .handle = GiveHandle(peer)});
  }
}

Handle FakeIo::GiveHandle(PeerId peer) {
  Link* link = links_[peer].get();
  if (free_handles_.empty()) {
    free_handles_.insert(static_cast<Handle>(by_handle_.size()));
    by_handle_.push_back(nullptr);
  }
  link->handle = *free_handles_.begin();
  free_handles_.erase(free_handles_.begin());
  by_handle_[static_cast<size_t>(link->handle)] = link;
  link->server = Link::Server::kAccepted;
  live_.push_back(peer);
  return link->handle;
}

std::pair<FakeIo::PeerId, UniqueFd> FakeIo::ConnectForAdoption() {
  UniqueFd socket(eventfd(0, EFD_CLOEXEC));
  ZTS_CHECK(socket.valid());
  links_.push_back(std::make_shared<Link>());
  for_adoption_[socket.get()] = links_.size() - 1;
  return {links_.size() - 1, std::move(socket)};
}

UniqueFd FakeIo::Release(Handle handle) {
  Link& link = LinkOf(handle);
  if (link.server == Link::Server::kOpen) {
    ZTS_CHECK(link.paused && !link.quiescing && !link.sending);
    link.paused = false;
    link.recv_over = false;  // the next one is told again
  } else {
    ZTS_CHECK(link.server == Link::Server::kAccepted);
  }
  const auto self = std::find_if(live_.begin(), live_.end(), [&](PeerId peer) { return links_[peer].get() == &link; });
  ZTS_CHECK(self != live_.end());
  UniqueFd socket(eventfd(0, EFD_CLOEXEC));
  ZTS_CHECK(socket.valid());
  released()[socket.get()] = links_[*self];
  live_.erase(self);
  DropHandle(&link);
  return socket;
}

std::map<int, std::shared_ptr<FakeIo::Link>>& FakeIo::released() {
  static std::map<int, std::shared_ptr<Link>> links;
  return links;
}

Handle FakeIo::Adopt(UniqueFd socket) {
  if (auto link = released().extract(socket.get()); !link.empty()) {
    links_.push_back(std::move(link.mapped()));
    return GiveHandle(links_.size() - 1);
  }
  const auto found = for_adoption_.find(socket.get());
  ZTS_CHECK(found != for_adoption_.end());
  const PeerId peer = found->second;
  for_adoption_.erase(found);
  return GiveHandle(peer);
}

// What this connection has to tell, in its order: sends, receives, the end.
void FakeIo::Advance(Link* link, Batch* batch) {
  if (faults_.reset > 0 && link->server == Link::Server::kOpen && random_() % 10'000 < static_cast<uint64_t>(faults_.reset)) {
    Reset(link);
  }
  if (batch->full() || Chance(faults_.late)) return;
  if (link->sending) AdvanceSend(link, batch);
  if (link->server == Link::Server::kOpen) AdvanceRecv(link, batch);
  if (link->server == Link::Server::kLingering) AdvanceLinger(link);
  if (link->server != Link::Server::kClosing || batch->full()) return;
  link->server = Link::Server::kClosed;
  DropHandle(link);
  batch->Add({.event = Event::kClosed, .handle = link->handle, .slot = link->slot});
}

void FakeIo::DropHandle(Link* link) {
  by_handle_[static_cast<size_t>(link->handle)] = nullptr;
  free_handles_.insert(link->handle);
}

void FakeIo::AdvanceSend(Link* link, Batch* batch) {
  int32_t error = 0;
  if (link->reset) {
    error = -ECONNRESET;
  } else {
    link->sending = false;  // TrySend's own check
    const int64_t taken = TrySend(link->handle, link->unsent);
    link->sending = true;
    link->unsent = link->unsent.subspan(static_cast<size_t>(taken));
    if (!link->unsent.empty()) return;
  }
  link->sending = false;
  link->unsent = {};
  batch->Add({.event = Event::kSent, .error = error, .handle = link->handle, .slot = link->slot});
}

void FakeIo::AdvanceRecv(Link* link, Batch* batch) {
  if (batch->full()) return;
  // What is late may have been on its way before.
  if (link->quiescing && (link->recv_over || !Chance(3 * faults_.late))) {
    link->quiescing = false;
    batch->Add({.event = Event::kQuiet, .handle = link->handle, .slot = link->slot});
    return;
  }
  if ((link->paused && !link->quiescing) || link->recv_over) return;
  Completion completion{.event = Event::kRecv, .handle = link->handle, .slot = link->slot};
  if (link->to_server.empty()) {
    if (!link->reset && !link->peer_finished) return;
    completion.error = link->reset ? -ECONNRESET : 0;
    link->recv_over = true;
    batch->Add(std::move(completion));
    return;
  }
  const auto buffer = Chance(faults_.starved) ? std::nullopt : buffers_.Take();
  if (!buffer) {
    ++counters_.recv_starved;
    return;
  }
  const MutableBytes space = buffers_.At(*buffer);
  size_t size = std::min(space.size(), link->to_server.size());
  if (Chance(faults_.short_read)) size = Cut(1, size);
  std::copy_n(AsBytes(link->to_server).begin(), size, space.begin());
  link->to_server.erase(0, size);
  counters_.recv_bytes += size;
  completion.lease = Lease(this, *buffer, space.first(size));
  batch->Add(std::move(completion));
}

void FakeIo::AdvanceLinger(Link* link) {
  link->to_server.clear();
  if (link->peer_finished || link->reset || (clock_ != nullptr && Now() >= link->linger_until)) EndServerSide(link);
}

bool FakeIo::HasWork(const Link& link) const {
  switch (link.server) {
    case Link::Server::kOpen:
      if (link.sending && (link.reset || link.to_peer.size() < socket_buffer_bytes_)) return true;
      if (link.quiescing) return true;
      if (link.paused || link.recv_over) return false;
      if (!link.to_server.empty()) return buffers_.free_count() > 0;
      return link.reset || link.peer_finished;
    case Link::Server::kLingering:
      return link.reset || link.peer_finished;
    case Link::Server::kClosing:
      return true;
    default:
      return false;
  }
}

Nanos FakeIo::WaitTime(Nanos timeout) const {
  if ((listening_ || taken_ > 0) && !queue_.empty()) return 0;
  for (const PeerId peer : live_) {
    const Link& link = *links_[peer];
    if (HasWork(link)) return 0;
    if (link.server != Link::Server::kLingering || clock_ == nullptr) continue;
    const Nanos wait = std::max<Nanos>(link.linger_until - Now(), 0);
    timeout = timeout < 0 ? wait : std::min(timeout, wait);
  }
  return timeout;
}

}  // namespace zts::net
