// From a version's id to what the pool keeps of it: a flat hash table, one probe for nearly every request.
//
// Owner:    Pool.
// Thread:   one.
// Life:     values stay at their address until Erase.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace zts::runtime {

template <typename T>
class VersionTable {
 public:
  VersionTable() : cells_(kCellsMin) {}

  T* Find(uint64_t id) const {
    for (size_t i = Home(id);; i = Next(i)) {
      if (cells_[i].value == nullptr) return nullptr;
      if (cells_[i].id == id) return cells_[i].value.get();
    }
  }

  // REQUIRES: Find(id) == nullptr.
  T* Insert(uint64_t id, std::unique_ptr<T> value) {
    if ((size_ + 1) * 2 > cells_.size()) Grow();
    ++size_;
    return Place({id, std::move(value)});
  }

  // Takes the value out; the cells that were pushed along behind it move up, so that no tombstones are needed.
  std::unique_ptr<T> Erase(uint64_t id) {
    size_t hole = Home(id);
    while (cells_[hole].value != nullptr && cells_[hole].id != id) hole = Next(hole);
    std::unique_ptr<T> erased = std::move(cells_[hole].value);
    if (erased == nullptr) return nullptr;
    --size_;
    for (size_t i = Next(hole); cells_[i].value != nullptr; i = Next(i)) {
      const size_t mask = cells_.size() - 1;
      if (((i - Home(cells_[i].id)) & mask) < ((i - hole) & mask)) continue;  // already between its home and the hole
      cells_[hole] = std::move(cells_[i]);
      hole = i;
    }
    return erased;
  }

  // Calls f(T&) for each; f does not change the table.
  template <typename F>
  void ForEach(F&& f) const {
    for (const Cell& cell : cells_) {
      if (cell.value != nullptr) f(*cell.value);
    }
  }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kCellsMin = 64;
  struct Cell {
    uint64_t id = 0;
    std::unique_ptr<T> value;
  };

  // Ids are creation counts and version numbers put together: multiplied so that their low bits spread (2^64 / golden ratio).
  size_t Home(uint64_t id) const { return (id * 0x9e3779b97f4a7c15u >> 32) & (cells_.size() - 1); }
  size_t Next(size_t i) const { return (i + 1) & (cells_.size() - 1); }

  T* Place(Cell cell) {
    size_t i = Home(cell.id);
    while (cells_[i].value != nullptr) i = Next(i);
    cells_[i] = std::move(cell);
    return cells_[i].value.get();
  }

  void Grow() {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    for (Cell& cell : old) {
      if (cell.value != nullptr) Place(std::move(cell));
    }
  }

  std::vector<Cell> cells_;
  size_t size_ = 0;
};

}  // namespace zts::runtime
