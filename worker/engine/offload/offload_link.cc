#include "worker/engine/offload/offload_link.h"

#include <algorithm>
#include <utility>

#include "worker/engine/limits.h"
#include "worker/engine/offload/offload_host.h"

namespace zts::offload {

using runtime::Ticket;

OffloadLink::Open* OffloadLink::Find(Ticket ticket) {
  const auto found = open_.find(ticket);
  return found != open_.end() ? &found->second : nullptr;
}

// ---- out: what the pool asks --------------------------------------------------------------------------------------------------

void OffloadLink::Expect(const runtime::Target& target, Nanos calm_time) {
  host_->Post([host = host_, link = this, target, calm_time] { host->Expect(link, target, calm_time); });
}

void OffloadLink::Release(uint64_t version_id) {
  host_->Post([host = host_, version_id] { host->Release(version_id); });
}

void OffloadLink::Retain(std::vector<uint64_t> version_ids, std::vector<uint64_t> standby) {
  host_->Post([host = host_, ids = std::move(version_ids), spare = std::move(standby)] { host->Retain(ids, spare); });
}

void OffloadLink::Submit(Ticket ticket, const runtime::Target& target, const js::RequestView* request) {
  Open& open = open_[ticket];
  open.request = std::make_shared<AwayRequest>(ticket, target, *request);
  open.body_credit = kBodyWindowBytes;
  if (request->stream != nullptr) open.body = request->stream->shared_from_this();
  host_->Post([host = host_, link = this, away = open.request] { host->Begin(link, away); });
}

void OffloadLink::Cancel(Ticket ticket) {
  const auto found = open_.find(ticket);
  if (found == open_.end()) return;
  const AwayRequestPtr away = std::move(found->second.request);
  const std::shared_ptr<js::RequestBody> body = std::move(found->second.body);
  open_.erase(found);
  if (body != nullptr) body->Drop();
  away->withdrawn.store(true, std::memory_order_relaxed);
  host_->Post([host = host_, away] { host->Cancel(*away); });
}

void OffloadLink::PeerFinished(Ticket ticket) {
  const Open* open = Find(ticket);
  if (open == nullptr) return;
  host_->Post([host = host_, away = open->request] { host->PeerFinished(*away); });
}

void OffloadLink::BodyArrived(Ticket ticket) {
  Open* open = Find(ticket);
  if (open == nullptr || open->body == nullptr) return;
  open->body->StopWaiting();
  Pump(open);
  EraseIfOver(open);
}

void OffloadLink::ResumeResponse(Ticket ticket) {
  Open* open = Find(ticket);
  if (open == nullptr) return;
  open->blocked = false;
  Offer(open);
}

// ---- the request's body -----------------------------------------------------------------------------------------------------

// Sends on what the function has asked for, as far as its window has room.
void OffloadLink::Pump(Open* open) {
  js::RequestBody* body = open->body.get();
  if (body == nullptr || !open->body_wanted) return;
  if (body->state() == js::RequestBody::State::kFailed) {
    host_->Post([host = host_, away = open->request, why = body->failure()] { host->BodyFailed(*away, why); });
    return EndBody(open);
  }
  const size_t bytes = std::min(body->size(), open->body_credit);
  if (bytes > 0) {
    open->body_credit -= bytes;
    host_->Post([host = host_, away = open->request, text = std::string(body->bytes().substr(0, bytes))] {
      host->BodyArrived(*away, text);
    });
    body->Take(bytes);
  }
  if (body->size() > 0) return;  // until there is credit
  if (body->state() == js::RequestBody::State::kOpen) return body->Wait();
  host_->Post([host = host_, away = open->request] { host->BodyComplete(*away); });
  EndBody(open);
}

void OffloadLink::EndBody(Open* open) {
  open->body.reset();
  if (open->answer == Open::Answer::kWhole) events_->OnAwayBodyDone(open->request->ticket);
}

void OffloadLink::OnBodyWanted(Ticket ticket) {
  Open* open = Find(ticket);
  if (open == nullptr) return;
  open->body_wanted = true;
  Pump(open);
  EraseIfOver(open);
}

void OffloadLink::OnBodyTaken(Ticket ticket, size_t bytes) {
  Open* open = Find(ticket);
  if (open == nullptr) return;
  open->body_credit += bytes;
  Pump(open);
  EraseIfOver(open);
}

void OffloadLink::OnBodyDropped(Ticket ticket) {
  Open* open = Find(ticket);
  if (open == nullptr || open->body == nullptr) return;
  open->body->Drop();
  EndBody(open);
  EraseIfOver(open);
}

// ---- in: what becomes of a request ------------------------------------------------------------------------------------------

void OffloadLink::OnBegan(Ticket ticket) {
  if (Find(ticket) != nullptr) events_->OnAwayBegan(ticket);
}

void OffloadLink::OnResponse(Ticket ticket, const AwayResponse& response) {
  Open* open = Find(ticket);
  if (open == nullptr) return;
  const bool streams = response.form() == js::ResponseView::Form::kStream;
  open->answer = streams ? Open::Answer::kStreaming : Open::Answer::kWhole;
  using Body = runtime::ElsewhereEvents::Body;
  events_->OnAwayResponse(ticket, response, open->body != nullptr ? Body::kReads : Body::kDone);
  EraseIfOver(open);
}

void OffloadLink::OnFailure(Ticket ticket, const js::Outcome& outcome) {
  Open* open = Find(ticket);
  if (open == nullptr) return;
  Erase(open);
  events_->OnAwayFailure(ticket, outcome);
}

void OffloadLink::OnChunk(Ticket ticket, std::string_view bytes) {
  Open* open = Find(ticket);
  if (open == nullptr) return;
  open->unsent.append(bytes);
  Offer(open);
}

void OffloadLink::OnResponseEnd(Ticket ticket, const js::Outcome& outcome) {
  Open* open = Find(ticket);
  if (open == nullptr) return;
  open->ended = true;
  open->end = outcome;
  // One that fails does not wait for a client that does not read.
  if (!outcome.ok()) open->unsent.clear();
  Offer(open);
}

// Hands on what there is while there is room, then the end.
void OffloadLink::Offer(Open* open) {
  const Ticket ticket = open->request->ticket;
  size_t taken = 0;
  while (!open->blocked && taken < open->unsent.size()) {
    const auto step = events_->OnAwayChunk(ticket, std::string_view(open->unsent).substr(taken));
    taken += step.bytes;
    open->blocked = step.room == js::IsolateClient::Room::kNo;
  }
  open->unsent.erase(0, taken);
  if (taken > 0 && !open->ended) host_->Post([host = host_, away = open->request, taken] { host->ChunkTaken(*away, taken); });
  if (!open->ended || !open->unsent.empty()) return;
  const js::Outcome end = std::move(open->end);
  Erase(open);
  events_->OnAwayEnd(ticket, end);
}

// With the end of its answer nobody reads the body on.
void OffloadLink::Erase(Open* open) {
  const std::shared_ptr<js::RequestBody> body = std::move(open->body);
  open_.erase(open->request->ticket);
  if (body != nullptr) body->Drop();
}

void OffloadLink::EraseIfOver(Open* open) {
  if (open->answer == Open::Answer::kWhole && open->body == nullptr) open_.erase(open->request->ticket);
}

}  // namespace zts::offload
