// SPDX-License-Identifier: Apache-2.0
#include "store/log_check.hpp"

#include <sqlite3.h>

#include <array>
#include <cstring>
#include <fstream>
#include <vector>

namespace cgmm::store {
namespace {

constexpr std::size_t kHeader_bytes = 32;
constexpr std::size_t kFrameHeader_bytes = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // the lowest bit: checksums are of big-endian words

std::uint32_t word(const unsigned char* bytes, bool big_endian) {
  return big_endian ? std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3]
                    : std::uint32_t{bytes[3]} << 24 | std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[0];
}

struct Sum {
  std::uint32_t first = 0, second = 0;
  friend bool operator==(const Sum&, const Sum&) = default;
};

Sum add(Sum sum, const unsigned char* bytes, std::size_t count, bool big_endian) {
  for (std::size_t i = 0; i < count; i += 8) {
    sum.first += word(bytes + i, big_endian) + sum.second;
    sum.second += word(bytes + i + 4, big_endian) + sum.first;
  }
  return sum;
}

std::uint64_t two_words(const unsigned char* bytes) { return std::uint64_t{word(bytes, true)} << 32 | word(bytes + 4, true); }

bool read_next(std::ifstream& in, unsigned char* to, std::size_t count) {
  in.read(reinterpret_cast<char*>(to), static_cast<std::streamsize>(count));
  return in.gcount() == static_cast<std::streamsize>(count);
}

/// Of SQLite's index of the log, in the machine's byte order.
constexpr int kIndexPart_bytes = 32'768;
constexpr std::size_t kIndexHeader_bytes = 48;  // there are two, alike unless somebody is writing
constexpr std::size_t kFrameCountAt = 16;

}  // namespace

std::int64_t frames_in_log(SQLite::Database& database) {
  sqlite3_file* file = nullptr;
  database.check(sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file));
  volatile void* index = nullptr;
  if (file->pMethods->iVersion < 2 || file->pMethods->xShmMap(file, 0, kIndexPart_bytes, 0, &index) != SQLITE_OK || index == nullptr) return 0;
  std::array<unsigned char, 2 * kIndexHeader_bytes> headers;
  std::memcpy(headers.data(), const_cast<const void*>(index), headers.size());
  if (std::memcmp(headers.data(), &headers[kIndexHeader_bytes], kIndexHeader_bytes) != 0) return 0;
  std::uint32_t count = 0;
  std::memcpy(&count, &headers[kFrameCountAt], sizeof count);
  return count;
}

bool is_log_sound(const std::filesystem::path& log, std::int64_t frame_count) {
  if (frame_count == 0) return true;
  std::ifstream in(log, std::ios::binary);
  if (!in) return true;  // it is not there, which is another matter
  std::array<unsigned char, kHeader_bytes> header;
  if (!read_next(in, header.data(), header.size())) return false;
  const bool big_endian = (word(header.data(), true) & 1U) != 0;
  Sum sum = add({}, header.data(), 24, big_endian);
  if ((word(header.data(), true) & ~1U) != kMagic || sum != Sum{word(&header[24], true), word(&header[28], true)}) return false;
  const std::uint64_t salts = two_words(&header[16]);
  std::vector<unsigned char> frame(kFrameHeader_bytes + word(&header[8], true));
  for (; frame_count > 0; --frame_count) {
    if (!read_next(in, frame.data(), frame.size())) return false;
    sum = add(add(sum, frame.data(), 8, big_endian), &frame[kFrameHeader_bytes], frame.size() - kFrameHeader_bytes, big_endian);
    if (two_words(&frame[8]) != salts || sum != Sum{word(&frame[16], true), word(&frame[20], true)}) return false;
  }
  return true;
}

}  // namespace cgmm::store
