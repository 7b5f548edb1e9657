// SPDX-License-Identifier: Apache-2.0
#pragma once

// An HTTP/1.1 client for one server at a time: TLS, client certificates, a proxy, and a bound for everything that a
// server can do wrong. It starts no thread. One client is for one thread.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/gzip.hpp"

namespace cgmm::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpSettings {
  std::string url;                                          // http:// or https://host[:port][/base]
  std::filesystem::path ca_file;                            // empty: the system's authorities
  std::filesystem::path client_cert_file, client_key_file;  // empty: none
  std::string proxy;                                        // http://[user:password@]host:port; "": none
  std::chrono::milliseconds connect_timeout{5000};          // name, TCP, proxy and TLS together
  std::chrono::milliseconds total_timeout{60000};           // a whole send()
  std::size_t max_answer_bytes = std::size_t{64} << 20;     // of the body, as it comes and un-gzipped
  int stop_fd = -1;                                         // readable: send() ends with HttpError(stopped)
};

struct HttpRequest {
  std::string method = "POST";
  std::string target = "/";  // what comes after the url's base: path and query, encoded
  Headers headers;           // without Host and Content-Length
  std::string_view body;
};

struct HttpAnswer {
  int status = 0;
  Headers headers;
  std::string body;  // un-gzipped where Content-Encoding says so

  /// "" where there is none. The name in any case.
  std::string_view header(std::string_view name) const;
};

/// No answer, or none that can be used. what() is a sentence: which host, what is wrong, what to do. It never has a
/// password or the value of a header.
class HttpError : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t {
    bad_url,     // settings.url or proxy, or a request that can't be sent as it is
    resolve,     // the host's name
    connect,     // TCP
    tls,         // certificates, ours and the server's; no TLS
    timeout,     // connect_timeout or total_timeout
    closed,      // in the middle
    too_big,     // the answer
    bad_answer,  // is no HTTP
    redirect,    // to where this client does not go
    proxy,       // refuses
    stopped,     // stop_fd
  };
  HttpError(Kind what_kind, const std::string& sentence, bool sent = false)
      : std::runtime_error(sentence), kind(what_kind), was_sent(sent) {}

  Kind kind;
  bool was_sent;  // bytes of the request have left: the server may have taken it
};

/// Keeps its connection open from one request to the next. Files of certificates are read at each new connection, so
/// renewed ones are used.
class HttpClient {
 public:
  /// Throws HttpError(bad_url).
  explicit HttpClient(HttpSettings settings);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  /// The answer, whatever its status. A GET follows redirects to the same scheme, host and port. A request is sent a
  /// second time only where the server closed a kept connection without any byte of an answer. Throws HttpError or
  /// std::bad_alloc, nothing else.
  HttpAnswer send(const HttpRequest& request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cgmm::net
