// SPDX-License-Identifier: Apache-2.0
#include "net/request.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

namespace cgmm::net {
namespace {

/// Takes "http://HOST" off the begin; "": it does not begin so.
std::string_view take_host(std::string_view& target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::string_view host = target.substr(0, target.find_first_of("/?#"));
    target.remove_prefix(host.size());
    return host;
  }
  return "";
}

/// %XX and '+'; nullopt: a '%' that is none, or a zero.
std::optional<std::string> unescaped(std::string_view text, bool plus_is_space) {
  std::string result;
  while (!text.empty()) {
    if (text.front() == '%') {
      unsigned byte = 0;
      const char* const end = text.data() + 3;
      if (text.size() < 3 || std::from_chars(text.data() + 1, end, byte, 16).ptr != end || byte == 0)
        return std::nullopt;
      result += static_cast<char>(byte);
      text.remove_prefix(3);
    } else {
      result += text.front() == '+' && plus_is_space ? ' ' : text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

/// Capital letters or small ones: `lower` is in small ones.
bool is_scheme(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

/// What follows the ':' in "user:password", which is in base64; "": it is not that.
std::string password_in(std::string_view base64) {
  std::string text(base64.size(), '\0');  // it gets shorter
  const int size =
      ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(base64.data()), static_cast<int>(base64.size()));
  if (size <= 0) return "";
  const int padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;  // is counted as bytes
  text.resize(static_cast<std::size_t>(size - padding));
  const std::size_t colon = text.find(':');
  return colon == std::string::npos ? "" : text.substr(colon + 1);
}

}  // namespace

std::optional<std::string> ServerRequest::value(std::string_view name) const {
  for (auto one = values.rbegin(); one != values.rend(); ++one) {
    if (one->first == name) return one->second;
  }
  return std::nullopt;
}

std::string_view host_in(std::string_view target) { return take_host(target); }

std::optional<ServerRequest> parse_target(std::string_view target) {
  if (!take_host(target).empty() && target.empty()) target = "/";
  if (!target.starts_with('/') || target.find('\0') != std::string_view::npos) return std::nullopt;
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  const auto path = unescaped(target.substr(0, question), false);
  if (!path) return std::nullopt;
  ServerRequest request{.path = *path};
  std::string_view rest = question == std::string_view::npos ? "" : target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = unescaped(pair.substr(0, equals), true);
    const auto value = unescaped(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return std::nullopt;
    request.values.emplace_back(*name, *value);
  }
  return request;
}

bool has_token(std::string_view authorization, std::string_view token) {
  const std::string_view scheme = authorization.substr(0, authorization.find(' '));
  std::string_view rest = authorization.substr(scheme.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  std::string given;
  if (is_scheme(scheme, "bearer")) given = rest;
  if (is_scheme(scheme, "basic")) given = password_in(rest);
  return given.size() == token.size() && CRYPTO_memcmp(given.data(), token.data(), token.size()) == 0;
}

bool is_called_by_address(std::string_view host) {
  const bool is_v6 = host.starts_with('[');
  const std::size_t end = is_v6 ? host.find(']') : host.find(':');
  const std::string name(host.substr(is_v6 ? 1 : 0, end == std::string_view::npos ? end : end - (is_v6 ? 1 : 0)));
  in6_addr address{};
  return name.empty() || name == "localhost" || ::inet_pton(is_v6 ? AF_INET6 : AF_INET, name.c_str(), &address) == 1;
}

}  // namespace cgmm::net
