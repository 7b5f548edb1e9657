// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a client of `serve` sends: an address, a header Host, a header Authorization. Whoever reaches the
// port chooses them. Nothing of it may become an option of the program that answers, but those that a page has.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "net/request.hpp"
#include "require.hpp"
#include "serve/routes.hpp"

namespace {

using namespace cgmm;

constexpr std::array kOptions = {"--links=",    "--sort=",   "--since=",  "--until=", "--cgroup=",
                                 "--workload=", "--window=", "--format=", "--node=",  "--max-time="};
constexpr std::array kFlags = {"--all", "--list", "--openmetrics", "--containers"};

bool is_known_option(const std::string& word) {
  return std::ranges::find(kFlags, word) != kFlags.end() ||
         std::ranges::any_of(kOptions, [&](const char* option) { return word.starts_with(option); });
}

void check_route(const net::ServerRequest& request, const serve::Pages& pages) {
  const auto route = serve::route_of(request, pages);
  if (!route) return;
  REQUIRE(!route->arguments.empty() && !route->type.empty());
  REQUIRE(!route->arguments.front().starts_with('-'));
  int formats = 0;
  for (const std::string& word : route->arguments) {
    REQUIRE(!word.empty() && word.find('\0') == std::string::npos);
    REQUIRE(!word.starts_with('-') || is_known_option(word));
    formats += word.starts_with("--format=") ? 1 : 0;
  }
  REQUIRE(formats == (route->arguments.front() == "metrics" ? 0 : 1));
}

/// As a browser writes it.
std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
  }
  return out;
}

void check_target(std::string_view target) {
  const auto request = net::parse_target(target);
  if (!request) return;
  REQUIRE(request->path.starts_with('/') && request->path.size() <= target.size());
  std::string again = "/" + escaped(std::string_view(request->path).substr(1));
  char sign = '?';
  for (const auto& [name, value] : request->values) {
    REQUIRE(name.find('\0') == std::string::npos && value.find('\0') == std::string::npos);
    again += sign + escaped(name) + "=" + escaped(value);
    sign = '&';
  }
  REQUIRE(request->path.find('\0') == std::string::npos);
  const auto same = net::parse_target(again);
  REQUIRE(same && same->path == request->path && same->values == request->values);
  check_route(*request, {});
  check_route(*request, {.of_fleet = true});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  check_target(text);
  check_target("/" + std::string(text));
  check_target("/report?" + std::string(text));
  check_route({.path = std::string(text.substr(0, text.find('\0'))), .values = {}, .accept = std::string(text)},
              {.with_containers = true});
  REQUIRE(net::has_token(text, "secret") == (text == "Bearer secret"));
  if (net::is_called_by_address(text) && !text.starts_with('[')) {
    const std::string_view name = text.substr(0, text.find(':'));
    REQUIRE(name == "localhost" || name.find_first_not_of("0123456789.") == std::string_view::npos);
  }
  return 0;
}
