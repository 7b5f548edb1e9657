// SPDX-License-Identifier: Apache-2.0
#pragma once

// The address of a server, taken apart. Pure: any thread.

#include <cstdint>
#include <string>
#include <string_view>

namespace cgmm::net {

struct Url {
  bool is_https = false;
  std::string host;  // a name, or an address without brackets
  std::uint16_t port = 0;
  std::string path;       // "" or "/..."; with the query
  std::string user_info;  // "user:password", decoded; secret

  bool is_ipv6() const { return host.find(':') != std::string::npos; }
  /// host:port, for sentences.
  std::string place() const;
  /// The value of Host: without the port where it is the scheme's.
  std::string authority() const;
  bool has_same_origin(const Url& other) const {
    return is_https == other.is_https && host == other.host && port == other.port;
  }
};

/// Throws HttpError(bad_url) with a sentence that begins with `what` ("The setting url") and has nothing secret.
Url parse_url(std::string_view text, const std::string& what);

}  // namespace cgmm::net
