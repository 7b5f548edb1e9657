// SPDX-License-Identifier: Apache-2.0
// Any bytes as a name that is shown: on a terminal, in Markdown, HTML and CSV.

#include <algorithm>
#include <string>

#include "base/text.hpp"
#include "report/format/escape.hpp"
#include "require.hpp"

namespace {

using namespace cgmm;

/// C0, DEL, and C1 as UTF-8 has it; the marks that turn the direction of writing.
bool steers(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return true;
  }
  return text.find("\xe2\x80\xae") != std::string_view::npos || text.find("\xe2\x80\xa8") != std::string_view::npos;
}

/// The one field back, or a failure.
std::string csv_field(std::string_view text) {
  REQUIRE(!text.empty());
  if (text.front() != '"') {
    REQUIRE(text.find_first_of("\",\r\n") == std::string_view::npos);
    return std::string(text);
  }
  REQUIRE(text.size() >= 2 && text.back() == '"');
  std::string field;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '"') {
      ++i;
      REQUIRE(i + 1 < text.size() && text[i] == '"');
    }
    field += text[i];
  }
  return field;
}

/// Whether one of `marks` is there without a backslash that is its own.
bool has_bare(std::string_view text, std::string_view marks) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (marks.find(text[i]) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::string shown = base::escape_for_terminal(text);
  REQUIRE(base::is_valid_utf8(shown) && !steers(shown));
  REQUIRE(base::escape_for_terminal(shown) == shown);  // nothing that is left to be escaped
  if (base::is_valid_utf8(text) && !steers(text) && text.find('\xe2') == std::string_view::npos &&
      text.find('\xd8') == std::string_view::npos) {
    REQUIRE(shown == text);
  }
  const std::string valid = base::to_valid_utf8(text);
  REQUIRE(base::is_valid_utf8(valid) && (valid == text) == base::is_valid_utf8(text));
  REQUIRE(csv_field(report::escape_csv(text)) == valid);
  const std::string html = report::escape_html(text);
  REQUIRE(base::is_valid_utf8(html) && !steers(html) && html.find_first_of("<>\"'") == std::string::npos);
  const std::string markdown = report::escape_markdown(text);
  REQUIRE(base::is_valid_utf8(markdown) && !steers(markdown) && !has_bare(markdown, "<>|`*_[]~#$"));
  return 0;
}
