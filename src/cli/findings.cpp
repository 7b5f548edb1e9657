// SPDX-License-Identifier: Apache-2.0
#include "cli/findings.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"

namespace cgmm::cli {
namespace {

constexpr std::size_t kIndent = 9;  // "problem  "

std::size_t count_of(const core::Table& findings, std::string_view result) {
  std::size_t count = 0;
  for (const report::Row row : report::rows_of(findings)) count += row.text("result") == result ? 1U : 0U;
  return count;
}

}  // namespace

std::string list_of(const core::Table& findings, const report::Style& style) {
  std::string out = report::text_title("Check: " + base::counted(count_of(findings, "problem"), "problem") + ", " +
                                           base::counted(count_of(findings, "warning"), "warning") + ", " +
                                           std::to_string(count_of(findings, "ok")) + " ok",
                                       style);
  for (const std::string_view result : {"problem", "warning", "ok"}) {
    for (const report::Row row : report::rows_of(findings)) {
      if (row.text("result") != result) continue;
      const std::string label = std::string(result) + std::string(kIndent - result.size(), ' ');
      const auto shown = [&](const char* column) { return report::human_cell(column, row.cell(column)); };
      out += (result == "ok"        ? report::dim(label, style)
              : result == "problem" ? report::alarming(label, style)
                                    : report::bold(label, style)) +
             report::wrapped(shown("item") + ": " + shown("detail"), style, kIndent);
      if (result != "ok") {
        out += std::string(kIndent, ' ') + report::wrapped("What to do: " + shown("advice"), style, kIndent);
      }
    }
  }
  return out;
}

}  // namespace cgmm::cli
