// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/table.hpp"
#include "net/http_server.hpp"

namespace cgmm::serve {

/// page.js and docs/openapi.json, embedded at build time, by name.
extern const std::span<const core::EmbeddedText> kFiles;

/// What is in the program itself; nullopt: it is none of these.
std::optional<net::ServerAnswer> file_at(std::string_view path);

}  // namespace cgmm::serve
