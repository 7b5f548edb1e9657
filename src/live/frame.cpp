// SPDX-License-Identifier: Apache-2.0
#include "live/frame.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "report/format/escape.hpp"
#include "report/format/wrap.hpp"

namespace cgmm::live {
namespace {

/// As many whole characters as fit.
std::string cut(const std::string& text, std::size_t columns) {
  std::size_t width = 0, at = 0;
  while (at < text.size()) {
    const std::size_t length = std::max<std::size_t>(base::decode_utf8(text, at).length, 1);
    width += report::display_width(std::string_view(text).substr(at, length));
    if (width > columns) break;
    at += length;
  }
  return text.substr(0, at);
}

}  // namespace

std::string Line::text() const {
  std::string all;
  for (const Span& span : spans) all += span.text;
  return all;
}

std::string LineWriter::in_terminal(std::string_view text) const {
  return ascii_ ? report::to_ascii(text) : std::string(text);
}

void LineWriter::add(std::string_view text, Look look) {
  std::string shown = in_terminal(text);
  std::size_t width = report::display_width(shown);
  if (width > left_) {
    shown = cut(shown, left_);
    width = report::display_width(shown);
  }
  if (shown.empty()) return;
  left_ -= std::min(width, left_);
  line_.spans.push_back({std::move(shown), look});
}

void LineWriter::add_left(std::string_view text, std::size_t width, Look look) {
  std::string shown = in_terminal(text);
  const report::Style style{.width = width, .fits = true, .ascii = ascii_};
  if (report::display_width(shown) > width) shown = in_terminal(report::shortened(shown, width, style));
  if (report::display_width(shown) > width) shown = cut(shown, width);
  const std::size_t used = report::display_width(shown);
  shown.append(width > used ? width - used : 0, ' ');
  add(shown, look);
}

void LineWriter::add_right(std::string_view text, std::size_t width, Look look) {
  const std::string shown = in_terminal(text);
  add(report::display_width(shown) > width ? cut(shown, width) : report::right_aligned(shown, width), look);
}

void LineWriter::fill(Look look) {
  if (left_ > 0) add(std::string(left_, ' '), look);
}

Line LineWriter::finish(bool is_selected) {
  line_.is_selected = is_selected;
  return std::move(line_);
}

}  // namespace cgmm::live
