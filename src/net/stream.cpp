// SPDX-License-Identifier: Apache-2.0
#include "net/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <system_error>

#include "net/http.hpp"
#include "net/resolve.hpp"

namespace cgmm::net {
namespace {

using Kind = HttpError::Kind;

/// 0, or errno.
int connect_to(int socket, const Address& address, const Patience& patience) {
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  const Woken woken = wait_for(socket, POLLOUT, patience);
  if (woken == Woken::stopped) throw HttpError(Kind::stopped, "Stopped.");
  if (woken == Woken::timeout) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

HttpError refused(const std::string& place, int error) {
  const std::string begin = place + " can't be reached: ";
  switch (error) {
    case ETIMEDOUT:
      return {Kind::timeout,
              begin + "it does not answer in time. Is the address right, and does no firewall drop this?"};
    case ECONNREFUSED:
      return {Kind::connect, begin + "nothing listens there. Does the server run, and is the port right?"};
    case EACCES:
    case EPERM:
      return {Kind::connect,
              begin + "this machine does not allow it. Look at its firewall, and at IPAddressDeny in the unit."};
    default:
      return {Kind::connect, begin + std::generic_category().message(error) + ". Is the address right?"};
  }
}

Step failed_step(int error, short events) {
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) return {Step::Kind::waits, 0, events};
  return {Step::Kind::cut};
}

}  // namespace

Step Stream::read_some(std::span<char> buffer) {
  const ssize_t count = ::recv(fd(), buffer.data(), buffer.size(), 0);
  if (count < 0) return failed_step(errno, POLLIN);
  if (count == 0) return {Step::Kind::ended};
  return {Step::Kind::moved, static_cast<std::size_t>(count)};
}

Step Stream::write_some(std::string_view bytes) {
  const ssize_t count = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count < 0) return failed_step(errno, POLLOUT);
  return {Step::Kind::moved, static_cast<std::size_t>(count)};
}

base::Fd connect_tcp(const std::string& host, std::uint16_t port, const Patience& patience) {
  const std::string place =
      (host.find(':') == std::string::npos ? host : '[' + host + ']') + ':' + std::to_string(port);
  const std::vector<Address> addresses = resolve(host, port, patience);
  int error = EADDRNOTAVAIL;
  std::size_t left = addresses.size();
  for (const Address& address : addresses) {
    // One address that does not answer must not use up the time of all.
    const auto now = std::chrono::steady_clock::now();
    const Patience share{now + (patience.end - now) / static_cast<std::int64_t>(left--), patience.stop_fd};
    base::Fd socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    error = socket ? connect_to(socket.get(), address, share) : errno;
    if (error != 0) continue;
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
  }
  throw refused(place, error);
}

}  // namespace cgmm::net
