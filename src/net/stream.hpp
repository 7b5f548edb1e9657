// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bytes to a server and from it, without waiting: TCP, and TLS over it. One thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "net/wait.hpp"

namespace cgmm::net {

struct Step {
  enum class Kind : std::uint8_t {
    moved,  // `bytes`, at least one
    waits,  // for `events`
    ended,  // reading: the other side has ended the connection in order
    cut,    // the connection is gone
  };
  Kind kind = Kind::waits;
  std::size_t bytes = 0;
  short events = 0;
};

class Stream {
 public:
  explicit Stream(base::Fd socket) : socket_(std::move(socket)) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  virtual Step read_some(std::span<char> buffer);
  virtual Step write_some(std::string_view bytes);

  int fd() const { return socket_.get(); }
  base::Fd release() { return std::move(socket_); }

 private:
  base::Fd socket_;
};

/// Connected over TCP to one of the host's addresses. Throws HttpError (resolve, connect, timeout, stopped).
base::Fd connect_tcp(const std::string& host, std::uint16_t port, const Patience& patience);

struct TlsFiles {
  std::filesystem::path ca, client_cert, client_key;  // empty: the system's authorities; none
};

/// TLS 1.2 or newer, after its handshake: the server has a certificate for this host, from an authority that is
/// trusted. Throws HttpError (tls, closed, timeout, stopped); read_some() and write_some() throw HttpError(tls).
std::unique_ptr<Stream> start_tls(base::Fd socket, const std::string& host, const std::string& place,
                                  const TlsFiles& files, const Patience& patience);

}  // namespace cgmm::net
