// SPDX-License-Identifier: Apache-2.0
#include "report/format/wrap.hpp"

#include <algorithm>
#include <cstddef>

#include "base/text.hpp"
#include "report/format/escape.hpp"

namespace cgmm::report {
namespace {

/// How many bytes of the text take `width` columns at most. At least one character.
std::size_t bytes_in(std::string_view text, std::size_t width) {
  std::size_t end = base::decode_utf8(text, 0).length, taken = display_width(text.substr(0, end));
  while (end < text.size()) {
    const std::size_t length = base::decode_utf8(text, end).length;
    taken += display_width(text.substr(end, length));
    if (taken > width) break;
    end += length;
  }
  return end;
}

/// The same from the end of the text on: where its last `width` columns begin.
std::size_t begin_of_last(std::string_view text, std::size_t width) {
  std::size_t begin = 0;
  for (std::size_t taken = display_width(text); taken > width && begin < text.size();) {
    const std::size_t length = base::decode_utf8(text, begin).length;
    taken -= display_width(text.substr(begin, length));
    begin += length;
  }
  return begin;
}

/// A number and its unit are one word: "4.8 s", "1m 26s".
std::size_t end_of_word(std::string_view text) {
  constexpr std::size_t kLongestNumber = 7;
  const std::size_t end = std::min(text.find(' '), text.size());
  if (end == 0 || end == text.size()) return end;
  const std::size_t first = text[0] == '(' ? 1 : 0;
  const bool is_number = first < end && text[first] >= '0' && text[first] <= '9' && end - first <= kLongestNumber;
  const char last = text[end - 1];
  return is_number && last != ',' && last != '.' ? std::min(text.find(' ', end + 1), text.size()) : end;
}

/// "/kubepods/…/3fa91c": the first part of a path and its last parts, as many as have room. "": not even the last has.
std::string path_with_gap(std::string_view text, std::size_t width, std::string_view mark) {
  const std::size_t second = text.find('/', 1);
  std::size_t tail = text.rfind('/');
  if (!text.starts_with('/') || second >= tail) return "";
  const std::string head = std::string(text.substr(0, second + 1)).append(mark);
  const auto fits = [&](std::size_t begin) { return display_width(head) + display_width(text.substr(begin)) <= width; };
  if (!fits(tail)) return "";
  for (std::size_t before = text.rfind('/', tail - 1); before > second && fits(before);
       before = text.rfind('/', tail - 1)) {
    tail = before;
  }
  return head + std::string(text.substr(tail));
}

}  // namespace

std::vector<std::string> lines_of(std::string_view text, std::size_t width, LongWords long_words) {
  std::vector<std::string> lines(1);
  std::size_t used = 0;
  while (!text.empty()) {
    std::string_view word = text.substr(0, end_of_word(text));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const std::size_t taken = display_width(word);
    if (used > 0 && used + 1 + taken > width) {
      lines.emplace_back();
      used = 0;
    } else if (used > 0) {
      lines.back() += ' ';
      ++used;
    }
    while (long_words == LongWords::cut && display_width(word) > width) {
      const std::size_t most = bytes_in(word, width), slash = word.substr(0, most).rfind('/');
      const std::size_t cut = slash != std::string_view::npos && slash > most / 2 ? slash + 1 : most;
      lines.back() += word.substr(0, cut);
      lines.emplace_back();
      word.remove_prefix(cut);
    }
    lines.back() += word;
    used += display_width(word);
  }
  return lines;
}

std::string wrapped(std::string_view text, const Style& style, std::size_t indent) {
  const std::size_t width = std::min(style.width, kWidestProse);
  std::string out;
  for (const std::string& line :
       lines_of(style.ascii ? to_ascii(text) : std::string(text), width - std::min(indent, width - 1),
                style.fits ? LongWords::cut : LongWords::keep)) {
    out += (out.empty() ? "" : std::string(indent, ' ')) + line + '\n';
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t width, const Style& style) {
  if (display_width(text) <= width) return std::string(text);
  const std::string_view mark = style.ascii ? "..." : "…";
  const std::size_t room = width - std::min(width, display_width(mark));
  if (room < 2) return std::string(text.substr(0, bytes_in(text, width)));
  if (const std::string path = path_with_gap(text, width, mark); !path.empty()) return path;
  const std::string_view head = text.substr(0, bytes_in(text, room / 3 + room % 3));
  const std::size_t tail = begin_of_last(text, room - display_width(head));  // the end of a name tells more
  return std::string(head).append(mark).append(text.substr(tail));
}

}  // namespace cgmm::report
