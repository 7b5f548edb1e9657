// SPDX-License-Identifier: Apache-2.0
#pragma once

// The certificate, key and token of the HTTP server. They are read again when their files change: in a cluster they are
// replaced from time to time.

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace cgmm::net {

/// The first line of the file. Throws std::runtime_error: it can't be read, or has none.
std::string token_in(const std::filesystem::path& file);

class ServerFiles {
 public:
  using Tls = std::shared_ptr<boost::asio::ssl::context>;

  /// Each may be empty: no TLS, no token. Throws std::runtime_error with a sentence where one can't be used.
  ServerFiles(std::filesystem::path cert_file, std::filesystem::path key_file, std::filesystem::path token_file);

  /// Reads what has changed, if it has not changed between the last two looks: a file may be half written, and the key
  /// may come after its certificate. What can't be used is not taken, and the sentence why is returned, once for each
  /// change; else "".
  std::string look_again();

  const Tls& tls() const { return tls_; }  // nullptr: none
  const std::string& token() const { return token_; }

 private:
  /// Which file it is, and since when.
  using Sign = std::array<std::int64_t, 5>;
  using Signs = std::array<Sign, 3>;

  void read();
  Signs signs() const;

  std::filesystem::path cert_file_, key_file_, token_file_;
  Tls tls_;
  std::string token_;
  Signs read_{}, seen_{};
};

}  // namespace cgmm::net
