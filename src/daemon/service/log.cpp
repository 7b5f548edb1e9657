// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <spdlog/async.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "daemon/resources.hpp"

#include "base/mutex.hpp"

namespace cgmm::daemon {
namespace {

using ColorSink = spdlog::sinks::ansicolor_sink<spdlog::details::console_nullmutex>;

/// Standard error as a stream of its own. The C library's has a lock, which a write that blocks holds, and which the
/// process takes when it exits. Unbuffered, because buffers are written out at exit, too.
struct OwnStream {
  OwnStream() {
    int fd = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 && errno == EBADF) fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);  // it was closed
    stream = fd < 0 ? nullptr : ::fdopen(fd, "w");
    if (stream == nullptr) throw std::system_error(errno, std::system_category(), "standard error");
    std::setvbuf(stream, nullptr, _IONBF, 0);
  }
  ~OwnStream() { std::fclose(stream); }
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;

  std::FILE* stream;
};

}  // namespace

/// Called by the log's thread only, but for await_flush().
class Log::Sink : private OwnStream, public ColorSink {
 public:
  explicit Sink(spdlog::details::thread_pool& pool) : ColorSink(stream, spdlog::color_mode::automatic), pool_(pool) {}

  /// Says first how many messages were dropped before this one.
  void log(const spdlog::details::log_msg& message) override {
    const std::size_t lost_count = pool_.overrun_counter();
    if (lost_count > told_lost_count_) {
      const std::string text = fmt::format("{} messages were lost here: the log was not read in time",
                                           lost_count - std::exchange(told_lost_count_, lost_count));
      ColorSink::log({message.time, spdlog::source_loc{}, message.logger_name, spdlog::level::warn, text});
    }
    ColorSink::log(message);
  }

  void flush() override {
    {
      const base::Lock lock(mutex_);
      ++flush_count_;
    }
    flushed_.notify_all();
  }

  bool await_flush(std::int64_t count, std::chrono::milliseconds time) {
    base::Lock lock(mutex_);
    return flushed_.wait_for(lock, time, [&]() CGMM_REQUIRES(mutex_) { return flush_count_ >= count; });
  }

 private:
  spdlog::details::thread_pool& pool_;
  std::size_t told_lost_count_ = 0;
  base::Mutex mutex_;
  base::Condition flushed_;
  std::int64_t flush_count_ CGMM_GUARDED_BY(mutex_) = 0;
};

Log::Log(bool with_time, std::size_t messages) {
  try {
    pool_ = std::make_shared<spdlog::details::thread_pool>(messages, 1, [] { name_this_thread("log"); });
  } catch (const std::system_error& error) {
    throw std::runtime_error(std::string("the thread that writes the log can't be started: ") + error.code().message());
  }
  sink_ = std::make_shared<Sink>(*pool_);
  spdlog::set_default_logger(std::make_shared<spdlog::async_logger>("cgroup-memory-manager", sink_, pool_,
                                                                    spdlog::async_overflow_policy::overrun_oldest));
  spdlog::set_pattern(with_time ? "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$: %v" : "%l: %v", spdlog::pattern_time_type::utc);
}

Log::~Log() {
  if (flush()) return;
  // Its destructor would wait for the thread. The static pointer keeps it reachable, so that it counts as no leak.
  static const auto* const left_behind = new auto(std::move(pool_));
  static_cast<void>(left_behind);
}

bool Log::flush(std::chrono::milliseconds time) {
  spdlog::default_logger()->flush();
  return sink_->await_flush(++flush_count_, time);
}

}  // namespace cgmm::daemon
