// SPDX-License-Identifier: Apache-2.0
#include "net/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace cgmm::net {
namespace {

constexpr int kGzip = 15 + 16;  // the largest window, and gzip's header: its time is 0
constexpr int kMemory = 8;      // zlib's default

/// zlib counts in 32 bits, and takes what it only reads as if it wrote there.
uInt give(z_stream& stream, std::string_view text) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(text.size(), std::numeric_limits<uInt>::max()));
  return stream.avail_in;
}

}  // namespace

struct GzipWriter::State {
  State() {
    if (::deflateInit2(&stream, 1, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { ::deflateEnd(&stream); }

  void run(int flush) {
    std::array<char, 16 << 10> chunk;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
      stream.avail_out = chunk.size();
      ::deflate(&stream, flush);
      packed.append(chunk.data(), chunk.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }

  z_stream stream{};
  std::string packed;
};

GzipWriter::GzipWriter() : state_(std::make_unique<State>()) {}
GzipWriter::GzipWriter(GzipWriter&&) noexcept = default;
GzipWriter& GzipWriter::operator=(GzipWriter&&) noexcept = default;
GzipWriter::~GzipWriter() = default;

void GzipWriter::write(std::string_view text) {
  while (!text.empty()) {
    const uInt given = give(state_->stream, text);
    state_->run(Z_NO_FLUSH);
    text.remove_prefix(given);
  }
}

std::size_t GzipWriter::packed_bytes() const { return state_->packed.size(); }

std::string GzipWriter::finish() {
  give(state_->stream, "");
  state_->run(Z_FINISH);
  ::deflateReset(&state_->stream);
  std::string packed;
  packed.swap(state_->packed);
  return packed;
}

Unpacked gunzip(std::string_view packed, std::size_t max_bytes, std::string& text) {
  z_stream stream{};
  if (::inflateInit2(&stream, kGzip) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_streamp)> at_end(&stream, ::inflateEnd);
  std::array<char, 16 << 10> chunk;
  std::size_t left = max_bytes;
  bool is_whole = false;   // at the end of a gzip file
  bool is_behind = false;  // zlib may hold more than the chunk took
  while (!packed.empty() || is_behind) {
    const uInt given = give(stream, packed);
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = chunk.size();
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    const std::size_t got = chunk.size() - stream.avail_out;
    if (got > left) return Unpacked::too_big;
    text.append(chunk.data(), got);
    left -= got;
    packed.remove_prefix(given - stream.avail_in);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    is_whole = result == Z_STREAM_END;
    is_behind = result == Z_OK && stream.avail_out == 0;
    if (is_whole) ::inflateReset(&stream);  // another may follow
    if (result != Z_OK && !is_whole) break;
  }
  return is_whole ? Unpacked::whole : Unpacked::broken;
}

}  // namespace cgmm::net
