#include "jsruntime/wasm_pages.h"

#include <sys/mman.h>
#include <v8.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include "jsruntime/import_hook.h"

namespace zts::js {
namespace {

// What V8 has reserved for one memory. Usable are the pages from `usable_begin` to `usable_end`.
struct Reservation {
  uintptr_t end = 0;
  uintptr_t usable_begin = 0;
  uintptr_t usable_end = 0;
  std::shared_ptr<PageQuota> quota;
};

class Reservations {
 public:
  // Never destroyed: threads of the host may free memory while the process ends.
  static Reservations& Get() {
    static auto& all = *new Reservations;
    return all;
  }
  bool empty() const { return count_.load(std::memory_order_acquire) == 0; }

  void Add(uintptr_t begin, Reservation reservation) {
    const std::lock_guard lock(mutex_);
    by_begin_[begin] = std::move(reservation);
    count_.store(by_begin_.size(), std::memory_order_release);
  }

  // The pages are about to become usable; false: they may not. `fresh` becomes where those begin that were not so before. Outside
  // reservations: always, and none is fresh.
  bool Take(uintptr_t begin, uintptr_t end, uintptr_t* fresh) {
    *fresh = end;
    const std::lock_guard lock(mutex_);
    const auto found = Find(begin);
    if (found == by_begin_.end()) return true;
    Reservation& reservation = found->second;
    if (reservation.usable_begin == reservation.usable_end) reservation.usable_begin = reservation.usable_end = begin;
    if (end <= reservation.usable_end) return true;
    if (!reservation.quota->Take(end - reservation.usable_end)) return false;
    *fresh = std::exchange(reservation.usable_end, end);
    return true;
  }

  // The pages are of no use any more.
  void GiveBack(uintptr_t begin, uintptr_t end) {
    const std::lock_guard lock(mutex_);
    const auto found = Find(begin);
    if (found == by_begin_.end()) return;
    Reservation& reservation = found->second;
    if (begin >= reservation.usable_end || end < reservation.usable_end || begin < reservation.usable_begin) return;
    reservation.quota->GiveBack(reservation.usable_end - begin);
    reservation.usable_end = begin;
  }

  void Remove(uintptr_t begin) {
    Reservation removed;
    {
      const std::lock_guard lock(mutex_);
      const auto found = Find(begin);
      if (found == by_begin_.end()) return;
      removed = std::move(found->second);
      removed.quota->Unreserve(removed.end - found->first);
      by_begin_.erase(found);
      count_.store(by_begin_.size(), std::memory_order_release);
    }
    removed.quota->GiveBack(removed.usable_end - removed.usable_begin);
  }

 private:
  using Map = std::map<uintptr_t, Reservation>;
  Map::iterator Find(uintptr_t address) {
    const auto after = by_begin_.upper_bound(address);
    if (after == by_begin_.begin()) return by_begin_.end();
    const auto found = std::prev(after);
    return address < found->second.end ? found : by_begin_.end();
  }

  std::mutex mutex_;
  Map by_begin_;
  std::atomic<size_t> count_{0};
};

FindQuota g_find_quota = nullptr;
std::atomic<bool> g_seen{false};  // a reservation by the host itself: the probe's

void* OnMap(void* address, size_t length, int protection, int flags, int fd, off64_t offset) {
  if (protection != PROT_NONE || length < kReservationBytesMin) return ::mmap(address, length, protection, flags, fd, offset);
  std::shared_ptr<PageQuota> quota = g_find_quota();
  if (quota == nullptr) {
    g_seen.store(true);
    return ::mmap(address, length, protection, flags, fd, offset);
  }
  if (!quota->Reserve(length)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void* mapped = ::mmap(address, length, protection, flags, fd, offset);
  if (mapped == MAP_FAILED) {
    quota->Unreserve(length);
    return MAP_FAILED;
  }
  const auto begin = reinterpret_cast<uintptr_t>(mapped);
  Reservations::Get().Add(begin, {.end = begin + length, .quota = std::move(quota)});
  return mapped;
}

int OnProtect(void* address, size_t length, int protection) {
  Reservations& reservations = Reservations::Get();
  if (reservations.empty()) return ::mprotect(address, length, protection);
  const auto begin = reinterpret_cast<uintptr_t>(address);
  uintptr_t fresh = begin;
  if (protection != PROT_NONE && !reservations.Take(begin, begin + length, &fresh)) {
    errno = ENOMEM;
    return -1;
  }
  const int result = ::mprotect(address, length, protection);
  if ((result == 0) == (protection == PROT_NONE) && fresh < begin + length) reservations.GiveBack(fresh, begin + length);
  return result;
}

// A reservation goes whole; forgotten first, as the kernel may give its addresses to another thread at once. What V8 cuts off one to align
// it is less than a page of Wasm's.
int OnUnmap(void* address, size_t length) {
  if (length >= kReservationBytesMin) Reservations::Get().Remove(reinterpret_cast<uintptr_t>(address));
  return ::munmap(address, length);
}

// Makes a Wasm memory in the host's own isolate, to see that it comes by here.
bool Probe() {
  v8::Isolate* isolate = v8::Isolate::TryGetCurrent();
  if (isolate == nullptr || !isolate->InContext()) return false;
  const v8::HandleScope handles(isolate);
  const v8::TryCatch caught(isolate);
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Script> script;
  v8::Local<v8::Value> memory;
  const auto source = v8::String::NewFromUtf8Literal(isolate, "new WebAssembly.Memory({ initial: 1, maximum: 1 })");
  return v8::Script::Compile(context, source).ToLocal(&script) && script->Run(context).ToLocal(&memory) && g_seen.load();
}

Status InstallOnce(FindQuota find_quota) {
  g_find_quota = find_quota;
  ZTS_RETURN_IF_ERROR(ReplaceImport("mmap64", reinterpret_cast<void*>(OnMap)));
  ZTS_RETURN_IF_ERROR(ReplaceImport("mprotect", reinterpret_cast<void*>(OnProtect)));
  ZTS_RETURN_IF_ERROR(ReplaceImport("munmap", reinterpret_cast<void*>(OnUnmap)));
  if (Probe()) return {};
  return Error{ErrorCode::kUnsupported,
               "Wasm memories do not reserve their addresses as expected (is the address space limited, ulimit -v?); functions do without "
               "WebAssembly"};
}

std::atomic<bool> g_installed{false};

}  // namespace

Status WasmPages::Install(FindQuota find_quota) {
  static const Status result = [&] {
    Status status = InstallOnce(find_quota);
    g_installed.store(status.ok());
    return status;
  }();
  if (result.ok()) return {};
  return Error{result.error()};
}

bool WasmPages::installed() { return g_installed.load(std::memory_order_relaxed); }

}  // namespace zts::js
