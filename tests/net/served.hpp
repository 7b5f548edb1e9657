// SPDX-License-Identifier: Apache-2.0
#pragma once

// A server on a thread of its own, and a client that says what it wants.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "base/fd.hpp"
#include "net/http_server.hpp"

namespace cgmm::test {

using net::Server;
using net::ServerRequest;
using net::ServerSettings;

/// A server on a thread of its own.
class Served {
 public:
  explicit Served(ServerSettings settings = {}, Server::Handler handler = echo)
      : server_(settings, std::move(handler)), thread_([this] { server_.run(stop_.get()); }) {}
  ~Served() {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
  }
  std::uint16_t port() const { return server_.port(); }
  void publish(const std::string& event, bool is_kept = false) { server_.publish(event, is_kept); }
  std::size_t listener_count() const { return server_.listener_count(); }
  std::string url(const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(port());
  }

  static void echo(const ServerRequest& request, const Server::Answer& answer) {
    std::string text = request.path;
    for (const auto& [name, value] : request.values) text += "|" + name + "=" + value;
    answer({.body = text});
  }

 private:
  base::Fd stop_{::eventfd(0, EFD_CLOEXEC)};
  Server server_;
  std::thread thread_;
};

/// A client that says what it wants.
class Raw {
 public:
  explicit Raw(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(port);
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&place), sizeof place), 0);
  }
  void say(const std::string& text) const {
    [[maybe_unused]] const auto ignored = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// All that comes until `end` comes or the server ends the connection.
  std::string hear(const std::string& end = "") const {
    std::string text;
    std::array<char, 4096> bytes;
    while (end.empty() || text.find(end) == std::string::npos) {
      pollfd readable{fd_.get(), POLLIN, 0};
      if (::poll(&readable, 1, 20'000) <= 0) return text + " and then nothing";
      const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
      if (got <= 0) break;
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

  int fd() const { return fd_.get(); }
  /// Nothing is said or heard any more.
  void shut() const { ::shutdown(fd_.get(), SHUT_RDWR); }

 private:
  base::Fd fd_;
};

/// Whoever asks for "/events" listens.
inline void events_or_echo(const ServerRequest& request, const Server::Answer& answer) {
  if (request.path != "/events") return Served::echo(request, answer);
  answer({.type = "text/event-stream", .listens = true});
}

}  // namespace cgmm::test
