// One shard's way to the egress process: functions' requests out, frames in, over a socket that the supervisor hands on.
//
// What a pass produces goes out at its end, in one send. A socket that breaks (the egress process has died) fails what was under way with
// kUnavailable; until the next one comes, requests are refused. The engine itself connects nowhere.
//
// Owner:    Shard, exactly one.
// Thread:   the shard's.
// Life:     loop, counters and sink outlive it.
// Limits:   kFetchesMax under way; what waits to be sent is bounded by the credit that the egress process gives.
// Errors:   frames that are none end the socket, like its break.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/slot_map.h"
#include "base/unique_fd.h"
#include "jsruntime/fetch.h"
#include "worker/engine/frame_socket.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/runtime/fetch_gate.h"
#include "worker/ipc/egress_frame.h"
#include "worker/ipc/shared_counters.h"

namespace zts {

class FetchSink {
 public:
  virtual ~FetchSink() = default;
  // May call the link back.
  virtual void OnFetchEvent(uint64_t instance, js::FetchId id, const js::FetchEvent& event) = 0;
};

class EgressLink final : public runtime::FetchGate {
 public:
  EgressLink(net::Loop* loop, ipc::ShardCounters* counters, FetchSink* sink);

  // From here on by this socket; what was under way on an earlier one fails.
  void Connect(UniqueFd socket);
  // Gives the socket up; what is under way fails.
  void Disconnect();

  // The loop's events of its slots (FrameSocket::kEgress).
  void OnRecv(SlotId slot, const net::Lease& lease, int error);
  void OnSent(SlotId slot, int error) {
    if (!socket_.OnSent(slot, error)) Disconnect();
  }
  void OnClosed(SlotId slot) { socket_.OnClosed(slot); }
  void OnPassEnd() {
    if (!socket_.Flush()) Disconnect();
  }

  js::FetchId Start(const runtime::FetchOwner& owner, const js::FetchRequest& request) override;
  void SendBody(js::FetchId id, std::string_view bytes) override;
  void FinishBody(js::FetchId id) override;
  void Rewound(js::FetchId id) override;
  void ReadMore(js::FetchId id, uint32_t bytes) override;
  void Cancel(js::FetchId id) override;
  void SendMessage(js::FetchId id, js::SocketMessage kind, uint64_t bytes) override;
  void CloseSocket(js::FetchId id, uint16_t code, std::string_view reason) override;
  void MessagesTaken(js::FetchId id, uint32_t bytes, uint32_t messages) override;
  void CancelAll(uint64_t instance) override;

  size_t under_way() const { return fetches_.size(); }

 private:
  struct Fetch {
    uint64_t instance;
    uint32_t counter_row;
    Nanos started;
    bool has_head = false;
  };

  std::string* out() { return &socket_.out(); }
  Status OnFrame(const ipc::FrameReader::Frame& frame);
  Status OnHead(js::FetchId id, std::string_view payload);
  Status OnError(js::FetchId id, std::string_view payload);
  Status OnMessage(js::FetchId id, std::string_view payload);
  Status OnTaken(js::FetchId id, std::string_view payload);
  Status OnClose(js::FetchId id, std::string_view payload);
  void Tell(js::FetchId id, const js::FetchEvent& event);
  void End(js::FetchId id, js::FetchResult result);
  void RecordWait(Fetch* fetch);
  void FailAll();

  net::Loop* const loop_;
  ipc::ShardCounters* const counters_;
  FetchSink* const sink_;
  FrameSocket socket_;
  ipc::FrameReader reader_;
  std::unordered_map<js::FetchId, Fetch> fetches_;
  js::FetchId last_id_ = 0;
};

}  // namespace zts
