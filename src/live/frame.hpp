// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is on the screen, as text: whatever paints it needs to know nothing else. Pure: any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cgmm::live {

struct Size {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

/// `here`: what somebody has chosen; `position`: the point in time in the strip.
enum class Look : std::uint8_t { plain, dim, heading, warm, hot, kill, reclaim, here, position };

struct Span {
  std::string text;  // safe for a terminal
  Look look = Look::plain;
};

struct Line {
  std::vector<Span> spans{};
  bool is_selected = false;

  std::string text() const;
};

/// One line for each row of the screen, none longer than it is wide.
struct Frame {
  std::vector<Line> lines;
};

/// Builds a line of so many columns: what does not fit is cut.
class LineWriter {
 public:
  /// `ascii`: the terminal shows no other characters.
  LineWriter(std::size_t columns, bool ascii) : left_(columns), ascii_(ascii) {}
  /// As much as there is room for.
  void add(std::string_view text, Look look = Look::plain);
  /// In a field of this width: shortened, or with spaces after it, or before it.
  void add_left(std::string_view text, std::size_t width, Look look = Look::plain);
  void add_right(std::string_view text, std::size_t width, Look look = Look::plain);
  /// Spaces up to the end.
  void fill(Look look = Look::plain);
  Line finish(bool is_selected = false);
  bool is_ascii() const { return ascii_; }
  std::size_t left() const { return left_; }

 private:
  std::string in_terminal(std::string_view text) const;

  Line line_;
  std::size_t left_;
  bool ascii_;
};

}  // namespace cgmm::live
