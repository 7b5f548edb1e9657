// SPDX-License-Identifier: Apache-2.0
#pragma once

// A server on loopback that does with each connection what a test says: to be used through TestServer, on a thread of
// its own. Connections are served one after another.

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/fd.hpp"

namespace cgmm::test {

/// The server's end of one connection.
class Visit {
 public:
  Visit(base::Fd socket, SSL_CTX* tls) : socket_(std::move(socket)), ssl_(nullptr, ::SSL_free) {
    if (tls == nullptr) return;
    ssl_.reset(::SSL_new(tls));
    ::SSL_set_fd(ssl_.get(), socket_.get());
    is_open_ = ::SSL_accept(ssl_.get()) == 1;
  }
  ~Visit() {
    if (ssl_ && is_open_) ::SSL_shutdown(ssl_.get());
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  bool is_open() const { return is_open_; }

  /// The head and the body of the next request; "": the client has gone.
  std::string request() {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos) {
      if (!read_into(text)) return "";
    }
    const std::size_t head = text.find("\r\n\r\n") + 4;
    const std::size_t at = text.find("Content-Length: ");
    const std::size_t body = at < head ? std::stoul(text.substr(at + 16)) : 0;
    while (text.size() < head + body) {
      if (!read_into(text)) return "";
    }
    return text;
  }
  /// Until so many bytes came.
  std::string read(std::size_t size) {
    std::string text;
    while (text.size() < size && read_into(text)) {
    }
    return text;
  }
  void write(std::string_view text) {
    while (!text.empty() && is_open_) {
      const auto size = static_cast<int>(text.size());
      const ssize_t count = ssl_ ? ::SSL_write(ssl_.get(), text.data(), size)
                                 : ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  /// 200 with this body.
  void answer(std::string_view body, std::string_view headers = "", std::string_view status = "200 OK") {
    write("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
          std::string(headers) + "\r\n" + std::string(body));
  }
  void wait_until_client_goes() {
    std::string text;
    while (read_into(text)) text.clear();
  }
  /// From now on over TLS.
  void start_tls(SSL_CTX* tls) {
    ssl_.reset(::SSL_new(tls));
    ::SSL_set_fd(ssl_.get(), socket_.get());
    is_open_ = ::SSL_accept(ssl_.get()) == 1;
  }
  void end_without_goodbye() { is_open_ = false; }
  /// The client sees a reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    is_open_ = false;
    socket_.reset();
  }

 private:
  bool read_into(std::string& text) {
    char buffer[16 << 10];
    if (!is_open_) return false;
    const ssize_t count =
        ssl_ ? ::SSL_read(ssl_.get(), buffer, int{sizeof buffer}) : ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    text.append(buffer, static_cast<std::size_t>(count));
    return true;
  }

  base::Fd socket_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  bool is_open_ = true;
};

class TestServer {
 public:
  using Serve = std::function<void(Visit&)>;

  explicit TestServer(Serve serve, SSL_CTX* tls = nullptr, int family = AF_INET)
      : listening_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    auto* const address = family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
    socklen_t size = family == AF_INET ? socklen_t{sizeof v4} : socklen_t{sizeof v6};
    if (::bind(listening_.get(), address, size) != 0 || ::listen(listening_.get(), 16) != 0 ||
        ::getsockname(listening_.get(), address, &size) != 0) {
      throw std::runtime_error("no server on loopback");
    }
    port_ = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    thread_ = std::thread([this, serve = std::move(serve), tls] { run(serve, tls); });
  }
  ~TestServer() {
    ends_ = true;
    ::shutdown(listening_.get(), SHUT_RDWR);
    thread_.join();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::string place(const std::string& host = "127.0.0.1") const { return host + ':' + std::to_string(port_); }
  std::string url(const std::string& host = "127.0.0.1") const { return "http://" + place(host); }
  std::string https_url(const std::string& host = "127.0.0.1") const { return "https://" + place(host); }
  int connections() const { return connections_; }

 private:
  void run(const Serve& serve, SSL_CTX* tls) {
    sigset_t pipe;  // OpenSSL's writes raise it; only this thread may ignore it, because the client must not need that
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    while (!ends_) {
      base::Fd socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) continue;
      ++connections_;
      Visit visit(std::move(socket), tls);
      serve(visit);
    }
  }

  base::Fd listening_;
  int port_ = 0;
  std::atomic<bool> ends_ = false;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace cgmm::test
