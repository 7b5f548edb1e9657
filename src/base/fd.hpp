// SPDX-License-Identifier: Apache-2.0
#pragma once

// A file descriptor that closes itself, the identity of a file, and the error of a system call. No threads of its own.

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace cgmm::base {

[[noreturn]] inline void throw_errno(int error, const std::string& path) {
  throw std::system_error(error, std::system_category(), path);
}

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

/// Which file it is, whatever its name: a file that replaced another of the same name has another identity.
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
