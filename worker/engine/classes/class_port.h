// A class's engine towards the shard that has its clients: frames become requests that AwayRuns runs here, and what becomes of them frames.
// ClassLink is the other end.
//
// A new socket (the front is another engine now) ends what was under way on the one before it: nobody waits for it any more.
//
// Owner:    Shard, of an engine without listeners.
// Thread:   the shard's.
// Life:     loop, runs and host outlive it.
// Limits:   AwayRuns'; one whole body is gathered at a time, kWholeRequestBytesMax. What waits to be sent is bounded by the credit of
//           streams; a whole answer is written out at once.
// Errors:   frames that are none, or make no sense, end the socket like its break. A version that is not served here is answered as
//           overload: the front may be ahead for a moment.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/slot_map.h"
#include "base/unique_fd.h"
#include "worker/engine/frame_socket.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/offload/away_ends.h"
#include "worker/engine/offload/away_runs.h"
#include "worker/engine/runtime/pool.h"
#include "worker/engine/runtime/target.h"
#include "worker/ipc/class_frame.h"

namespace zts::classes {

// What a front may ask for.
using Targets = std::unordered_map<uint64_t, runtime::Target>;

class ClassPort final : public offload::NearEnd {
 public:
  ClassPort(net::Loop* loop, offload::AwayRuns* runs, runtime::PoolHost* host);
  ~ClassPort() override;

  void Connect(UniqueFd socket);
  void Disconnect();
  void SetTargets(Targets targets) { targets_ = std::move(targets); }

  // The loop's events of its slots.
  void OnRecv(SlotId slot, const net::Lease& lease, int error);
  void OnSent(SlotId slot, int error);
  void OnClosed(SlotId slot) { socket_.OnClosed(slot); }
  // Behind that of the runs.
  void OnPassEnd();

  void OnBegan(runtime::Ticket ticket) override;
  void OnCold(runtime::Ticket ticket) override;
  void OnColdAnswer(runtime::Ticket ticket, const runtime::ColdTimes& times) override;
  void OnResponse(runtime::Ticket ticket, const js::ResponseView& response) override;
  void OnFailure(runtime::Ticket ticket, const js::Outcome& outcome) override;
  void OnChunk(runtime::Ticket ticket, std::string bytes) override;
  void OnResponseEnd(runtime::Ticket ticket, const js::Outcome& outcome) override;
  void OnBodyWanted(runtime::Ticket ticket) override;
  void OnBodyTaken(runtime::Ticket ticket, size_t bytes) override;
  void OnBodyDropped(runtime::Ticket ticket) override;
  void OnOver(runtime::Ticket ticket) override { requests_.erase(ticket); }

 private:
  // A request whose body does not fit into one frame: nothing else comes between its pieces.
  struct Gathering {
    runtime::Ticket ticket;
    std::string payload;  // of its head
    uint64_t body_bytes;
    std::string body;
  };

  Status OnFrame(const ipc::ClassFrameReader::Frame& frame);
  Status OnRequest(runtime::Ticket ticket, std::string_view payload);
  Status OnPiece(std::string_view bytes);
  void Begin(runtime::Ticket ticket, const ipc::ClassRequest& request, std::string_view body);
  Status Tell(const ipc::ClassFrameReader::Frame& frame, const offload::AwayRequest& request);
  void Refuse(runtime::Ticket ticket, js::OutcomeKind why, size_t bytes, size_t bytes_max);
  void Signal(ipc::ClassFrameType type, runtime::Ticket ticket);

  FrameSocket socket_;
  offload::AwayRuns* const runs_;
  runtime::PoolHost* const host_;
  ipc::ClassFrameReader reader_;
  Targets targets_;
  std::unordered_map<runtime::Ticket, offload::AwayRequestPtr> requests_;
  std::vector<offload::AwayRequestPtr> refused_;  // their answers are refused, and what they still give is not wanted
  std::unique_ptr<Gathering> gathering_;
  std::string body_;  // of the answer in hand, where it cannot be read where it lies
};

}  // namespace zts::classes
