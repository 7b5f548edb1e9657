// SPDX-License-Identifier: Apache-2.0
#pragma once

// `<database>.sock`: whoever connects is told what the service is doing, and the connection is closed. So `status` has
// an answer while the database can't be read or written. It only tells: what a client sends is never read, and a client
// that does not read is not waited for. The mode is 0660 and the group the database's: who may read the history may
// ask.
//
// Where no file can be made (a full or read-only disk at the start) a name that is in no directory stands in for it,
// for the service's own user and root only: both ends look at whom they talk to.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace cgmm::daemon {

/// Where it is, for the service and for who asks: beside the file itself, symbolic links followed.
std::filesystem::path status_socket_of(const std::filesystem::path& database);

/// The service's end; owned by one thread. Whoever holds the database's lock may have it.
class StatusSocket {
 public:
  explicit StatusSocket(const std::filesystem::path& database)
      : database_(database), path_(status_socket_of(database)) {}
  StatusSocket(const StatusSocket&) = delete;
  StatusSocket& operator=(const StatusSocket&) = delete;

  /// Makes it, in place of one that a crash has left or that was taken away; nothing where it is still there. Touches
  /// the disk. Throws std::system_error with the path: the file system refuses, or a file that is no dead socket is in
  /// the way; then the stand-in listens, if it can.
  void make();

  /// To be polled for reading; -1: there is none.
  int fd() const { return listening_ ? listening_.get() : stand_in_.get(); }

  /// Answers one that waits. False: nobody did, or it can't be done now.
  bool answer_one(std::string_view answer) const;

  /// Nobody is answered any more; those who ask are refused at once.
  void close() {
    listening_.reset();
    stand_in_.reset();
  }
  /// Removes what make() made. Touches the disk.
  void remove();

 private:
  bool is_ours() const;
  void make_file();
  void make_stand_in();

  std::filesystem::path database_;
  std::filesystem::path path_;
  base::Fd listening_;
  base::Fd stand_in_;  // while there is no other
  dev_t device_ = 0;   // of the socket's file
  ino_t inode_ = 0;
};

/// Whether the service of this database listens, whether it answers or not.
bool is_service_there(const std::filesystem::path& database);

/// What the service of this database answers; nullopt when none does within the time.
std::optional<std::string> ask_service(const std::filesystem::path& database, std::chrono::milliseconds time);

}  // namespace cgmm::daemon
