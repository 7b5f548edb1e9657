// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "core/table.hpp"

namespace cgmm::report {

/// reports/*.sql, embedded at build time, by name.
extern const std::span<const core::EmbeddedText> kReports;

/// page.css: how a page in a browser looks.
extern const std::span<const core::EmbeddedText> kStyles;

}  // namespace cgmm::report
