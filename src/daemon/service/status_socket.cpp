// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/status_socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cerrno>
#include <functional>
#include <string>
#include <system_error>

#include "base/unix_address.hpp"

namespace cgmm::daemon {
namespace {

constexpr mode_t kMode = 0660;
constexpr int kBacklog = 16;
constexpr std::size_t kMaxAnswer_bytes = 256 * 1024;

/// A socket's address has room for 107 bytes of path. A longer one is reached through a descriptor of its directory.
struct Place {
  base::Fd directory;
  std::optional<base::UnixAddress> address;
};

Place place_of(const std::filesystem::path& path) {
  if (auto address = base::UnixAddress::of(path.string())) return {{}, address};
  Place place{base::Fd(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), std::nullopt};
  if (!place.directory) return place;
  place.address =
      base::UnixAddress::of("/proc/self/fd/" + std::to_string(place.directory.get()) + "/" + path.filename().string());
  if (!place.address) errno = ENAMETOOLONG;
  return place;
}

/// Of any database: no directory has it, so it is short whatever the path is.
std::optional<base::UnixAddress> stand_in_for(const std::filesystem::path& socket) {
  return base::UnixAddress::of("@cgroup-memory-manager/" + std::to_string(std::hash<std::string>{}(socket.string())));
}

/// Anybody may listen at such a name, and ask there.
bool is_trusted_peer(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && (peer.uid == 0 || peer.uid == ::geteuid());
}

[[noreturn]] void throw_errno(int error, const std::filesystem::path& path) {
  throw std::system_error(error, std::system_category(), path.string());
}

base::Fd make_socket(int flags) { return base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)); }

/// What a crash has left: a socket that nobody listens to.
void remove_dead_socket(const std::filesystem::path& path, const base::UnixAddress& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return;
    throw_errno(errno, path);
  }
  if (!S_ISSOCK(found.st_mode)) throw_errno(EEXIST, path);
  const base::Fd probe = make_socket(SOCK_NONBLOCK);
  if (!probe) throw_errno(errno, path);
  if (::connect(probe.get(), address.get(), address.length()) == 0 || errno != ECONNREFUSED)
    throw_errno(EADDRINUSE, path);
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

/// A full backlog keeps connect() waiting, for so long; 0: it is not waited for. Empty, with errno: nobody is there.
base::Fd connect_to(const std::optional<base::UnixAddress>& address, std::chrono::milliseconds time) {
  base::Fd fd = make_socket(time.count() == 0 ? SOCK_NONBLOCK : 0);
  if (!address || !fd) return {};
  const timeval wait{.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  if (::connect(fd.get(), address->get(), address->length()) == 0) return fd;
  const int error = errno;
  fd.reset();
  errno = error;
  return {};
}

base::Fd connect_to_service(const std::filesystem::path& database, std::chrono::milliseconds time) {
  const std::filesystem::path path = status_socket_of(database);
  const Place place = place_of(path);
  base::Fd fd = connect_to(place.address, time);
  if (fd || errno == EAGAIN) return fd;
  fd = connect_to(stand_in_for(path), time);
  if (fd && !is_trusted_peer(fd.get())) fd.reset();
  if (!fd) errno = ECONNREFUSED;  // that its queue is full says nothing of who has it
  return fd;
}

}  // namespace

std::filesystem::path status_socket_of(const std::filesystem::path& database) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(database, error);
  if (error) path = database;
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(path, error);
  if (!error) path = resolved;
  path += ".sock";
  return path;
}

bool StatusSocket::is_ours() const {
  struct stat found{};
  return inode_ != 0 && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_;
}

void StatusSocket::make() {
  if (listening_ && is_ours()) return;
  listening_.reset();
  inode_ = 0;
  try {
    make_file();
    stand_in_.reset();
  } catch (const std::system_error&) {
    make_stand_in();
    throw;
  }
}

void StatusSocket::make_stand_in() {
  const auto address = stand_in_for(path_);
  base::Fd listening = make_socket(SOCK_NONBLOCK);
  if (stand_in_ || !address || !listening) return;
  if (::bind(listening.get(), address->get(), address->length()) == 0 && ::listen(listening.get(), kBacklog) == 0) {
    stand_in_ = std::move(listening);
  }
}

void StatusSocket::make_file() {
  const Place place = place_of(path_);
  if (!place.address) throw_errno(errno, path_);
  remove_dead_socket(path_, *place.address);
  base::Fd listening = make_socket(SOCK_NONBLOCK);
  // Linux takes the mode of the file from the unbound socket, less the umask: it is never wider, not even for a moment.
  if (!listening || ::fchmod(listening.get(), kMode) != 0) throw_errno(errno, path_);
  if (::bind(listening.get(), place.address->get(), place.address->length()) != 0) throw_errno(errno, path_);
  ::chmod(path_.c_str(), kMode);  // whatever the umask is
  struct stat made{};
  if (::lstat(path_.c_str(), &made) == 0) {
    device_ = made.st_dev;
    inode_ = made.st_ino;
  }
  give_to_readers(path_, database_);
  if (::listen(listening.get(), kBacklog) != 0) throw_errno(errno, path_);
  listening_ = std::move(listening);
}

bool StatusSocket::answer_one(std::string_view answer) const {
  const base::Fd client(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client) return false;
  if (!listening_ && !is_trusted_peer(client.get())) return true;
  // It fits into the socket's buffer, or the client gets what does.
  [[maybe_unused]] const ssize_t ignored = ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  return true;
}

void StatusSocket::remove() {
  close();
  if (is_ours()) ::unlink(path_.c_str());
  inode_ = 0;
}

bool is_service_there(const std::filesystem::path& database) {
  return connect_to_service(database, {}) || errno == EAGAIN;  // many ask already
}

std::optional<std::string> ask_service(const std::filesystem::path& database, std::chrono::milliseconds time) {
  const auto give_up_at = std::chrono::steady_clock::now() + time;
  const base::Fd fd = connect_to_service(database, time);
  if (!fd) return std::nullopt;
  std::string answer;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(give_up_at - std::chrono::steady_clock::now());
    pollfd ready{fd.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return std::nullopt;
    char some[4096];
    const ssize_t got = ::recv(fd.get(), some, sizeof some, MSG_DONTWAIT);
    if (got < 0) return std::nullopt;
    if (got == 0) return answer;
    answer.append(some, static_cast<std::size_t>(got));
    if (answer.size() > kMaxAnswer_bytes) return std::nullopt;
  }
}

}  // namespace cgmm::daemon
