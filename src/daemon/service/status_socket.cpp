// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/status_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>
#include <system_error>

#include "base/unix_address.hpp"

namespace cgmm::daemon {
namespace {

using base::throw_errno;

constexpr mode_t kMode = 0660;
constexpr int kBacklog = 16;
constexpr std::size_t kMaxAnswer_bytes = 256 * 1024;

constexpr const char* kUsualRuntimeDirectory = "/run/cgroup-memory-manager";

base::Fd make_socket(int flags) { return base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)); }

/// With `time` as the limit of connect(), which waits while the backlog is full, and of each recv(); 0: connect() does
/// not wait. Empty, with errno: nobody is there.
base::Fd connect_to(const base::UnixAddress& address, std::chrono::milliseconds time) {
  base::Fd fd = make_socket(time.count() == 0 ? SOCK_NONBLOCK : 0);
  if (!fd) return {};
  const timeval wait{.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000};
  for (const int limit : {SO_SNDTIMEO, SO_RCVTIMEO}) ::setsockopt(fd.get(), SOL_SOCKET, limit, &wait, sizeof wait);
  if (::connect(fd.get(), address.get(), address.length()) == 0) return fd;
  const int error = errno;
  fd.reset();
  errno = error;
  return {};
}

/// What a crash has left: a socket that nobody listens to.
void remove_dead_socket(const std::filesystem::path& path, const base::UnixAddress& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return;
    throw_errno(errno, path);
  }
  if (!S_ISSOCK(found.st_mode)) throw_errno(EEXIST, path);
  if (connect_to(address, {}) || errno == EAGAIN) throw_errno(EADDRINUSE, path);  // EAGAIN: many ask already
  if (errno != ECONNREFUSED) throw_errno(errno, path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_errno(errno, path);
}

/// The group that may read the database; without one yet, that of its directory. A service that may not give files to
/// it leaves the socket to its own.
void give_to_readers(const std::filesystem::path& path, const std::filesystem::path& database) {
  struct stat readers{};
  if (::stat(database.c_str(), &readers) != 0 && ::stat(path.parent_path().c_str(), &readers) != 0) return;
  [[maybe_unused]] const int ignored =
      ::fchownat(AT_FDCWD, path.c_str(), static_cast<uid_t>(-1), readers.st_gid, AT_SYMLINK_NOFOLLOW);
}

/// errno EAGAIN: there is a service, and many ask already.
base::Fd connect_to_service(const std::filesystem::path& database, std::chrono::milliseconds time) {
  const std::filesystem::path own = runtime_directory();
  for (const auto& path : status_socket_places(database, own.empty() ? kUsualRuntimeDirectory : own)) {
    const auto address = base::UnixAddress::of(path.string());
    if (!address) continue;
    base::Fd fd = connect_to(*address, time);
    if (fd || errno == EAGAIN) return fd;
  }
  errno = ECONNREFUSED;
  return {};
}

}  // namespace

std::filesystem::path runtime_directory() {
  const char* const directories = std::getenv("RUNTIME_DIRECTORY");  // of systemd: separated by colons
  const std::string_view all = directories == nullptr ? "" : directories;
  return all.substr(0, all.find(':'));
}

/// In the runtime directory, services of several databases may meet: a hash of the path tells them apart.
std::vector<std::filesystem::path> status_socket_places(const std::filesystem::path& database,
                                                        const std::filesystem::path& runtime_directory) {
  std::error_code error;
  std::filesystem::path beside = std::filesystem::absolute(database, error);
  if (error) beside = database;
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(beside, error);
  if (!error) beside = resolved;
  beside += ".sock";
  if (runtime_directory.empty()) return {beside};
  const std::size_t hash = std::hash<std::string>{}(beside.string());
  return {runtime_directory / ("status-" + std::to_string(hash) + ".sock"), beside};
}

bool StatusSocket::is_ours() const { return made_ && base::link_id(path_) == made_; }

void StatusSocket::make() {
  if (listening_ && is_ours()) return;
  listening_.reset();
  made_.reset();
  for (const std::filesystem::path& place : places_) {
    try {
      return make_at(place);
    } catch (const std::system_error&) {
      if (place == places_.back()) throw;
    }
  }
}

void StatusSocket::make_at(const std::filesystem::path& path) {
  const auto address = base::UnixAddress::of(path.string());
  if (!address) throw_errno(ENAMETOOLONG, path);
  base::Fd listening = make_socket(SOCK_NONBLOCK);
  // Linux takes the mode of the file from the unbound socket, less the umask: it is never wider, not even for a moment.
  if (!listening || ::fchmod(listening.get(), kMode) != 0) throw_errno(errno, path);
  remove_dead_socket(path, *address);
  if (::bind(listening.get(), address->get(), address->length()) != 0) throw_errno(errno, path);
  ::chmod(path.c_str(), kMode);  // whatever the umask is
  made_ = base::link_id(path);
  path_ = path;
  give_to_readers(path, database_);
  if (::listen(listening.get(), kBacklog) != 0) throw_errno(errno, path);
  listening_ = std::move(listening);
}

bool StatusSocket::answer_one(std::string_view answer) const {
  const base::Fd client(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client) return false;
  // It fits into the socket's buffer, or the client gets what does.
  [[maybe_unused]] const ssize_t ignored = ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  return true;
}

void StatusSocket::remove() {
  close();
  if (is_ours()) ::unlink(path_.c_str());
  made_.reset();
}

bool is_service_there(const std::filesystem::path& database) {
  return connect_to_service(database, {}) || errno == EAGAIN;  // many ask already
}

std::optional<std::string> ask_service(const std::filesystem::path& database, std::chrono::milliseconds time) {
  const auto give_up_at = std::chrono::steady_clock::now() + time;
  const base::Fd fd = connect_to_service(database, time);
  std::string answer;
  while (fd && answer.size() <= kMaxAnswer_bytes && std::chrono::steady_clock::now() < give_up_at) {
    char some[4096];
    const ssize_t got = ::recv(fd.get(), some, sizeof some, 0);
    if (got < 0) return std::nullopt;
    if (got == 0) return answer;
    answer.append(some, static_cast<std::size_t>(got));
  }
  return std::nullopt;
}

}  // namespace cgmm::daemon
