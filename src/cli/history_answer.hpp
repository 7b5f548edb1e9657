// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `history` and `fleet history` say of one history. One thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/output.hpp"
#include "report/format/render.hpp"
#include "report/history/sections.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {

/// So many sections are shown; what else there is, is told.
inline constexpr std::size_t kMaxCharts = 8;

/// A section each, with charts and tables. `keep_samples_us`: for how long the history has samples; nullopt: that is
/// not a setting of it.
std::string history_text(const std::vector<report::Section>& sections, store::Reader& reader, const Window& window,
                         std::optional<std::int64_t> keep_samples_us, const report::Style& style);
/// The same in HTML, without the page around it.
std::string history_html(const std::vector<report::Section>& sections, store::Reader& reader, const Window& window,
                         std::optional<std::int64_t> keep_samples_us);
/// A path that is given as it is means that path.
bool is_path(const core::Table& cgroups, const std::string& cgroup);

/// In a page of `serve`, where another window has an answer: why this one has none, and the links to others. False:
/// nothing was written.
bool write_no_history(const Options& options, store::Reader& reader, const Window& window, const std::string& why);

/// The whole answer of one history, in the format that is asked for.
void write_history(const Options& options, const std::vector<report::Section>& sections, store::Reader& reader,
                   const Window& window, std::optional<std::int64_t> keep_samples_us);

}  // namespace cgmm::cli
