// SPDX-License-Identifier: Apache-2.0
#pragma once

// Has the answers made by programs. Those who ask for the same while it waits for its turn get the same answer: it is
// made after they asked, so it is as new as each of them may expect. Any thread.

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "serve/program.hpp"
#include "serve/routes.hpp"
#include "serve/workers.hpp"

namespace cgmm::serve {

struct AnswersSettings {
  std::filesystem::path program;
  std::vector<std::string> place;  // arguments of each: where the history is
  ProgramBounds bounds;
  std::size_t programs = 2;   // at the same time
  std::size_t waiting = 128;  // different ones
  std::size_t most_bytes = std::size_t{64}
                           << 20;  // of answers that clients have not taken yet; beyond, nothing is made
};

class Answers {
 public:
  explicit Answers(AnswersSettings settings);
  /// Ends the programs that run; nobody gets their answers.
  ~Answers();
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  /// Calls `answer` once: later, in another thread, or at once where too many ask.
  void ask(Route route, net::Server::Answer answer);

 private:
  using Asking = std::vector<net::Server::Answer>;

  void make(const Route& route);
  bool is_too_much() CGMM_REQUIRES(mutex_);

  base::Fd stop_;
  AnswersSettings settings_;
  base::Mutex mutex_;
  std::map<std::vector<std::string>, Asking> waiting_ CGMM_GUARDED_BY(mutex_);  // by arguments
  std::vector<std::weak_ptr<const std::string>> given_ CGMM_GUARDED_BY(mutex_);
  Workers workers_;  // the last one: its threads use the others
};

}  // namespace cgmm::serve
