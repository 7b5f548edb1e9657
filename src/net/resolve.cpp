// SPDX-License-Identifier: Apache-2.0
#include "net/resolve.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/fd.hpp"
#include "net/http.hpp"

namespace cgmm::net {
namespace {

constexpr std::size_t kMaxAddresses = 8;

/// What a look-up found: plain bytes, so that it goes through a pipe.
struct Found {
  int error = 0;         // as getaddrinfo() returns it
  int system_error = 0;  // errno, for EAI_SYSTEM
  std::size_t count = 0;
  std::array<Address, kMaxAddresses> addresses;
};

Found look_up(const std::string& host, std::uint16_t port, int flags) {
  Found found;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  found.error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (found.error != 0) {
    found.system_error = errno;
    return found;
  }
  for (const addrinfo* at = list; at != nullptr && found.count < kMaxAddresses; at = at->ai_next) {
    if (at->ai_addrlen > sizeof(sockaddr_storage)) continue;
    Address& address = found.addresses[found.count++];
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
  }
  ::freeaddrinfo(list);
  return found;
}

/// A child process that looks up. It does not outlive this object.
class LookUp {
 public:
  LookUp(const std::string& host, std::uint16_t port) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) base::throw_errno(errno, "pipe");
    from_child_ = base::Fd(ends[0]);
    base::Fd to_parent(ends[1]);
    child_ = ::fork();
    if (child_ < 0) base::throw_errno(errno, "fork");
    if (child_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int status = 1;
    try {
      const Found found = look_up(host, port, AI_ADDRCONFIG);
      status = ::write(to_parent.get(), &found, sizeof found) == ssize_t{sizeof found} ? 0 : 1;
    } catch (...) {  // no memory: the parent sees that nothing came
    }
    ::_exit(status);
  }
  LookUp(const LookUp&) = delete;
  LookUp& operator=(const LookUp&) = delete;
  ~LookUp() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  int fd() const { return from_child_.get(); }
  /// What it wrote: less than a pipe holds, so it comes at once.
  Found read() const {
    Found found;
    ssize_t count = 0;
    do count = ::read(fd(), &found, sizeof found);
    while (count < 0 && errno == EINTR);
    if (count != ssize_t{sizeof found}) found.error = EAI_MEMORY;
    return found;
  }

 private:
  base::Fd from_child_;
  pid_t child_ = -1;
};

std::string in_words(const std::string& host, const Found& found) {
  const std::string begin = "The name " + host + " can't be looked up: ";
  if (found.error == EAI_NONAME || found.error == EAI_NODATA) {
    return "There is no host " + host + ". Is its name right, and does this machine's DNS know it?";
  }
  if (found.error == EAI_AGAIN) return begin + "the DNS server does not answer. See /etc/resolv.conf.";
  if (found.error == EAI_SYSTEM) return begin + std::generic_category().message(found.system_error) + '.';
  return begin + ::gai_strerror(found.error) + '.';
}

}  // namespace

std::vector<Address> resolve(const std::string& host, std::uint16_t port, const Patience& patience) {
  Found found = look_up(host, port, AI_NUMERICHOST);
  if (found.error == EAI_NONAME) {
    // getaddrinfo() may take minutes, and nothing can interrupt it. A process can be ended.
    const LookUp look_up_process(host, port);
    const Woken woken = wait_for(look_up_process.fd(), POLLIN, patience);
    if (woken == Woken::stopped) throw HttpError(HttpError::Kind::stopped, "Stopped.");
    if (woken == Woken::timeout) {
      throw HttpError(
          HttpError::Kind::timeout,
          "The name " + host + " is not looked up in time. Does the DNS server in /etc/resolv.conf answer?");
    }
    found = look_up_process.read();
  }
  if (found.error != 0) throw HttpError(HttpError::Kind::resolve, in_words(host, found));
  return {found.addresses.begin(), found.addresses.begin() + static_cast<std::ptrdiff_t>(found.count)};
}

}  // namespace cgmm::net
