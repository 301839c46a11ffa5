// Things that become due, ordered by when: a binary heap whose nodes are part of their users' objects and can be moved or taken out.
//
// Owner:    Pool.
// Thread:   one.
// Life:     a node stays at its address while it is in the heap, and is removed before it goes (CHECKed).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"

namespace zts::runtime {

class DueHeap;

class DueNode {
 public:
  DueNode() = default;
  ~DueNode() { ZTS_CHECK(position_ == kNowhere); }
  DueNode(const DueNode&) = delete;
  DueNode& operator=(const DueNode&) = delete;
  Nanos due() const { return position_ == kNowhere ? 0 : due_; }

 private:
  friend class DueHeap;
  static constexpr size_t kNowhere = ~size_t{0};
  Nanos due_ = 0;
  size_t position_ = kNowhere;
};

class DueHeap {
 public:
  // Puts the node in, moves it, or takes it out (when == 0). O(log n).
  void Set(DueNode* node, Nanos when) {
    if (when == 0) return Remove(node);
    if (node->position_ == DueNode::kNowhere) {
      node->position_ = nodes_.size();
      nodes_.push_back(node);
    }
    node->due_ = when;
    Down(Up(node->position_));
  }

  void Remove(DueNode* node) {
    const size_t position = node->position_;
    if (position == DueNode::kNowhere) return;
    node->position_ = DueNode::kNowhere;
    DueNode* last = nodes_.back();
    nodes_.pop_back();
    if (last == node) return;
    Put(position, last);
    Down(Up(position));
  }

  // The earliest, or null.
  DueNode* top() const { return nodes_.empty() ? nullptr : nodes_.front(); }
  // 0 when empty.
  Nanos next() const { return nodes_.empty() ? 0 : nodes_.front()->due_; }
  size_t size() const { return nodes_.size(); }

 private:
  void Put(size_t position, DueNode* node) {
    nodes_[position] = node;
    node->position_ = position;
  }
  size_t Up(size_t position) {
    DueNode* node = nodes_[position];
    while (position > 0 && node->due_ < nodes_[(position - 1) / 2]->due_) {
      Put(position, nodes_[(position - 1) / 2]);
      position = (position - 1) / 2;
    }
    Put(position, node);
    return position;
  }
  void Down(size_t position) {
    DueNode* node = nodes_[position];
    for (size_t child = 2 * position + 1; child < nodes_.size(); child = 2 * position + 1) {
      if (child + 1 < nodes_.size() && nodes_[child + 1]->due_ < nodes_[child]->due_) ++child;
      if (node->due_ <= nodes_[child]->due_) break;
      Put(position, nodes_[child]);
      position = child;
    }
    Put(position, node);
  }

  std::vector<DueNode*> nodes_;
};

}  // namespace zts::runtime
