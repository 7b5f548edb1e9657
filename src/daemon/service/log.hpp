// SPDX-License-Identifier: Apache-2.0
#pragma once

// The log, on standard error. No thread waits for its reader: a thread of its own writes out a bounded queue; when it
// is full, the oldest message is dropped and counted. One object a process, of the main thread; any thread may log.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace spdlog::details {
class thread_pool;
}

namespace cgmm::daemon {

class Log {
 public:
  static constexpr std::size_t kMessages = 512;  // about 200 KB

  /// Becomes spdlog's default logger. `with_time`: each line begins with the time. The thread inherits the caller's
  /// signal mask. Throws std::runtime_error when the thread cannot be started.
  explicit Log(bool with_time, std::size_t messages = kMessages);
  /// Flushes. When nobody reads, the thread is left behind, blocked in its write.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Whether everything that was logged so far was written within `time`.
  bool flush(std::chrono::milliseconds time = std::chrono::milliseconds{200});

 private:
  class Sink;

  std::shared_ptr<spdlog::details::thread_pool> pool_;  // shared: spdlog's loggers want it so
  std::shared_ptr<Sink> sink_;
  std::int64_t flush_count_ = 0;
};

}  // namespace cgmm::daemon
