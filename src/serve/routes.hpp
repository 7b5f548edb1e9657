// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which subcommand answers which address, and what becomes of its answer. Pure: any thread.

#include <optional>
#include <string>
#include <vector>

#include "net/http_server.hpp"
#include "serve/program.hpp"

namespace cgmm::serve {

struct Route {
  std::vector<std::string> arguments;  // of the program
  std::string type;                    // of the answer, as in Content-Type
  bool names_something = false;        // in its path: where the work fails, that was not found
};

/// nullopt: there is no such address.
std::optional<Route> route_of(const net::ServerRequest& request, bool with_containers);

/// An error is a sentence in plain text, the program's own.
net::ServerAnswer answer_of(const Route& route, ProgramAnswer answer);

}  // namespace cgmm::serve
