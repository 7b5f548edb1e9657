// SPDX-License-Identifier: Apache-2.0
#include "daemon/resources.hpp"

#include <linux/capability.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <istream>
#include <string>
#include <system_error>
#include <vector>

namespace cgmm::daemon {
namespace {

constexpr int kNice = 10;
constexpr int kBigBytes = 256 * 1024;
// Of linux/ioprio.h, which newer headers made unfit for C++ (a parameter is named `class`).
constexpr int kIoWhoProcess = 1;
constexpr int kIoBestEffort = 2;
constexpr int kIoClassShift = 13;
constexpr int kLastOfBestEffort = 7;

bool may_lock_without_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) return true;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  return ::syscall(SYS_capget, &header, sets) == 0 && (sets[0].effective & (1U << CAP_IPC_LOCK)) != 0;
}

}  // namespace

/// The last of the best-effort class and not the idle one: an idle writer gets no turn for as long as anybody else
/// wants the disk, and then the start of a reclaim, which waits for its commit, and everything in the queue would wait
/// with it. Readers of the database wait for neither: in WAL mode they take no lock that the writer holds. Refused: it
/// runs as it is.
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

/// Whoever wrote to a page of a file's private mapping has made it a page of memory of its own, which is there, or is
/// swapped out.
std::vector<Mapping> unwritten_mappings(std::istream& smaps) {
  std::vector<Mapping> unwritten;
  Mapping mapping;
  bool is_candidate = false;  // of a file, private, and not to be written to
  for (std::string line; std::getline(smaps, line);) {
    Mapping next;
    char may[5] = {};
    std::uint64_t inode = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %" SCNu64, &next.begin, &next.end, may,
                    &inode) == 4) {
      mapping = next;
      is_candidate = inode != 0 && may[0] == 'r' && may[1] == '-' && may[3] == 'p';
    } else if (line.starts_with("Anonymous:")) {
      is_candidate = is_candidate && line.ends_with(" 0 kB");
    } else if (line.starts_with("Swap:")) {  // comes after it
      if (is_candidate && line.ends_with(" 0 kB")) unwritten.push_back(mapping);
    }
  }
  return unwritten;
}

void give_back_heap() { ::malloc_trim(0); }

/// Where the memory is locked the kernel refuses to drop pages.
void give_back_memory() {
  give_back_heap();
  std::ifstream smaps("/proc/self/smaps");
  for (const Mapping& mapping : unwritten_mappings(smaps)) {
    ::madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin, MADV_DONTNEED);
  }
}

}  // namespace cgmm::daemon
