// The pool's way out for its functions' requests: whoever carries them to the egress process and back.
//
// Owner:    PoolHost.
// Thread:   the shard's.
// Life:     outlives the pool's isolates. Events come through Pool::OnFetch, never from inside a call of these.
#pragma once

#include <cstdint>

#include "jsruntime/fetch.h"

namespace zts::runtime {

// Whose request it is.
struct FetchOwner {
  uint64_t instance = 0;  // the pool's name of the isolate; what Pool::OnFetch is given back
  uint64_t version_id = 0;
  uint32_t counter_row = 0;
};

// As js::FetchDoor, with the owner named.
class FetchGate {
 public:
  virtual ~FetchGate() = default;
  virtual js::FetchId Start(const FetchOwner& owner, const js::FetchRequest& request) = 0;
  virtual void SendBody(js::FetchId id, std::string_view bytes) = 0;
  virtual void FinishBody(js::FetchId id) = 0;
  virtual void Rewound(js::FetchId id) = 0;
  virtual void ReadMore(js::FetchId id, uint32_t bytes) = 0;
  virtual void Cancel(js::FetchId id) = 0;
  virtual void SendMessage(js::FetchId id, js::SocketMessage kind, uint64_t bytes) = 0;
  virtual void CloseSocket(js::FetchId id, uint16_t code, std::string_view reason) = 0;
  virtual void MessagesTaken(js::FetchId id, uint32_t bytes, uint32_t messages) = 0;
  // All that one isolate has under way: it is gone.
  virtual void CancelAll(uint64_t instance) = 0;
};

}  // namespace zts::runtime
