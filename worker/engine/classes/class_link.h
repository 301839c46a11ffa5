// The way from a shard that has the clients to the engine of another class: what the near end says leaves as frames, what the class's
// engine says comes as frames.
//
//   session -> pool --Elsewhere--> AwayLink -> ClassLink ==socket==> ClassPort -> AwayRuns -> pool -> isolate     (the class's engine)
//
// Without a socket (its engine starts, or starts again) requests wait here, in the order they came, until the pool's limits of time end
// them. A socket that breaks ends what was under way on it: nobody knows how far it had come.
//
// Owner:    Shard, one a class that some version has named.
// Thread:   the shard's.
// Life:     loop and events outlive it.
// Limits:   the pool's (kClassQueueMax) and AwayLink's; one whole answer is gathered at a time, kWholeAnswerBytesMax.
// Errors:   frames that are none, or make no sense, end the socket like its break.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/slot_map.h"
#include "base/unique_fd.h"
#include "worker/engine/frame_socket.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/offload/away_ends.h"
#include "worker/engine/offload/away_link.h"
#include "worker/engine/runtime/elsewhere.h"
#include "worker/ipc/class_frame.h"

namespace zts::classes {

class ClassLink final : public offload::FarEnd {
 public:
  // `number`: the class's, from 1 on.
  ClassLink(net::Loop* loop, uint32_t number, runtime::ElsewhereEvents* events);
  ~ClassLink() override;

  // The pool's door.
  offload::AwayLink* door() { return &link_; }

  // From here on by this socket; what was under way on an earlier one ends.
  void Connect(UniqueFd socket);
  void Disconnect();

  // The loop's events of its slots.
  void OnRecv(SlotId slot, const net::Lease& lease, int error);
  void OnSent(SlotId slot, int error);
  void OnClosed(SlotId slot) { socket_.OnClosed(slot); }
  void OnPassEnd();

  void Begin(const offload::AwayRequestPtr& request) override;
  void Cancel(const offload::AwayRequestPtr& request) override;
  void PeerFinished(const offload::AwayRequestPtr& request) override;
  void BodyArrived(const offload::AwayRequestPtr& request, std::string_view bytes) override;
  void BodyComplete(const offload::AwayRequestPtr& request) override;
  void BodyFailed(const offload::AwayRequestPtr& request, const std::string& why) override;
  void ChunkTaken(const offload::AwayRequestPtr& request, size_t bytes) override;

 private:
  // A whole answer that does not fit into one frame: nothing else comes between its pieces.
  struct Gathering {
    runtime::Ticket ticket;
    std::string payload;  // of its head
    ipc::ClassAnswer answer;
    std::string body;
  };

  void Send(const offload::AwayRequest& request);
  Status OnFrame(const ipc::ClassFrameReader::Frame& frame);
  Status OnAnswer(runtime::Ticket ticket, std::string_view payload);
  Status OnPiece(runtime::Ticket ticket, std::string_view bytes);
  Status OnOutcome(const ipc::ClassFrameReader::Frame& frame);
  Status OnColdTimes(runtime::Ticket ticket, std::string_view payload);

  net::Loop* const loop_;
  const uint32_t number_;
  FrameSocket socket_;
  ipc::ClassFrameReader reader_;
  offload::AwayLink link_;
  std::deque<offload::AwayRequestPtr> waiting_;  // for a socket
  std::unique_ptr<Gathering> gathering_;
};

}  // namespace zts::classes
