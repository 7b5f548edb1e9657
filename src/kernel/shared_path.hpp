// SPDX-License-Identifier: Apache-2.0
#pragma once

// The path of a cgroup. All owners share one copy, and it holds only the end that its parent's path lacks: a node may
// have thousands of paths of 150 bytes, and half of each is the same as in others.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace cgmm::kernel {

class SharedPath {
 public:
  SharedPath() = default;
  explicit SharedPath(std::string_view path) : SharedPath(SharedPath(), path) {}
  /// `end` is the part after the parent's path, with a leading '/'.
  SharedPath(const SharedPath& parent, std::string_view end)
      : part_(std::make_shared<const Part>(Part{parent.part_, std::string(end), parent.size() + end.size()})) {}

  std::size_t size() const { return part_ ? part_->size : 0; }

  std::string string() const {
    std::string path(size(), '\0');
    for (const Part* part = part_.get(); part != nullptr; part = part->parent.get()) {
      part->end.copy(path.data() + part->size - part->end.size(), part->end.size());
    }
    return path;
  }

  /// Whether it was made from this parent and this end.
  bool is_made_of(const SharedPath& parent, std::string_view end) const {
    return part_ && part_->parent == parent.part_ && part_->end == end;
  }

  /// Whether it is the path of something below `above`.
  bool is_below(const SharedPath& above) const {
    if (size() <= above.size()) return false;
    const Part* part = part_.get();
    while (part != nullptr && part->size > above.size()) part = part->parent.get();
    if (above.size() == 0 || part == above.part_.get()) return true;
    return part != nullptr && part->size == above.size() && string().starts_with(above.string());
  }

  friend bool operator==(const SharedPath& a, const SharedPath& b) {
    return a.part_ == b.part_ || (a.size() == b.size() && a.string() == b.string());
  }

 private:
  struct Part {
    std::shared_ptr<const Part> parent;
    std::string end;
    std::size_t size = 0;  // of the whole path
  };
  std::shared_ptr<const Part> part_;
};

}  // namespace cgmm::kernel
