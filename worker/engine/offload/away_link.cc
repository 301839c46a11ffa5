#include "worker/engine/offload/away_link.h"

#include <algorithm>
#include <utility>

#include "worker/engine/limits.h"

namespace zts::offload {

using runtime::Ticket;

AwayLink::Open* AwayLink::Find(Ticket ticket) {
  const auto found = open_.find(ticket);
  return found != open_.end() ? &found->second : nullptr;
}

// ---- out: what the pool asks --------------------------------------------------------------------------------------------------

void AwayLink::Submit(Ticket ticket, const runtime::Target& target, const js::RequestView* request) {
  Open& open = open_[ticket];
  open.request = std::make_shared<AwayRequest>(ticket, target, *request,
                                               request->stream != nullptr ? AwayRequest::Body::kStreams : AwayRequest::Body::kWhole);
  open.body_credit = kBodyWindowBytes;
  if (request->stream != nullptr) open.body = request->stream->shared_from_this();
  far_->Begin(open.request);
}

void AwayLink::Cancel(Ticket ticket) {
  const auto found = open_.find(ticket);
  if (found == open_.end()) return;
  const AwayRequestPtr away = std::move(found->second.request);
  const std::shared_ptr<js::RequestBody> body = std::move(found->second.body);
  open_.erase(found);
  if (body != nullptr) body->Drop();
  far_->Cancel(away);
}

void AwayLink::PeerFinished(Ticket ticket) {
  const Open* open = Find(ticket);
  if (open == nullptr) return;
  far_->PeerFinished(open->request);
}

void AwayLink::BodyArrived(Ticket ticket) {
  Open* open = Find(ticket);
  if (open == nullptr || open->body == nullptr) return;
  open->body->StopWaiting();
  Pump(open);
  EraseIfOver(open);
}

void AwayLink::ResumeResponse(Ticket ticket) {
  Open* open = Find(ticket);
  if (open == nullptr) return;
  open->blocked = false;
  Offer(open);
}

// ---- the request's body -----------------------------------------------------------------------------------------------------

// Sends on what the function has asked for, as far as its window has room.
void AwayLink::Pump(Open* open) {
  js::RequestBody* body = open->body.get();
  if (body == nullptr || !open->body_wanted) return;
  if (body->state() == js::RequestBody::State::kFailed) {
    far_->BodyFailed(open->request, body->failure());
    return EndBody(open);
  }
  const size_t bytes = std::min(body->size(), open->body_credit);
  if (bytes > 0) {
    open->body_credit -= bytes;
    far_->BodyArrived(open->request, body->bytes().substr(0, bytes));
    body->Take(bytes);
  }
  if (body->size() > 0) return;  // until there is credit
  if (body->state() == js::RequestBody::State::kOpen) return body->Wait();
  far_->BodyComplete(open->request);
  EndBody(open);
}

void AwayLink::EndBody(Open* open) {
  open->body.reset();
  if (open->answer == Open::Answer::kWhole) events_->OnAwayBodyDone(open->request->ticket);
}

void AwayLink::OnBodyWanted(Ticket ticket) {
  Open* open = Find(ticket);
  if (open == nullptr) return;
  open->body_wanted = true;
  Pump(open);
  EraseIfOver(open);
}

void AwayLink::OnBodyTaken(Ticket ticket, size_t bytes) {
  Open* open = Find(ticket);
  if (open == nullptr) return;
  open->body_credit = std::min(open->body_credit + std::min(bytes, kBodyWindowBytes), kBodyWindowBytes);
  Pump(open);
  EraseIfOver(open);
}

void AwayLink::OnBodyDropped(Ticket ticket) {
  Open* open = Find(ticket);
  if (open == nullptr || open->body == nullptr) return;
  open->body->Drop();
  EndBody(open);
  EraseIfOver(open);
}

// ---- in: what becomes of a request ------------------------------------------------------------------------------------------

void AwayLink::OnBegan(Ticket ticket) {
  if (Find(ticket) != nullptr) events_->OnAwayBegan(ticket);
}

void AwayLink::OnCold(Ticket ticket) {
  if (Find(ticket) != nullptr) events_->OnAwayCold(ticket);
}

void AwayLink::OnColdAnswer(Ticket ticket, const runtime::ColdTimes& times) {
  const Open* open = Find(ticket);
  if (open != nullptr && open->answer == Open::Answer::kNone) events_->OnAwayColdAnswer(ticket, times);
}

void AwayLink::OnResponse(Ticket ticket, const js::ResponseView& response) {
  Open* open = Find(ticket);
  if (open == nullptr || open->answer != Open::Answer::kNone) return;
  const bool streams = response.form() == js::ResponseView::Form::kStream;
  open->answer = streams ? Open::Answer::kStreaming : Open::Answer::kWhole;
  using Body = runtime::ElsewhereEvents::Body;
  events_->OnAwayResponse(ticket, response, open->body != nullptr ? Body::kReads : Body::kDone);
  if (Open* still = Find(ticket)) EraseIfOver(still);
}

void AwayLink::OnFailure(Ticket ticket, const js::Outcome& outcome) {
  Open* open = Find(ticket);
  if (open == nullptr || open->answer != Open::Answer::kNone) return;
  Erase(open);
  events_->OnAwayFailure(ticket, outcome);
}

void AwayLink::OnChunk(Ticket ticket, std::string bytes) {
  Open* open = Find(ticket);
  if (open == nullptr || open->answer != Open::Answer::kStreaming || open->ended) return;
  if (bytes.size() > kStreamBufferBytes - std::min(open->unsent.size(), kStreamBufferBytes)) return;
  open->unsent.append(bytes);
  Offer(open);
}

void AwayLink::OnResponseEnd(Ticket ticket, const js::Outcome& outcome) {
  Open* open = Find(ticket);
  if (open == nullptr || open->answer != Open::Answer::kStreaming || open->ended) return;
  open->ended = true;
  open->end = outcome;
  // One that fails does not wait for a client that does not read.
  if (!outcome.ok()) open->unsent.clear();
  Offer(open);
}

// Hands on what there is while there is room, then the end.
void AwayLink::Offer(Open* open) {
  const Ticket ticket = open->request->ticket;
  size_t taken = 0;
  while (!open->blocked && taken < open->unsent.size()) {
    const auto step = events_->OnAwayChunk(ticket, std::string_view(open->unsent).substr(taken));
    taken += step.bytes;
    open->blocked = step.room == js::IsolateClient::Room::kNo;
  }
  open->unsent.erase(0, taken);
  if (taken > 0 && !open->ended) far_->ChunkTaken(open->request, taken);
  if (!open->ended || !open->unsent.empty()) return;
  const js::Outcome end = std::move(open->end);
  Erase(open);
  events_->OnAwayEnd(ticket, end);
}

// With the end of its answer nobody reads the body on.
void AwayLink::Erase(Open* open) {
  const std::shared_ptr<js::RequestBody> body = std::move(open->body);
  open_.erase(open->request->ticket);
  if (body != nullptr) body->Drop();
}

std::vector<AwayRequestPtr> AwayLink::RequestsOf(uint64_t version_id) const {
  std::vector<AwayRequestPtr> requests;
  for (const auto& [ticket, open] : open_) {
    if (open.request->target.version_id == version_id) requests.push_back(open.request);
  }
  return requests;
}

void AwayLink::LoseAll(const js::Outcome& outcome) {
  std::vector<Ticket> tickets;
  for (const auto& [ticket, open] : open_) tickets.push_back(ticket);
  for (const Ticket ticket : tickets) {
    const Open* open = Find(ticket);
    if (open == nullptr) continue;
    switch (open->answer) {
      case Open::Answer::kNone: OnFailure(ticket, outcome); break;
      case Open::Answer::kStreaming: OnResponseEnd(ticket, outcome); break;
      case Open::Answer::kWhole: OnBodyDropped(ticket); break;
    }
  }
}

void AwayLink::EraseIfOver(Open* open) {
  if (open->answer == Open::Answer::kWhole && open->body == nullptr) open_.erase(open->request->ticket);
}

}  // namespace zts::offload
