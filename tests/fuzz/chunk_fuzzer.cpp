// SPDX-License-Identifier: Apache-2.0
// A chunk of the archive may come from a copied file from anywhere: an error, or values, whatever its bytes are. Inputs
// with an even first byte are the chunk itself; of the others the rest is compressed first, so that they reach what is
// below zstd.

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "archive/chunk.hpp"
#include "require.hpp"

using namespace cgmm::archive;

namespace {

void read_all(Decoder& decoder, const std::string& data) {
  try {
    Chunk chunk(decoder, data, 1, 0);
    REQUIRE(chunk.size() >= 1 && chunk.size() <= static_cast<std::size_t>(kBlockScans));
    REQUIRE(chunk.bytes() < 768 * 1024);
    std::size_t count = 0;
    for (std::size_t place = 0; place < static_cast<std::size_t>(kBlockScans); ++place) {
      if (!chunk.has(place)) continue;
      ++count;
      for (std::size_t column = 0; column < kColumnCount; ++column) chunk.value(column, place);
    }
    REQUIRE(count == chunk.size());
    const Chunk some(decoder, data, 1, 0, Columns(0x41));
    REQUIRE(some.size() == chunk.size() && some.bytes() <= chunk.bytes());
  } catch (const BadChunk&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  static Decoder decoder;
  const std::string rest(bytes + 1, bytes + size);
  if (bytes[0] % 2 == 0) {
    read_all(decoder, rest);
    return 0;
  }
  std::string data(1 + ZSTD_compressBound(rest.size()), '\1');
  data.resize(1 + ZSTD_compress(data.data() + 1, data.size() - 1, rest.data(), rest.size(), 1));
  read_all(decoder, data);
  return 0;
}
