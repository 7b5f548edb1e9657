// SPDX-License-Identifier: Apache-2.0
#pragma once

// Keys as the terminal says them, and what a person types at a prompt. Pure: any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cgmm::live {

/// A character, or one of these, which are no characters.
using Key = char32_t;
namespace key {
inline constexpr Key kNone = 0x110000, kUp = 0x110001, kDown = 0x110002, kLeft = 0x110003, kRight = 0x110004,
                     kPageUp = 0x110005, kPageDown = 0x110006, kHome = 0x110007, kEnd = 0x110008, kEnter = 0x110009,
                     kEscape = 0x11000a, kBackspace = 0x11000b, kTab = 0x11000c, kRedraw = 0x11000d;
}  // namespace key

/// A line that a person is typing.
struct Prompt {
  enum class For : std::uint8_t { filter, jump_forth, jump_back };
  For what = For::filter;
  std::string text{};

  /// Takes a character or a backspace.
  void press(Key key);
  std::string_view question() const;
};

/// Where to jump from `at_us`: by a duration ("10m"), to a clock time of the same day ("03:12"), or to a point in time
/// as in --at. nullopt: it is none of these.
std::optional<std::int64_t> jump_to(std::string_view text, bool is_forth, std::int64_t at_us, std::int64_t now_us);

}  // namespace cgmm::live
