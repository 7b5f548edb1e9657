// SPDX-License-Identifier: Apache-2.0
#include "store/file/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/fd.hpp"
#include "store/file/open.hpp"
#include "store/reader.hpp"
#include "store/refusal.hpp"

namespace cgmm::store {
namespace {

// Only for the owner: whoever can open the file can hold its lock, and then no service starts.
constexpr mode_t kMode = 0600;
// running_service_pid() takes the lock for a moment to see whether it is held. A service that starts in that moment
// must not think that another one runs.
constexpr int kAttempts = 10;
constexpr std::chrono::milliseconds kBetweenAttempts{20};

std::int64_t pid_in(int fd) {
  char text[32];
  const ssize_t length = ::pread(fd, text, sizeof text, 0);
  std::int64_t pid = 0;
  if (length > 0) std::from_chars(text, text + length, pid);
  return pid > 0 ? pid : 0;
}

}  // namespace

LockFile::LockFile(const std::filesystem::path& database, const std::filesystem::path& shown)
    : path_(database.string() + ".lock") {
  for (int attempt = 1; !try_to_take(shown); ++attempt) {
    if (attempt == kAttempts) throw in_use(shown, running_service_pid(database).value_or(0));
    std::this_thread::sleep_for(kBetweenAttempts);
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // On a full disk the pid is missing, but the lock is held.
  if (::ftruncate(fd_.get(), 0) == 0) [[maybe_unused]]
    const ssize_t written = ::pwrite(fd_.get(), pid.data(), pid.size(), 0);
}

/// False: another process holds it, or the file was removed meanwhile.
bool LockFile::try_to_take(const std::filesystem::path& shown) {
  base::Fd fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kMode));
  made_ = static_cast<bool>(fd);
  if (!made_ && errno == EEXIST) {
    fd = base::Fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd && errno == ENOENT) return false;
  }
  if (!fd) throw unusable(shown, "its lock file " + path_.string() + " can't be opened", errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK || errno == EINTR) return false;
    throw unusable(shown, "its lock file " + path_.string() + " can't be locked", errno);
  }
  ::fchmod(fd.get(), kMode);  // whatever the umask is, and also for an existing file
  fd_ = std::move(fd);
  return is_in_place();  // not when another service was refused and removed it in forget()
}

bool LockFile::is_in_place() const {
  const auto taken = base::file_id(fd_.get());
  return taken && taken == base::file_id(path_);
}

LockFile::~LockFile() { [[maybe_unused]] const int ignored = ::ftruncate(fd_.get(), 0); }

void LockFile::forget() noexcept {
  if (made_) ::unlink(path_.c_str());
}

std::optional<std::int64_t> running_service_pid(const std::filesystem::path& file) {
  const std::filesystem::path path = resolved(file).string() + ".lock";
  const base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return std::nullopt;
    throw unusable(file, "its lock file " + path.string() + " can't be opened", errno);
  }
  const bool is_held = ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  return is_held ? std::optional(pid_in(fd.get())) : std::nullopt;
}

}  // namespace cgmm::store
