// SPDX-License-Identifier: Apache-2.0
#include "kernel/control_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

using base::throw_errno;

constexpr std::size_t kMaxPathBytes = 4000;

/// A removed cgroup is not an error: ENOENT from its directory, ENODEV from a file in it that is held open.
bool means_gone(int error) { return error == ENOENT || error == ENODEV; }

}  // namespace

/// O_NOFOLLOW alone covers only the last name. Name by name if the path is too long for one call, or if there is no
/// openat2() (before Linux 5.6, or because of a seccomp filter).
base::Fd open_directory(int root_fd, std::string_view path, int flags) {
  while (path.starts_with('/')) path.remove_prefix(1);
  const std::string names = path.empty() ? "." : std::string(path);
  flags |= O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  base::Fd directory;
  if (names.size() <= kMaxPathBytes) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags);
    how.resolve = RESOLVE_NO_SYMLINKS;
    directory = base::Fd(static_cast<int>(::syscall(SYS_openat2, root_fd, names.c_str(), &how, sizeof how)));
    if (directory || (errno != ENOSYS && errno != EPERM)) return directory;
  }
  for (std::string_view rest = names; !rest.empty();) {
    const std::string name(take_word(rest, '/'));
    const int last_flags = rest.empty() ? flags : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    base::Fd next(::openat(directory ? directory.get() : root_fd, name.empty() ? "." : name.c_str(), last_flags));
    if (!next) return next;
    directory = std::move(next);
  }
  return directory;
}

base::Fd open_cgroup(int root_fd, std::string_view path, std::uint64_t inode, int flags) {
  base::Fd directory = open_directory(root_fd, path, flags);
  struct stat status{};
  if (!directory || ::fstat(directory.get(), &status) != 0) return {};
  if (status.st_ino == inode) return directory;
  errno = ENOENT;
  return {};
}

std::optional<Cgroup> Cgroup::open(int root_fd, core::SharedPath path, std::uint64_t inode, HeldFiles& held) {
  Cgroup cgroup(root_fd, std::move(path), inode, held);
  base::Fd directory = cgroup.open_directory();
  if (!directory && means_gone(errno)) return std::nullopt;
  if (!directory) throw_errno(errno, cgroup.path());
  if (held.directories_left > 0 && directory.get() < held.below) {
    --held.directories_left;
    cgroup.directory_ = std::move(directory);
  }
  return cgroup;
}

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  if (this == &other) return *this;
  std::destroy_at(this);  // gives back what it held
  return *std::construct_at(this, std::move(other));
}

Cgroup::~Cgroup() {
  for (std::size_t slot = 0; slot < files_.size(); ++slot) drop_file(slot);
  if (directory_) ++held_->directories_left;
}

void Cgroup::drop_file(std::size_t slot) {
  if (slot >= files_.size() || !files_[slot]) return;
  files_[slot].reset();
  ++held_->files_left;
}

base::Fd Cgroup::open_directory() const { return open_cgroup(root_fd_, path(), inode_, O_PATH); }

base::Fd Cgroup::open_file(const char* name, int flags) const {
  base::Fd opened = directory_ || visited_ ? base::Fd() : open_directory();
  const int directory = directory_ ? directory_.get() : visited_ ? visited_.get() : opened.get();
  if (is_visited_ && opened) visited_ = std::move(opened);
  return directory < 0 ? base::Fd() : base::Fd(::openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW));
}

std::optional<std::string_view> Cgroup::read(std::size_t slot, const char* name, std::span<char> buffer) {
  const auto bit = static_cast<std::uint16_t>(1U << slot);
  if ((absent_ & bit) != 0) return std::nullopt;
  const bool is_held = slot < files_.size() && files_[slot];
  base::Fd opened;
  if (!is_held) {
    opened = open_file(name, O_RDONLY | O_NONBLOCK);  // a pipe instead of a file must not block the scan
    if (!opened) {
      if (!means_gone(errno)) throw_errno(errno, path_of(name));
      if (is_there()) absent_ |= bit;
      return std::nullopt;
    }
  }
  const int fd = opened ? opened.get() : files_[slot].get();
  // With one read(): the kernel generates the whole text again for each read() at another offset.
  const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), 0);
  if (got < 0) {
    const int error = errno;
    drop_file(slot);
    if (error == EOPNOTSUPP) {  // memory.pressure, if PSI is switched off
      absent_ |= bit;
      return std::nullopt;
    }
    if (means_gone(error)) return std::nullopt;
    throw_errno(error, path_of(name));
  }
  if (slot >= held_->slots) {
    drop_file(slot);
  } else if (opened && held_->files_left > 0 && opened.get() < held_->below) {
    --held_->files_left;
    files_[slot] = std::move(opened);
  }
  if (static_cast<std::size_t>(got) > kMaxFileBytes) throw_errno(EFBIG, path_of(name));
  return std::string_view(buffer.data(), static_cast<std::size_t>(got));
}

base::Fd Cgroup::open_to_write(const char* name) const { return open_file(name, O_WRONLY | O_TRUNC); }

std::error_code Cgroup::write(const char* name, std::string_view text) const {
  const base::Fd file = open_to_write(name);
  if (!file || ::write(file.get(), text.data(), text.size()) < 0) return {errno, std::system_category()};
  return {};
}

std::vector<core::CgroupId> Cgroup::children() const {
  std::vector<core::CgroupId> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(open_file(".", O_RDONLY | O_DIRECTORY).release()),
                                                    &::closedir);
  while (const dirent* const entry = entries ? ::readdir(entries.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..")
      found.push_back({path() + "/" + std::string(name), entry->d_ino});
  }
  return found;
}

bool Cgroup::has_file(const char* name) const {
  struct stat status{};  // without a descriptor, where the directory is held
  return directory_ ? ::fstatat(directory_.get(), name, &status, AT_SYMLINK_NOFOLLOW) == 0
                    : static_cast<bool>(open_file(name, O_PATH));
}

bool Cgroup::is_there() const { return static_cast<bool>(open_directory()); }

bool Cgroup::is_gone() const { return !open_directory() && (means_gone(errno) || errno == ENOTDIR); }

}  // namespace cgmm::kernel
