// SPDX-License-Identifier: Apache-2.0
#pragma once

// gzip for the bodies of requests and answers. The same text gives the same bytes: there is no time in the header.
// One object is for one thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace cgmm::net {

/// Packs at level 1: a batch of rows gets hardly smaller with more.
class GzipWriter {
 public:
  GzipWriter();
  GzipWriter(GzipWriter&&) noexcept;
  GzipWriter& operator=(GzipWriter&&) noexcept;
  ~GzipWriter();

  void write(std::string_view text);
  /// What came out so far: less than what finish() will give.
  std::size_t packed_bytes() const;
  /// The whole gzip file. After it the writer begins anew.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class Unpacked : std::uint8_t { whole, broken, too_big };

/// Appends to `text` what `packed` holds, at most `max_bytes`. One gzip file, or several one after another.
Unpacked gunzip(std::string_view packed, std::size_t max_bytes, std::string& text);

}  // namespace cgmm::net
