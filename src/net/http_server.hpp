// SPDX-License-Identifier: Apache-2.0
#pragma once

// An HTTP server for a few people and programs: GET and HEAD only, one thread for all connections, bounds for all that
// a client can do wrong. Boost.Beast reads the requests, Boost.Asio waits (http_server.cpp and server_files.cpp alone
// include them), OpenSSL does TLS.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/request.hpp"

namespace cgmm::net {

struct ServerSettings {
  std::string address = "127.0.0.1";          // without a name: it is not looked up
  std::uint16_t port = 0;                     // 0: any that is free
  std::filesystem::path cert_file, key_file;  // PEM; empty: no TLS
  std::filesystem::path token_file;           // its first line has to be sent; empty: anybody may ask
  std::string path_without_token;             // anybody may ask for it, exactly so
  // Only for who calls the server by an address or "localhost": else a page of somebody else's, whose name leads to
  // this machine, could have a browser read from it.
  bool only_by_address = false;
  // Of one more, the oldest that asks nothing is closed, else the oldest that takes its answer, else the new one.
  std::size_t max_connections = 256;
  std::size_t max_listeners = 32;                  // of one more, the request is refused
  std::size_t max_late_events = 8;                 // that wait for a listener; one that is later is closed
  std::chrono::milliseconds request_time{10'000};  // to send a request, also to begin one
  std::chrono::milliseconds answer_time{30'000};   // to take an answer; also of one that is gone without a word
  std::chrono::milliseconds left_time{1'000};      // between two looks whether those who wait are still there
  std::chrono::milliseconds look_time{5'000};      // between two looks whether those files have changed
  std::function<void(const std::string&)> tell;    // that a changed file can't be used; in the server's thread
};

struct ServerAnswer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::shared_ptr<const std::string> shared_body = nullptr;  // instead, where several clients get the same
  std::vector<std::pair<std::string, std::string>> headers;
  bool listens = false;  // instead of a body, the events that are published from now on (server-sent events)
};

class Server {
 public:
  /// Of one request. Any thread.
  struct Answer {
    std::function<void(ServerAnswer answer)> give;  // once
    std::function<bool()> is_wanted;                // whether the client is still there

    void operator()(ServerAnswer answer) const { give(std::move(answer)); }
  };
  /// Called in the server's thread: it must not wait, so it answers later, or at once.
  using Handler = std::function<void(const ServerRequest& request, Answer answer)>;

  /// Listens from now on. Throws std::runtime_error with a sentence: the address is in use or none of this machine, or
  /// the certificate or the token can't be used.
  Server(const ServerSettings& settings, Handler handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  std::uint16_t port() const;
  /// Serves until `stop_fd` is readable.
  void run(int stop_fd);

  /// To all who listen. `event` is whole: "event: x\ndata: y\n\n". `is_kept`: the last such one is also the first that
  /// a new listener gets. Any thread.
  void publish(std::string event, bool is_kept = false);
  /// Any thread.
  std::size_t listener_count() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace cgmm::net
