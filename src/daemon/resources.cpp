// SPDX-License-Identifier: Apache-2.0
#include "daemon/resources.hpp"

#include <link.h>
#include <linux/capability.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace cgmm::daemon {
namespace {

constexpr int kNice = 10;
constexpr int kBigBytes = 256 * 1024;
// Of linux/ioprio.h, which newer headers made unfit for C++ (a parameter is named `class`).
constexpr int kIoWhoProcess = 1;
constexpr int kIoBestEffort = 2;
constexpr int kIoClassShift = 13;
constexpr int kLastOfBestEffort = 7;

/// Parts that may be written to are left alone: they may differ from the file.
int unmap_parts_of(dl_phdr_info* object, std::size_t, void*) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (object->dlpi_addr + part.p_vaddr) / page * page;
    const std::uintptr_t end = (object->dlpi_addr + part.p_vaddr + part.p_memsz + page - 1) / page * page;
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);  // NOLINT: an address of the linker's
  }
  return 0;
}

bool may_lock_without_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) return true;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  return ::syscall(SYS_capget, &header, sets) == 0 && (sets[0].effective & (1U << CAP_IPC_LOCK)) != 0;
}

}  // namespace

/// The last of the best-effort class, not the idle one: an idle writer might never get the disk, and the start of a
/// reclaim waits for its commit. If this is refused, the thread runs as it is.
void lower_priority_of_this_thread() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  ::syscall(SYS_ioprio_set, kIoWhoProcess, 0, kIoBestEffort << kIoClassShift | kLastOfBestEffort);
}

void name_this_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

std::string lock_memory() {
  // Under a limit the call may succeed, and memory that is asked for later be refused: no thread would start.
  const bool may = may_lock_without_limit();
  if (may && ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return "";
  return std::system_category().message(may ? errno : EPERM) +
         "; it takes LimitMEMLOCK=infinity in the unit, or the capability CAP_IPC_LOCK";
}

void keep_little_memory() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, kBigBytes);
}

void give_back_heap() { ::malloc_trim(0); }

void give_back_program() { ::dl_iterate_phdr(unmap_parts_of, nullptr); }

}  // namespace cgmm::daemon
