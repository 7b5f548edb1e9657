// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "core/table.hpp"

namespace cgmm::fleet {

/// fleet/ship/*.sql, embedded at build time, by name.
extern const std::span<const core::EmbeddedText> kShipped;

}  // namespace cgmm::fleet
