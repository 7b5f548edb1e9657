// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a client of the HTTP server asks for, and what it says of itself. Pure: any thread.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cgmm::net {

struct ServerRequest {
  std::string path;                                         // unescaped: "/incident/16"
  std::vector<std::pair<std::string, std::string>> values;  // what comes after '?', unescaped
  std::string accept;                                       // the header, "" without one

  /// The last one of that name; nullopt: there is none.
  std::optional<std::string> value(std::string_view name) const;
};

/// nullopt: it is no path with escapes and values, or has a zero in it. A whole address ("http://127.0.0.1/now") is
/// one, too.
std::optional<ServerRequest> parse_target(std::string_view target);

/// What a whole address calls the server: "127.0.0.1:9748"; "": it is a path.
std::string_view host_in(std::string_view target);

/// Whether the header Authorization has the token: as "Bearer TOKEN", or as the password of "Basic", whoever the user
/// is. How long it takes does not tell how much of it is right.
bool has_token(std::string_view authorization, std::string_view token);

/// Whether the header Host is an address or "localhost", with a port or without: "127.0.0.1:9748", "[::1]". Also "",
/// which no browser sends.
bool is_called_by_address(std::string_view host);

}  // namespace cgmm::net
