// The shard's end of the way to its offload thread: sends its requests there and tells the pool what becomes of them.
//
//   pool --Submit--> link ==copy of the request==> host --> pool of the offload thread --> isolate
//   pool <--events-- link <==copies of answers==== host <--
//
// Bodies that stream are relayed through windows, so that back-pressure reaches from the function to the socket and back: what the
// function has taken comes back as credit, and what the client has taken too.
//
// Owner:    Shard, exactly one.
// Thread:   the shard's, the constructor included.
// Life:     the host and the loop outlive it; what the host posts is run by the loop, which has ended when the link goes.
// Limits:   kBodyWindowBytes in, kStreamBufferBytes out, a request.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "jsruntime/isolate.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/offload/away_request.h"
#include "worker/engine/runtime/elsewhere.h"

namespace zts::offload {

class OffloadHost;

class OffloadLink final : public runtime::Elsewhere {
 public:
  OffloadLink(net::Loop* loop, OffloadHost* host) : loop_(loop), host_(host) {}
  // Once, before the first request.
  void Connect(runtime::ElsewhereEvents* events) { events_ = events; }

  void Expect(const runtime::Target& target, Nanos calm_time) override;
  void Release(uint64_t version_id) override;
  void Retain(std::vector<uint64_t> version_ids, std::vector<uint64_t> standby) override;
  void Submit(runtime::Ticket ticket, const runtime::Target& target, const js::RequestView* request) override;
  void Cancel(runtime::Ticket ticket) override;
  void BodyArrived(runtime::Ticket ticket) override;
  void ResumeResponse(runtime::Ticket ticket) override;
  void PeerFinished(runtime::Ticket ticket) override;

  // Any thread: runs the task on the shard's thread.
  void Post(std::function<void()> task) { loop_->Post(std::move(task)); }
  // What the host tells, on the shard's thread.
  void OnBegan(runtime::Ticket ticket);
  void OnResponse(runtime::Ticket ticket, const AwayResponse& response);
  void OnFailure(runtime::Ticket ticket, const js::Outcome& outcome);
  void OnChunk(runtime::Ticket ticket, std::string_view bytes);
  void OnResponseEnd(runtime::Ticket ticket, const js::Outcome& outcome);
  void OnBodyWanted(runtime::Ticket ticket);
  void OnBodyTaken(runtime::Ticket ticket, size_t bytes);
  void OnBodyDropped(runtime::Ticket ticket);
  void OnCalm(uint64_t version_id) { events_->OnAwayCalm(version_id); }

  size_t under_way() const { return open_.size(); }

 private:
  struct Open {
    AwayRequestPtr request;
    std::shared_ptr<js::RequestBody> body;  // while it is relayed
    size_t body_credit;
    bool body_wanted = false;
    enum class Answer : uint8_t { kNone, kStreaming, kWhole } answer = Answer::kNone;
    std::string unsent;                     // of a streamed response, for want of room
    bool blocked = false;
    bool ended = false;                     // it has come to its end, behind what is unsent
    js::Outcome end;
  };

  Open* Find(runtime::Ticket ticket);
  void Pump(Open* open);
  void EndBody(Open* open);
  void Offer(Open* open);
  void Erase(Open* open);
  void EraseIfOver(Open* open);

  net::Loop* const loop_;
  OffloadHost* const host_;
  runtime::ElsewhereEvents* events_ = nullptr;
  std::unordered_map<runtime::Ticket, Open> open_;
};

}  // namespace zts::offload
