// SPDX-License-Identifier: Apache-2.0
#include "net/url.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "net/http.hpp"

namespace cgmm::net {
namespace {

bool is_in_host(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'; }
bool is_in_ipv6(char c) { return is_in_host(c) || c == ':' || c == '%'; }  // with a zone

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

std::string Url::place() const { return (is_ipv6() ? '[' + host + ']' : host) + ':' + std::to_string(port); }

std::string Url::authority() const {
  if (port == (is_https ? 443 : 80)) return is_ipv6() ? '[' + host + ']' : host;
  return place();
}

Url parse_url(std::string_view text, const std::string& what) {
  const auto refuse = [&what](const std::string& why) -> HttpError {
    return {HttpError::Kind::bad_url, what + ' ' + why};
  };
  Url url;
  const std::size_t scheme_end = text.find("://");
  const std::string scheme = in_lower_case(text.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end));
  if (scheme != "http" && scheme != "https") {
    throw refuse("has to begin with http:// or https://, as in https://clickhouse.example:8443.");
  }
  url.is_https = scheme == "https";
  text.remove_prefix(scheme_end + 3);

  const std::size_t authority_end = std::min(text.find_first_of("/?#"), text.size());
  std::string_view authority = text.substr(0, authority_end);
  const std::string_view path = text.substr(authority_end);
  const auto is_printable = [](char c) { return c > ' ' && c < '\x7f'; };
  if (path.find('#') != std::string_view::npos || !std::all_of(path.begin(), path.end(), is_printable)) {
    throw refuse("has a \"#\", a space or another character that has to be written as %XX.");
  }
  url.path = path.starts_with('?') ? '/' + std::string(path) : std::string(path);

  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user_info = base::unescaped(authority.substr(0, at), "%", 2, 16);
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) throw refuse("has an IPv6 address without its \"]\".");
    url.host = in_lower_case(authority.substr(1, end - 1));
    port = authority.substr(end + 1);
    if (!url.is_ipv6() || !std::all_of(url.host.begin(), url.host.end(), is_in_ipv6)) {
      throw refuse("has no IPv6 address in its brackets.");
    }
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = in_lower_case(authority.substr(0, colon));
    port = authority.substr(colon);
    if (port.find(':', 1) != std::string_view::npos) {
      throw refuse("has an IPv6 address without brackets. Write it as in http://[::1]:8123.");
    }
    if (url.host.empty()) throw refuse("names no host.");
    if (url.host.size() > 253 || !std::all_of(url.host.begin(), url.host.end(), is_in_host)) {
      throw refuse("has characters in the host's name that can't be there.");
    }
  }
  url.port = url.is_https ? 443 : 80;
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size() || url.port == 0) {
      throw refuse("has no port from 1 to 65535 after the host.");
    }
  }
  return url;
}

}  // namespace cgmm::net
