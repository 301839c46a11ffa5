#include "worker/engine/runtime/request_table.h"

#include <gtest/gtest.h>

#include <memory>

namespace zts::runtime {
namespace {

class RequestTableTest : public testing::Test {
 protected:
  RequestTableTest() {
    queues_.row = row_.get();
    queues_.in_flight = &row_->in_flight;
  }
  Request* Add(RequestId id) { return table_.Add(id, nullptr, nullptr, &queues_); }

  std::unique_ptr<ipc::FunctionCounters> row_ = std::make_unique<ipc::FunctionCounters>();
  ipc::Counter queued_{};
  VersionQueues queues_;
  RequestTable table_{&queued_};
};

TEST_F(RequestTableTest, NewOneStandsInNoListAndIsInFlight) {
  const Request* request = Add(7);
  EXPECT_EQ(request->id, 7u);
  EXPECT_EQ(table_.Find(request->ticket()), request);
  EXPECT_TRUE(queues_.empty());
  EXPECT_EQ(queues_.due(), 0);
  EXPECT_EQ(row_->in_flight.Read(), 1u);
}

TEST_F(RequestTableTest, WaitingOnesKeepTheirOrderAndAreCounted) {
  Request* first = Add(1);
  Request* second = Add(2);
  Request* third = Add(3);
  table_.Wait(first, 1, 10);
  table_.Wait(second, 2, 20);
  table_.Wait(third, 3, 30);
  EXPECT_EQ(queued_.Read(), 3u);
  table_.Forget(second);
  EXPECT_EQ(queues_.waiting.front(), first);
  EXPECT_EQ(first->next, third);
  table_.Forget(first);
  EXPECT_EQ(queues_.waiting.front(), third);
  table_.Forget(third);
  EXPECT_TRUE(queues_.empty());
  EXPECT_EQ(queued_.Read(), 0u);
  EXPECT_EQ(row_->in_flight.Read(), 0u);
}

TEST_F(RequestTableTest, GoesFromWaitingToRunning) {
  Request* request = Add(1);
  table_.Wait(request, 1, 10);
  table_.Unlist(request);
  EXPECT_EQ(queued_.Read(), 0u);
  EXPECT_TRUE(queues_.empty());
  table_.Run(request, 50);
  EXPECT_EQ(queues_.running.front(), request);
  EXPECT_EQ(row_->in_flight.Read(), 1u);
  table_.Forget(request);
  EXPECT_TRUE(queues_.empty());
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(RequestTableTest, TheEarlierListIsDueFirst) {
  Request* waits = Add(1);
  Request* runs = Add(2);
  table_.Run(runs, 30);
  EXPECT_EQ(queues_.due(), 30);
  table_.Wait(waits, 1, 20);
  EXPECT_EQ(queues_.due(), 20);
  EXPECT_FALSE(queues_.waiting.IsDue(19));
  EXPECT_TRUE(queues_.waiting.IsDue(20));
  EXPECT_FALSE(queues_.running.IsDue(20));
  table_.Unlist(waits);
  EXPECT_EQ(queues_.due(), 30);
}

TEST_F(RequestTableTest, StaleTicketFindsNothingWhenItsPlaceIsTakenAgain) {
  Request* request = Add(1);
  const Ticket stale = request->ticket();
  table_.Forget(request);
  const Request* next = Add(2);
  EXPECT_EQ(next->slot.index, SlotId::Unpack(stale).index);
  EXPECT_EQ(table_.Find(stale), nullptr);
}

TEST_F(RequestTableTest, IsFullAtTheLimitOfConnections) {
  while (table_.size() < kConnectionsMax - 1) Add(1);
  EXPECT_FALSE(table_.full());
  Request* last = Add(2);
  EXPECT_TRUE(table_.full());
  table_.Forget(last);
  EXPECT_FALSE(table_.full());
}

}  // namespace
}  // namespace zts::runtime
