// SPDX-License-Identifier: Apache-2.0
#pragma once

// The path of a cgroup. All owners share one copy in memory, and it holds only the end that its parent's path lacks: a
// node may have thousands of paths of 150 bytes, and half of each is the same as in others. All owners belong to one
// thread.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace cgmm::kernel {

class SharedPath {
 public:
  SharedPath() = default;
  explicit SharedPath(std::string_view path) : SharedPath(SharedPath(), path) {}
  /// `end` is the part after the parent's path, with a leading '/'.
  SharedPath(const SharedPath& parent, std::string_view end) : block_(new char[sizeof(Head) + end.size()]) {
    SharedPath kept = parent;
    set_head({.parent = std::exchange(kept.block_, nullptr),
              .length = static_cast<std::uint32_t>(parent.size() + end.size()),
              .owners = 1});
    std::memcpy(block_ + sizeof(Head), end.data(), end.size());
  }
  SharedPath(const SharedPath& other) : block_(other.block_) {
    if (block_ != nullptr) add_owners(1);
  }
  SharedPath(SharedPath&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedPath& operator=(SharedPath other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedPath() {
    while (block_ != nullptr && add_owners(-1) == 0) {
      char* const parent = head().parent;
      delete[] std::exchange(block_, parent);
    }
  }

  std::size_t size() const { return block_ == nullptr ? 0 : head().length; }

  std::string string() const {
    std::string path(size(), '\0');
    for (const char* block = block_; block != nullptr; block = head_of(block).parent) {
      const std::size_t begin = head_of(block).parent == nullptr ? 0 : head_of(head_of(block).parent).length;
      std::memcpy(path.data() + begin, block + sizeof(Head), head_of(block).length - begin);
    }
    return path;
  }

  /// Whether it was made from this parent and this end.
  bool is_made_of(const SharedPath& parent, std::string_view end) const {
    return block_ != nullptr && head().parent == parent.block_ && size() - parent.size() == end.size() &&
           std::memcmp(block_ + sizeof(Head), end.data(), end.size()) == 0;
  }

  friend bool operator==(const SharedPath& a, const SharedPath& b) {
    return a.block_ == b.block_ || (a.size() == b.size() && a.string() == b.string());
  }

 private:
  struct Head {
    char* parent = nullptr;
    std::uint32_t length = 0;  // of the whole path
    std::int32_t owners = 0;
  };
  static Head head_of(const char* block) {
    Head head;
    std::memcpy(&head, block, sizeof head);
    return head;
  }
  Head head() const { return head_of(block_); }
  void set_head(const Head& head) { std::memcpy(block_, &head, sizeof head); }
  std::int32_t add_owners(std::int32_t count) {
    Head now = head();
    now.owners += count;
    set_head(now);
    return now.owners;
  }

  char* block_ = nullptr;  // Head, then the end of the path
};

}  // namespace cgmm::kernel
