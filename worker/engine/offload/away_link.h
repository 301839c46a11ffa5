// The near end: sends a shard's requests to where they are run and tells the pool what becomes of them.
//
//   pool --Submit--> link --FarEnd--> ... --> AwayRuns --> pool over there --> isolate
//   pool <--events-- link <--NearEnd- ... <--
//
// Bodies that stream are relayed through windows, so that back-pressure reaches from the function to the socket and back: what the
// function has taken comes back as credit, and what the client has taken too.
//
// Owner:    Shard: one for the offload threads; a ClassLink for its class.
// Thread:   the shard's, the constructor included.
// Life:     the far end outlives it.
// Limits:   kBodyWindowBytes in, kStreamBufferBytes out, a request.
// Errors:   what a far end says that makes no sense (a second answer, more than there is room for) is dropped.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "jsruntime/isolate.h"
#include "worker/engine/offload/away_ends.h"
#include "worker/engine/offload/away_request.h"
#include "worker/engine/runtime/elsewhere.h"

namespace zts::offload {

class AwayLink final : public runtime::Elsewhere, public NearEnd {
 public:
  explicit AwayLink(FarEnd* far) : far_(far) {}
  // Once, before the first request.
  void Connect(runtime::ElsewhereEvents* events) { events_ = events; }

  void Expect(const runtime::Target& target, Nanos calm_time) override { far_->Expect(target, calm_time); }
  void Release(uint64_t version_id) override { far_->Release(version_id); }
  void Retain(std::vector<uint64_t> version_ids, std::vector<uint64_t> standby) override {
    far_->Retain(std::move(version_ids), std::move(standby));
  }
  void Submit(runtime::Ticket ticket, const runtime::Target& target, const js::RequestView* request) override;
  void Cancel(runtime::Ticket ticket) override;
  void BodyArrived(runtime::Ticket ticket) override;
  void ResumeResponse(runtime::Ticket ticket) override;
  void PeerFinished(runtime::Ticket ticket) override;

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
  void OnCalm(uint64_t version_id) override { events_->OnAwayCalm(version_id); }

  // The far end is gone, and with it all that it had: each request ends as if it had told of this outcome.
  void LoseAll(const js::Outcome& outcome);

  // Of one version, those that are neither over nor cancelled.
  std::vector<AwayRequestPtr> RequestsOf(uint64_t version_id) const;
  bool has(runtime::Ticket ticket) const { return open_.count(ticket) > 0; }
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

  FarEnd* const far_;
  runtime::ElsewhereEvents* events_ = nullptr;
  std::unordered_map<runtime::Ticket, Open> open_;
};

}  // namespace zts::offload
