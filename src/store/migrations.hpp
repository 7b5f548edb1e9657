// SPDX-License-Identifier: Apache-2.0
#pragma once

// The schema, version by version: schema/NNNN_*.sql, embedded at build time. Version N is reached by running the first N.

#include <span>

#include "core/table.hpp"

namespace cgmm::store {

extern const std::span<const core::EmbeddedText> kMigrations;

/// In the database's header, so that another program's file is told from ours ("cgmm" as PRAGMA application_id).
inline constexpr int kApplicationId = 0x63676d6d;

}  // namespace cgmm::store
