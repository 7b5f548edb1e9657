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
  /// From the history and the time alone: the same within a second, while the history is the same.
  bool is_of_history = true;
  std::vector<std::string> takes{};  // names of the parameters that there are, after '?'
  std::string mistake{};             // in the parameters, a sentence; "": none
};

/// What is served.
struct Pages {
  bool with_containers = false;  // metrics have gauges for each container
  bool of_fleet = false;         // of all nodes, from ClickHouse; without metrics
};

/// nullopt: there is no such address.
std::optional<Route> route_of(const net::ServerRequest& request, const Pages& pages);

/// What is said of an address that there is not.
std::string no_such_page(const net::ServerRequest& request, const Pages& pages);

/// How long the program may take that makes a page.
ProgramBounds bounds_of(const Pages& pages);

/// An argument of each: the exit code tells then whose mistake it is.
inline constexpr const char* kForServe = "--for-serve";

/// An error is a sentence in plain text, the program's own.
net::ServerAnswer answer_of(const Route& route, ProgramAnswer answer);

/// `html` instead of an error's sentence, for who shows pages to people.
net::ServerAnswer as_page(net::ServerAnswer error, std::string html);

}  // namespace cgmm::serve
