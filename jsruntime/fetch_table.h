// The outgoing requests of one isolate: whose they are, and what has come of their bodies and was not read.
//
// A request belongs to the invocation that started it and ends with it. JavaScript asks for the next piece of a body; where none is there,
// it is told when one comes, so that a body nobody reads costs no turn.
//
// Owner:    Realm, one an isolate.
// Thread:   the isolate's.
// Limits:   kFetchWindowBytes of each body; the counts are the ops' to enforce.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "jsruntime/fetch.h"

namespace zts::js {

// What a request has beside its body when it is a WebSocket.
struct Socket {
  uint32_t room_bytes = kFetchWindowBytes;         // may be sent
  uint32_t room_messages = kSocketWindowMessages;
  bool wants_room = false;                         // JavaScript waits for more of it
  bool in_pieces = false;                          // JavaScript has the first pieces of the message that arrives
  uint32_t owed_messages = 0;                      // taken, and not told yet
};

struct Fetch {
  uint64_t serial = 0;    // of its invocation
  std::string unread;     // of the response's body
  bool reading = false;   // JavaScript waits for a piece, or for the end
  bool ended = false;     // nothing more comes; it does not count any more as under way
  uint32_t owed = 0;      // taken, and no credit given for it yet
  std::unique_ptr<Socket> socket;  // of a WebSocket
};

class FetchTable {
 public:
  Fetch& Add(FetchId id, uint64_t serial) {
    Fetch& fetch = fetches_[id];
    fetch.serial = serial;
    return fetch;
  }
  Fetch* Find(FetchId id) {
    const auto found = fetches_.find(id);
    return found == fetches_.end() ? nullptr : &found->second;
  }
  void Remove(FetchId id) { fetches_.erase(id); }
  bool empty() const { return fetches_.empty(); }

  // Removes those of an invocation that is over; `door` is told of those under way. JavaScript is told later: they stand in orphans().
  void Abandon(uint64_t serial, FetchDoor* door);
  std::vector<FetchId>& orphans() { return orphans_; }

 private:
  std::unordered_map<FetchId, Fetch> fetches_;
  std::vector<FetchId> orphans_;
};

}  // namespace zts::js
