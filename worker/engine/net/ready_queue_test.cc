#include "worker/engine/net/ready_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <span>

namespace zts::net {
namespace {

struct Connection {
  enum class State : uint8_t { kFree, kOpen };
  State state = State::kFree;
  uint32_t generation = 1;
};

class ReadyQueueTest : public testing::Test {
 protected:
  ReadyQueueTest() { connections_.At(5).state = Connection::State::kOpen; }
  size_t Deliver(size_t room) {
    Batch batch{std::span(out_).first(room)};
    queue_.DeliverTo(&batch, &connections_);
    return batch.count;
  }

  HandleTable<Connection> connections_;
  ReadyQueue queue_;
  std::array<Completion, 4> out_;
};

TEST_F(ReadyQueueTest, TellsInOrderWhatThereIsRoomFor) {
  queue_.Push({Event::kSent, 0, 5, 1, {}});
  queue_.Push({Event::kRecv, -ECONNRESET, 5, 1, {}});
  ASSERT_EQ(Deliver(1), 1u);
  EXPECT_EQ(out_[0].event, Event::kSent);
  ASSERT_EQ(Deliver(4), 1u);
  EXPECT_EQ(out_[0].event, Event::kRecv);
  EXPECT_EQ(out_[0].error, -ECONNRESET);
  EXPECT_EQ(queue_.size(), 0u);
}

TEST_F(ReadyQueueTest, DropsWhatIsForAConnectionThatIsNotOpen) {
  queue_.Push({Event::kSent, 0, 5, 1, {}});
  connections_.At(5).state = Connection::State::kFree;
  EXPECT_EQ(Deliver(4), 0u);
}

TEST_F(ReadyQueueTest, DropsWhatIsForTheLastOneOfThisHandle) {
  queue_.Push({Event::kSent, 0, 5, 1, {}});
  connections_.At(5).generation = 2;
  EXPECT_EQ(Deliver(4), 0u);
}

TEST_F(ReadyQueueTest, AlwaysTellsOfABeginningAndAnEnd) {
  queue_.Push({Event::kAccept, 0, 6, 0, {}});
  queue_.Push({Event::kClosed, 0, 5, 9, {}});
  ASSERT_EQ(Deliver(4), 2u);
  EXPECT_EQ(out_[0].event, Event::kAccept);
  EXPECT_EQ(out_[1].event, Event::kClosed);
}

}  // namespace
}  // namespace zts::net
