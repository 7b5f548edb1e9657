// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "store/error.hpp"

namespace cgmm::store {

/// Makes the file `to`, which must not exist, a copy of the history as it is at one moment, also while a service writes
/// to it, and looks through it. Only the owner may write the copy, and the group `adm` read it, as with the history.
/// Throws StoreError, and leaves nothing then.
void back_up(const std::filesystem::path& file, const std::filesystem::path& to);

}  // namespace cgmm::store
