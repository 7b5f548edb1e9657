// SPDX-License-Identifier: Apache-2.0
#pragma once

// The path of a cgroup, in memory once for all who name it: a node may have thousands, of 150 bytes each. All copies of one
// belong to one thread.

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace cgmm::kernel {

class SharedPath {
 public:
  SharedPath() = default;
  explicit SharedPath(std::string_view path) : block_(new char[sizeof(Head) + path.size()]) {
    set_head({.owners = 1, .length = static_cast<std::uint32_t>(path.size())});
    std::memcpy(block_ + sizeof(Head), path.data(), path.size());
  }
  SharedPath(const SharedPath& other) : block_(other.block_) { add_owners(1); }
  SharedPath(SharedPath&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedPath& operator=(SharedPath other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedPath() {
    add_owners(-1);
    if (block_ != nullptr && head().owners == 0) delete[] block_;
  }

  std::string_view operator*() const {
    return block_ == nullptr ? std::string_view() : std::string_view(block_ + sizeof(Head), head().length);
  }

 private:
  struct Head {
    std::int32_t owners = 0;
    std::uint32_t length = 0;
  };
  Head head() const {
    Head head;
    std::memcpy(&head, block_, sizeof head);
    return head;
  }
  void set_head(const Head& head) { std::memcpy(block_, &head, sizeof head); }
  void add_owners(int count) {
    if (block_ != nullptr) set_head({.owners = head().owners + count, .length = head().length});
  }

  char* block_ = nullptr;  // Head, then the text
};

}  // namespace cgmm::kernel
