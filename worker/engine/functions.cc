#include "worker/engine/functions.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "worker/engine/limits.h"

namespace zts {
namespace {

// A read-only mapping of a whole file, until the last Script that points into it is gone.
class Mapping {
 public:
  Mapping(void* memory, size_t bytes) : memory_(memory), bytes_(bytes) {}
  ~Mapping() {
    if (bytes_ > 0) ::munmap(memory_, bytes_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::string_view text() const { return {static_cast<const char*>(memory_), bytes_}; }

 private:
  void* memory_;
  size_t bytes_;
};

// Without the seals the sender could change the bytes under a running isolate, or take them away (SIGBUS).
Result<std::shared_ptr<const Mapping>> MapSealed(const UniqueFd& file, size_t bytes) {
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_WRITE;
  const int seals = ::fcntl(file.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return Error{ErrorCode::kCorrupt, "the memory file is not sealed"};
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return Error::FromErrno("fstat");
  if (status.st_size < 0 || static_cast<size_t>(status.st_size) < bytes) {
    return Error{ErrorCode::kCorrupt, "the memory file is shorter than its parts"};
  }
  if (bytes == 0) return std::shared_ptr<const Mapping>(std::make_shared<Mapping>(nullptr, 0));
  // Read at once: a page fault on the serving core costs more than reading ahead here.
  void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, file.get(), 0);
  if (memory == MAP_FAILED) return Error::FromErrno("mmap");
  return std::shared_ptr<const Mapping>(std::make_shared<Mapping>(memory, bytes));
}

js::Limits LimitsOf(const ipc::AddFunction& message) {
  js::Limits limits;
  if (message.cpu_per_request_ns() > 0) limits.cpu_per_request = message.cpu_per_request_ns();
  if (message.wall_per_request_ns() > 0) limits.wall_per_request = message.wall_per_request_ns();
  if (message.startup_cpu_ns() > 0) limits.startup_cpu = message.startup_cpu_ns();
  if (message.memory_bytes_max() > 0) limits.memory_bytes_max = message.memory_bytes_max();
  limits.nursery_bytes = message.nursery_bytes();
  limits.request_garbage_bytes = message.request_garbage_bytes();
  return limits;
}

}  // namespace

Status Functions::Add(const ipc::AddFunction& message, UniqueFd content) {
  const std::string what = message.function() + " v" + std::to_string(message.number());
  if (specs_.count(message.version_id()) > 0) return Invalid(what + " was given before");
  if (message.engine_class() > kEngineClassesMax) return Invalid(what + " is of no class");
  if (message.engine_class() != 0) return AddAway(message);
  const uint64_t code_end = message.source_bytes() + message.code_cache_bytes();
  const uint64_t snapshot_end = message.snapshot_bytes() > 0 ? message.snapshot_at() + message.snapshot_bytes() : 0;
  auto mapping = MapSealed(content, std::max(code_end, snapshot_end));
  if (!mapping.ok()) return std::move(mapping).error().Under(what);

  auto script = std::make_shared<js::Script>();
  script->function = message.function();
  script->version = "v" + std::to_string(message.number());
  script->main_module = message.main_module();
  script->source = (*mapping)->text().substr(0, message.source_bytes());
  script->code_cache = AsBytes((*mapping)->text().substr(message.source_bytes(), message.code_cache_bytes()));
  if (snapshot_end > 0) script->function_snapshot = AsBytes((*mapping)->text().substr(message.snapshot_at(), message.snapshot_bytes()));
  for (const ipc::EnvVar& variable : message.env()) script->env.emplace_back(variable.name(), variable.value());
  script->limits = LimitsOf(message);
  script->storage = std::move(mapping).value();

  return AddSpec(message, std::move(script));
}

// Another engine runs it: what is needed here is where its requests lead and how long they may take.
Status Functions::AddAway(const ipc::AddFunction& message) {
  auto script = std::make_shared<js::Script>();
  script->function = message.function();
  script->version = "v" + std::to_string(message.number());
  script->limits = LimitsOf(message);
  return AddSpec(message, std::move(script));
}

Status Functions::AddSpec(const ipc::AddFunction& message, js::ScriptPtr script) {
  route::FunctionSpec spec;
  spec.script = std::move(script);
  spec.engine_class = message.engine_class();
  spec.counter_row = message.counter_row();
  spec.version_id = message.version_id();
  spec.number = message.number();
  for (const std::string& text : message.routes()) {
    auto route = route::ParseRoute(text);
    if (!route.ok()) return std::move(route).error().Under(message.function() + " v" + std::to_string(message.number()));
    spec.routes.push_back(std::move(route).value());
  }
  specs_.emplace(message.version_id(), std::move(spec));
  return {};
}

const route::FunctionSpec* Functions::Find(uint64_t version_id) const {
  const auto found = specs_.find(version_id);
  return found == specs_.end() ? nullptr : &found->second;
}

void Functions::Retain(const std::set<uint64_t>& version_ids) {
  std::erase_if(specs_, [&](const auto& spec) { return version_ids.count(spec.first) == 0; });
}

}  // namespace zts
