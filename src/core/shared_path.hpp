// SPDX-License-Identifier: Apache-2.0
#pragma once

// The path of a cgroup. All owners share one copy, and it holds only the end that its parent's path lacks: a node may
// have thousands of paths of 150 bytes, and half of each is the same as in others. A part is one piece of memory, with
// its text behind it. Any thread may have copies.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "core/sample.hpp"

namespace cgmm::core {

class SharedPath {
 public:
  SharedPath() = default;
  explicit SharedPath(std::string_view path) : SharedPath(SharedPath(), path) {}
  /// `end` is the part after the parent's path, with a leading '/'.
  SharedPath(const SharedPath& parent, std::string_view end) : part_(Part::make(parent.part_, end)) {}

  SharedPath(const SharedPath& other) noexcept : part_(Part::share(other.part_)) {}
  SharedPath(SharedPath&& other) noexcept : part_(std::exchange(other.part_, nullptr)) {}
  SharedPath& operator=(SharedPath other) noexcept {
    std::swap(part_, other.part_);
    return *this;
  }
  ~SharedPath() { Part::release(part_); }

  std::size_t size() const { return part_ != nullptr ? part_->size : 0; }

  std::string string() const {
    std::string path(size(), '\0');
    for (const Part* part = part_; part != nullptr; part = part->parent) {
      const std::string_view end = part->end();
      end.copy(path.data() + part->size - end.size(), end.size());
    }
    return path;
  }

  /// Whether it was made from this parent and this end.
  bool is_made_of(const SharedPath& parent, std::string_view end) const {
    return part_ != nullptr && part_->parent == parent.part_ && part_->end() == end;
  }

  /// Whether it is the path of something below `above`.
  bool is_below(const SharedPath& above) const {
    if (size() <= above.size()) return false;
    const Part* part = part_;
    while (part != nullptr && part->size > above.size()) part = part->parent;
    if (above.size() == 0 || part == above.part_) return true;
    return part != nullptr && part->size == above.size() && string().starts_with(above.string());
  }

  friend bool operator==(const SharedPath& a, const SharedPath& b) {
    return a.part_ == b.part_ || (a.size() == b.size() && a.string() == b.string());
  }

 private:
  struct Part {
    Part* parent;
    std::uint32_t size;  // of the whole path
    std::atomic<std::uint32_t> owners = 1;

    static Part* make(Part* parent, std::string_view end) {
      const std::size_t size = (parent != nullptr ? parent->size : 0) + end.size();
      void* const memory = ::operator new(sizeof(Part) + end.size());
      Part* const part = ::new (memory) Part{share(parent), static_cast<std::uint32_t>(size)};
      end.copy(part->text(), end.size());
      return part;
    }
    static Part* share(Part* part) noexcept {
      if (part != nullptr) part->owners.fetch_add(1, std::memory_order_relaxed);
      return part;
    }
    static void release(Part* part) noexcept {
      while (part != nullptr && part->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        Part* const parent = part->parent;
        std::destroy_at(part);
        ::operator delete(part);
        part = parent;
      }
    }

    char* text() { return reinterpret_cast<char*>(this + 1); }  // NOLINT: the memory behind it
    std::string_view end() const {
      const std::size_t before = parent != nullptr ? parent->size : 0;
      return {reinterpret_cast<const char*>(this + 1), size - before};  // NOLINT
    }
  };

  Part* part_ = nullptr;
};

/// A CgroupId whose path is shared.
struct SharedId {
  SharedPath path;
  std::uint64_t inode = 0;

  SharedId() = default;
  SharedId(SharedPath shared, std::uint64_t number) : path(std::move(shared)), inode(number) {}
  SharedId(const std::string& text, std::uint64_t number) : path(text), inode(number) {}
  SharedId(const CgroupId& id) : path(id.path), inode(id.inode) {}  // NOLINT(google-explicit-constructor): the same
  operator CgroupId() const { return {path.string(), inode}; }      // NOLINT(google-explicit-constructor)
};

}  // namespace cgmm::core
