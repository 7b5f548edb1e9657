// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which file it is, whatever its name: a file that was replaced by another of the same name has another identity.

#include <sys/stat.h>

#include <filesystem>
#include <optional>

namespace cgmm::base {

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};

inline FileId file_id(const struct stat& status) { return {status.st_dev, status.st_ino}; }

/// nullopt where there is none, or it can't be looked at. Follows symbolic links.
inline std::optional<FileId> file_id(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? std::optional(file_id(status)) : std::nullopt;
}

/// The same of a symbolic link itself.
inline std::optional<FileId> link_id(const std::filesystem::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? std::optional(file_id(status)) : std::nullopt;
}

/// Of an open file.
inline std::optional<FileId> file_id(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 ? std::optional(file_id(status)) : std::nullopt;
}

}  // namespace cgmm::base
