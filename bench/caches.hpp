// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes the processors' caches cold, as they are for a service that wakes up every ten seconds on a node with other
// work to do.

#include <cstddef>
#include <cstdint>
#include <span>

namespace cgmm::bench {

class Caches {
 public:
  Caches();
  ~Caches();
  Caches(const Caches&) = delete;
  Caches& operator=(const Caches&) = delete;

  /// Every processor writes and reads all of a buffer that is larger than they are, the same memory each time: the
  /// memory that the node holds does not change.
  void thrash();
  /// How long the last one took.
  std::int64_t thrash_us() const { return thrash_us_; }

 private:
  std::span<std::uint64_t> buffer_;
  std::int64_t thrash_us_ = 0;
};

}  // namespace cgmm::bench
