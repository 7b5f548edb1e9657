// SPDX-License-Identifier: Apache-2.0
#include "serve/files.hpp"

#include <algorithm>
#include <string>

namespace cgmm::serve {

std::optional<net::ServerAnswer> file_at(std::string_view path) {
  const bool is_script = path == "/page.js";
  if (!is_script && path != "/openapi.json") return std::nullopt;
  const auto file = std::ranges::find(kFiles, is_script ? "page" : "openapi", &core::EmbeddedText::name);
  if (file == kFiles.end()) return std::nullopt;
  return net::ServerAnswer{.type = is_script ? "text/javascript; charset=utf-8" : "application/json",
                           .body = std::string(file->text)};
}

}  // namespace cgmm::serve
