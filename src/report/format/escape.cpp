// SPDX-License-Identifier: Apache-2.0
#include "report/format/escape.hpp"

#include "base/text.hpp"

namespace cgmm::report {

std::string escape_markdown(std::string_view text) {
  std::string out;
  for (const char c : base::escape_for_terminal(text)) {
    switch (c) {
      // HTML characters become entities: some renderers ignore a backslash before them.
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '|':
      case '\\':
      case '`':
      case '*':
      case '_':
      case '[':
      case ']':
      case '~':
      case '#':
      case '$':
        out += '\\';
        [[fallthrough]];
      default:
        out += c;
    }
  }
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : base::escape_for_terminal(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string escape_csv(std::string_view text) {
  const std::string valid = base::to_valid_utf8(text);
  if (!valid.empty() && valid.find_first_of("\",\r\n") == std::string::npos) return valid;
  std::string out = "\"";
  for (const char c : valid) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace cgmm::report
