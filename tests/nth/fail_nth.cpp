// SPDX-License-Identifier: Apache-2.0
// Preloaded into the program (LD_PRELOAD), it counts the calls that the program and its libraries make from main() on,
// and has some of them fail.
//
//   CGMM_FAIL_CALL    the kind that fails, a word of kKinds below; none: calls are counted only
//   CGMM_FAIL_AT      the number of the call that fails, the first is 1
//   CGMM_FAIL_ON      if it is 1, all calls after that one fail, too
//   CGMM_FAIL_COUNT   a file, to which the numbers of calls are written as they grow (8 bytes a kind, in their order)
//
// Standard error is never refused: what the program says of the failure is read there. Nor are reads and writes of what
// eventfd(), signalfd() and inotify_init1() have returned, for there the kernel has no reason to. A failed close() or
// munmap() is no kind: the kernel has closed and unmapped then, too.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

extern "C" void* __libc_malloc(std::size_t);
extern "C" void* __libc_calloc(std::size_t, std::size_t);
extern "C" void* __libc_realloc(void*, std::size_t);

namespace {

enum Kind : int {
  kMalloc,
  kWrite,
  kRead,
  kOpen,
  kFsync,
  kFtruncate,
  kMmap,
  kRename,
  kUnlink,
  kStat,
  kReaddir,
  kLock,
  kChange,
  kSocket,
  kEvent,
  kThread,
  kPoll,
  kNone
};
// clang-format off
constexpr struct { const char* word; int error; } kKinds[] = {
    {"malloc", ENOMEM},   {"write", ENOSPC},  {"read", EIO},     {"open", EMFILE},  {"fsync", EIO},    {"ftruncate", ENOSPC},
    {"mmap", ENOMEM},     {"rename", EIO},    {"unlink", EIO},   {"stat", EIO},     {"readdir", EIO},  {"lock", ENOLCK},
    {"change", EPERM},    {"socket", EMFILE}, {"event", EMFILE}, {"thread", EAGAIN}, {"poll", ENOMEM}};
// clang-format on

struct Plan {
  Kind kind = kNone;
  long at = 0;
  bool on = false;
};
Plan plan;  // like what follows, made before main() and its threads
bool has_begun = false;
std::atomic<long> own_counts[kNone];
std::atomic<long>* counts = own_counts;

constexpr int kDescriptors = 1024;
std::atomic<bool> is_for_events[kDescriptors];  // by descriptor
int for_events(int fd) {
  if (fd >= 0 && fd < kDescriptors) is_for_events[fd] = true;
  return fd;
}
bool is_spared(int fd) { return fd == STDERR_FILENO || (fd >= 0 && fd < kDescriptors && is_for_events[fd]); }

bool fails(Kind kind) {
  if (kind == kNone || !has_begun) return false;
  const long number = counts[kind].fetch_add(1) + 1;
  if (kind != plan.kind || number < plan.at || (number > plan.at && !plan.on)) return false;
  errno = kKinds[kind].error;
  return true;
}

void begin() {
  const char* const word = std::getenv("CGMM_FAIL_CALL");
  const char* const at = std::getenv("CGMM_FAIL_AT");
  const char* const on = std::getenv("CGMM_FAIL_ON");
  if (const char* const file = std::getenv("CGMM_FAIL_COUNT")) {
    const int fd = ::open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void* memory = MAP_FAILED;
    if (::ftruncate(fd, sizeof own_counts) == 0)
      memory = ::mmap(nullptr, sizeof own_counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) std::_Exit(125);
    ::close(fd);
    counts = static_cast<std::atomic<long>*>(memory);
  }
  plan = {.at = at == nullptr ? 1 : std::atol(at), .on = on != nullptr && *on == '1'};
  for (int kind = 0; kind < kNone; ++kind) {
    if (word != nullptr && std::strcmp(word, kKinds[kind].word) == 0) plan.kind = static_cast<Kind>(kind);
  }
  if (word != nullptr && plan.kind == kNone) std::_Exit(125);
  has_begun = true;
}

using Main = int(int, char**, char**);
Main* program_main = nullptr;
int counted_main(int argc, char** argv, char** environment) {
  begin();
  return program_main(argc, argv, environment);
}

/// The function of this name that the program would call without us.
template <class Function>
Function* next(Function*, const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// Defines `name` of the C library anew. Its name here is another, so that it need not agree with the headers.
#define CGMM_REPLACE(result, name, parameters)             \
  extern "C" result cgmm_##name parameters __asm__(#name); \
  __attribute__((visibility("default"), used)) result cgmm_##name parameters

#define CGMM_FAIL(kind, refusal, result, name, parameters, arguments)  \
  CGMM_REPLACE(result, name, parameters) {                             \
    static std::atomic<decltype(&cgmm_##name)> real{nullptr};          \
    if (fails(kind)) return refusal;                                   \
    if (real.load() == nullptr) real.store(next(&cgmm_##name, #name)); \
    return real.load() arguments;                                      \
  }

CGMM_REPLACE(int, __libc_start_main,
             (Main * main_, int argc, char** argv, void* init, void* fini, void* linker_fini, void* stack_end)) {
  program_main = main_;
  return next(&cgmm___libc_start_main, "__libc_start_main")(&counted_main, argc, argv, init, fini, linker_fini,
                                                            stack_end);
}

// dlsym() allocates, so these can't use it.
CGMM_REPLACE(void*, malloc, (std::size_t size)) { return fails(kMalloc) ? nullptr : __libc_malloc(size); }
CGMM_REPLACE(void*, calloc, (std::size_t number, std::size_t size)) {
  return fails(kMalloc) ? nullptr : __libc_calloc(number, size);
}
CGMM_REPLACE(void*, realloc, (void* memory, std::size_t size)) {
  return fails(kMalloc) ? nullptr : __libc_realloc(memory, size);
}
CGMM_FAIL(kMalloc, nullptr, void*, aligned_alloc, (std::size_t alignment, std::size_t size), (alignment, size))
CGMM_FAIL(kMalloc, ENOMEM, int, posix_memalign, (void** memory, std::size_t alignment, std::size_t size),
          (memory, alignment, size))

CGMM_FAIL(is_spared(fd) ? kNone : kWrite, -1, ssize_t, write, (int fd, const void* data, std::size_t size),
          (fd, data, size))
CGMM_FAIL(is_spared(fd) ? kNone : kWrite, -1, ssize_t, writev, (int fd, const void* parts, int number),
          (fd, parts, number))
CGMM_FAIL(kWrite, -1, ssize_t, pwrite, (int fd, const void* data, std::size_t size, off_t at), (fd, data, size, at))
CGMM_FAIL(kWrite, -1, ssize_t, pwrite64, (int fd, const void* data, std::size_t size, off_t at), (fd, data, size, at))
CGMM_FAIL(is_spared(fd) ? kNone : kRead, -1, ssize_t, read, (int fd, void* data, std::size_t size), (fd, data, size))
CGMM_FAIL(kRead, -1, ssize_t, pread, (int fd, void* data, std::size_t size, off_t at), (fd, data, size, at))
CGMM_FAIL(kRead, -1, ssize_t, pread64, (int fd, void* data, std::size_t size, off_t at), (fd, data, size, at))

CGMM_FAIL(kOpen, -1, int, open, (const char* path, int flags, unsigned mode), (path, flags, mode))
CGMM_FAIL(kOpen, -1, int, open64, (const char* path, int flags, unsigned mode), (path, flags, mode))
CGMM_FAIL(kOpen, -1, int, openat, (int at, const char* path, int flags, unsigned mode), (at, path, flags, mode))
CGMM_FAIL(kOpen, -1, int, openat64, (int at, const char* path, int flags, unsigned mode), (at, path, flags, mode))
CGMM_FAIL(kOpen, nullptr, void*, fopen, (const char* path, const char* mode), (path, mode))
CGMM_FAIL(kOpen, nullptr, void*, fopen64, (const char* path, const char* mode), (path, mode))
CGMM_FAIL(kOpen, nullptr, void*, opendir, (const char* path), (path))
CGMM_FAIL(kOpen, nullptr, void*, fdopendir, (int fd), (fd))

CGMM_FAIL(kFsync, -1, int, fsync, (int fd), (fd))
CGMM_FAIL(kFsync, -1, int, fdatasync, (int fd), (fd))
CGMM_FAIL(kFtruncate, -1, int, ftruncate, (int fd, off_t size), (fd, size))
CGMM_FAIL(kFtruncate, -1, int, ftruncate64, (int fd, off_t size), (fd, size))
CGMM_FAIL(kFtruncate, ENOSPC, int, posix_fallocate, (int fd, off_t at, off_t size), (fd, at, size))
CGMM_FAIL(kMmap, MAP_FAILED, void*, mmap, (void* at, std::size_t size, int access, int flags, int fd, off_t offset),
          (at, size, access, flags, fd, offset))
CGMM_FAIL(kMmap, MAP_FAILED, void*, mmap64, (void* at, std::size_t size, int access, int flags, int fd, off_t offset),
          (at, size, access, flags, fd, offset))
CGMM_FAIL(kMmap, MAP_FAILED, void*, mremap, (void* from, std::size_t size, std::size_t next_size, int flags, void* to),
          (from, size, next_size, flags, to))

CGMM_FAIL(kRename, -1, int, rename, (const char* from, const char* to), (from, to))
CGMM_FAIL(kRename, -1, int, renameat, (int from_at, const char* from, int to_at, const char* to),
          (from_at, from, to_at, to))
CGMM_FAIL(kRename, -1, int, renameat2, (int from_at, const char* from, int to_at, const char* to, unsigned flags),
          (from_at, from, to_at, to, flags))
CGMM_FAIL(kRename, -1, int, link, (const char* from, const char* to), (from, to))
CGMM_FAIL(kRename, -1, int, linkat, (int from_at, const char* from, int to_at, const char* to, int flags),
          (from_at, from, to_at, to, flags))
CGMM_FAIL(kUnlink, -1, int, unlink, (const char* path), (path))
CGMM_FAIL(kUnlink, -1, int, unlinkat, (int at, const char* path, int flags), (at, path, flags))
CGMM_FAIL(kUnlink, -1, int, remove, (const char* path), (path))

CGMM_FAIL(kStat, -1, int, stat, (const char* path, void* status), (path, status))
CGMM_FAIL(kStat, -1, int, stat64, (const char* path, void* status), (path, status))
CGMM_FAIL(kStat, -1, int, lstat, (const char* path, void* status), (path, status))
CGMM_FAIL(kStat, -1, int, lstat64, (const char* path, void* status), (path, status))
CGMM_FAIL(kStat, -1, int, fstat, (int fd, void* status), (fd, status))
CGMM_FAIL(kStat, -1, int, fstat64, (int fd, void* status), (fd, status))
CGMM_FAIL(kStat, -1, int, fstatat, (int at, const char* path, void* status, int flags), (at, path, status, flags))
CGMM_FAIL(kStat, -1, int, fstatat64, (int at, const char* path, void* status, int flags), (at, path, status, flags))
CGMM_FAIL(kStat, -1, int, statx, (int at, const char* path, int flags, unsigned wanted, void* status),
          (at, path, flags, wanted, status))
CGMM_FAIL(kStat, -1, int, statfs, (const char* path, void* status), (path, status))
CGMM_FAIL(kStat, -1, int, fstatfs, (int fd, void* status), (fd, status))
CGMM_FAIL(kStat, -1, int, access, (const char* path, int mode), (path, mode))
CGMM_FAIL(kStat, -1, int, faccessat, (int at, const char* path, int mode, int flags), (at, path, mode, flags))
CGMM_FAIL(kStat, -1, ssize_t, readlink, (const char* path, char* to, std::size_t size), (path, to, size))
CGMM_FAIL(kStat, nullptr, char*, realpath, (const char* path, char* to), (path, to))
CGMM_FAIL(kStat, nullptr, char*, getcwd, (char* to, std::size_t size), (to, size))
CGMM_FAIL(kReaddir, nullptr, void*, readdir, (void* directory), (directory))
CGMM_FAIL(kReaddir, nullptr, void*, readdir64, (void* directory), (directory))

CGMM_FAIL(kLock, -1, int, flock, (int fd, int operation), (fd, operation))
CGMM_FAIL(kLock, -1, int, fcntl, (int fd, int command, long argument), (fd, command, argument))
CGMM_FAIL(kLock, -1, int, fcntl64, (int fd, int command, long argument), (fd, command, argument))
CGMM_FAIL(kChange, -1, int, mkdir, (const char* path, unsigned mode), (path, mode))
CGMM_FAIL(kChange, -1, int, chmod, (const char* path, unsigned mode), (path, mode))
CGMM_FAIL(kChange, -1, int, fchmod, (int fd, unsigned mode), (fd, mode))
CGMM_FAIL(kChange, -1, int, fchown, (int fd, unsigned user, unsigned group), (fd, user, group))
CGMM_FAIL(kChange, -1, int, fchownat, (int at, const char* path, unsigned user, unsigned group, int flags),
          (at, path, user, group, flags))

CGMM_FAIL(kSocket, -1, int, socket, (int domain, int type, int protocol), (domain, type, protocol))
CGMM_FAIL(kSocket, -1, int, bind, (int fd, const void* address, unsigned size), (fd, address, size))
CGMM_FAIL(kSocket, -1, int, listen, (int fd, int backlog), (fd, backlog))
CGMM_FAIL(kSocket, -1, int, connect, (int fd, const void* address, unsigned size), (fd, address, size))
CGMM_FAIL(kSocket, -1, int, accept4, (int fd, void* address, unsigned* size, int flags), (fd, address, size, flags))
CGMM_FAIL(kSocket, -1, ssize_t, send, (int fd, const void* data, std::size_t size, int flags), (fd, data, size, flags))
CGMM_FAIL(kSocket, -1, ssize_t, recv, (int fd, void* data, std::size_t size, int flags), (fd, data, size, flags))
CGMM_FAIL(kSocket, -1, ssize_t, sendmsg, (int fd, const void* message, int flags), (fd, message, flags))
CGMM_FAIL(kSocket, -1, ssize_t, sendto,
          (int fd, const void* data, std::size_t size, int flags, const void* address, unsigned address_size),
          (fd, data, size, flags, address, address_size))
#define CGMM_FAIL_FOR_EVENTS(name, parameters, arguments) \
  CGMM_REPLACE(int, name, parameters) { return fails(kEvent) ? -1 : for_events(next(&cgmm_##name, #name) arguments); }
CGMM_FAIL_FOR_EVENTS(eventfd, (unsigned value, int flags), (value, flags))
CGMM_FAIL_FOR_EVENTS(signalfd, (int fd, const void* mask, int flags), (fd, mask, flags))
CGMM_FAIL_FOR_EVENTS(inotify_init1, (int flags), (flags))
CGMM_FAIL(kEvent, -1, int, inotify_add_watch, (int fd, const char* path, unsigned events), (fd, path, events))
CGMM_FAIL(kEvent, -1, int, pipe2, (int* ends, int flags), (ends, flags))
CGMM_FAIL(kThread, EAGAIN, int, pthread_create, (void* thread, const void* how, void* (*start)(void*), void* argument),
          (thread, how, start, argument))
CGMM_FAIL(kPoll, -1, int, poll, (void* waits, unsigned long number, int timeout), (waits, number, timeout))
