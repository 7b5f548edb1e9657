// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace cgmm::store {

/// As root, throws StoreError(unusable) if others than root could exchange the database or a file beside it, or write
/// to one of them: what is in them could not be believed, and what root records would be read. What does not exist yet
/// is not looked at.
void expect_trusted(const std::filesystem::path& file);

}  // namespace cgmm::store
