#include "jsruntime/import_hook.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

namespace zts::js {
namespace {

constexpr uint32_t kJumpSlot = 7;    // R_X86_64_JUMP_SLOT; R_AARCH64_JUMP_SLOT is 1026
constexpr uint32_t kGlobalData = 6;  // R_X86_64_GLOB_DAT
constexpr uint32_t kArmJumpSlot = 1026;
constexpr uint32_t kArmGlobalData = 1025;

struct Executable {
  ElfW(Addr) base = 0;
  const ElfW(Dyn)* dynamic = nullptr;
  uintptr_t read_only_begin = 0;  // what the linker has closed after filling it
  uintptr_t read_only_end = 0;
};

// The first object that is listed is the executable.
int TakeFirst(dl_phdr_info* info, size_t, void* out) {
  auto* found = static_cast<Executable*>(out);
  found->base = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    const ElfW(Addr) begin = info->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_DYNAMIC) found->dynamic = reinterpret_cast<const ElfW(Dyn)*>(begin);
    if (part.p_type == PT_GNU_RELRO) {
      found->read_only_begin = begin;
      found->read_only_end = begin + part.p_memsz;
    }
  }
  return 1;
}

struct Table {
  const ElfW(Rela)* begin = nullptr;
  size_t bytes = 0;
};

// The linker has turned these into addresses already.
struct Tables {
  const ElfW(Sym)* symbols = nullptr;
  const char* names = nullptr;
  Table calls;
  Table data;
};

Tables ReadTables(const ElfW(Dyn)* dynamic) {
  Tables tables;
  for (; dynamic->d_tag != DT_NULL; ++dynamic) {
    const ElfW(Addr) pointer = dynamic->d_un.d_ptr;
    switch (dynamic->d_tag) {
      case DT_SYMTAB: tables.symbols = reinterpret_cast<const ElfW(Sym)*>(pointer); break;
      case DT_STRTAB: tables.names = reinterpret_cast<const char*>(pointer); break;
      case DT_JMPREL: tables.calls.begin = reinterpret_cast<const ElfW(Rela)*>(pointer); break;
      case DT_PLTRELSZ: tables.calls.bytes = dynamic->d_un.d_val; break;
      case DT_RELA: tables.data.begin = reinterpret_cast<const ElfW(Rela)*>(pointer); break;
      case DT_RELASZ: tables.data.bytes = dynamic->d_un.d_val; break;
      default: break;
    }
  }
  return tables;
}

void FindSlots(const Executable& executable, const Tables& tables, const Table& table, std::string_view name,
               std::vector<void**>* slots) {
  for (size_t i = 0; i < table.bytes / sizeof(ElfW(Rela)); ++i) {
    const ElfW(Rela)& entry = table.begin[i];
    const auto type = static_cast<uint32_t>(ELF64_R_TYPE(entry.r_info));
    if (type != kJumpSlot && type != kGlobalData && type != kArmJumpSlot && type != kArmGlobalData) continue;
    if (tables.names + tables.symbols[ELF64_R_SYM(entry.r_info)].st_name != name) continue;
    slots->push_back(reinterpret_cast<void**>(executable.base + entry.r_offset));
  }
}

Status Write(const Executable& executable, void** slot, void* value) {
  const auto page_size = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t address = reinterpret_cast<uintptr_t>(slot);
  void* page = reinterpret_cast<void*>(address / page_size * page_size);
  const bool closed = address >= executable.read_only_begin && address < executable.read_only_end;
  if (closed && ::mprotect(page, page_size, PROT_READ | PROT_WRITE) != 0) return Error::FromErrno("opening the table of imports");
  __atomic_store_n(slot, value, __ATOMIC_RELEASE);
  if (closed && ::mprotect(page, page_size, PROT_READ) != 0) return Error::FromErrno("closing the table of imports");
  return {};
}

}  // namespace

Status ReplaceImport(std::string_view name, void* replacement) {
  Executable executable;
  ::dl_iterate_phdr(TakeFirst, &executable);
  if (executable.dynamic == nullptr) return Error{ErrorCode::kUnsupported, "the host binary is linked statically"};
  const Tables tables = ReadTables(executable.dynamic);
  std::vector<void**> slots;
  FindSlots(executable, tables, tables.calls, name, &slots);
  FindSlots(executable, tables, tables.data, name, &slots);
  if (slots.empty()) return Error{ErrorCode::kNotFound, "the host binary does not import " + std::string(name)};
  for (void** slot : slots) ZTS_RETURN_IF_ERROR(Write(executable, slot, replacement));
  return {};
}

}  // namespace zts::js
